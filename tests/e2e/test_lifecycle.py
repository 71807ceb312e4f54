"""Start, stop, and what is said when the start is not possible."""
import json
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import BINARY, POLICY, Gateway, request, seed_campaign, wait_for
from kore import Answer


@pytest.mark.concurrency
def test_term_finishes_what_is_under_way(gateway, kore):
    kore.script.append(Answer(delay=0.7))
    with gateway.client() as client, gateway.client() as idle:
        client.send(request(seed_campaign()))
        wait_for(lambda: kore.requests, "the request to arrive upstream")
        gateway.term()
        wait_for(lambda: gateway.events("draining"), "the drain to begin")
        assert idle.at_end()
        response = client.read()
        assert response.status == 200 and response.header("connection") == "close"
        assert client.at_end()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", gateway.port), timeout=1)
    gateway.stop()
    assert [record["kind"] for record in gateway.journal()][-2:] == ["shutdown", "checkpoint"]
    assert gateway.events("stopped")[0]["how"] == "drained"


@pytest.mark.concurrency
def test_a_second_term_stops_at_once(make_gateway, kore):
    gateway = make_gateway()
    kore.script.append(Answer(silent=True))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        wait_for(lambda: kore.requests, "the request to arrive upstream")
        gateway.term()
        wait_for(lambda: gateway.events("draining"), "the drain to begin")
        gateway.term()
        assert gateway.process.wait(5) == 1
    gateway.stop(expected=(1,))
    assert [d["verdict"] for d in gateway.decisions()] == ["allow"]


def test_a_client_that_leaves_changes_nothing_upstream(gateway, kore):
    kore.script.append(Answer(delay=0.3))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        wait_for(lambda: kore.requests, "the request to arrive upstream")
    outcome = wait_for(lambda: list(gateway.outcomes().values()), "the outcome")[0]
    assert outcome["outcome"] == "created"


def test_connections_leave_no_descriptor_behind(make_gateway, kore):
    gateway = make_gateway(workers=1)

    def count():
        return len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))
    assert gateway.post(seed_campaign()).status == 200    # opens the pooled upstream connection
    with gateway.client() as client:                      # one to be compared with
        client.send(request(seed_campaign()))
        client.read()
        before = count()
    for cut in range(0, 1000, 100):
        assert gateway.post(seed_campaign()).status == 200    # one at a time: one upstream connection
        with gateway.client() as client:
            client.send(request(seed_campaign())[:cut])
    wait_for(lambda: count() < before, "every connection to be closed")


def test_logs_are_json_lines(gateway):
    gateway.post(seed_campaign())
    gateway.stop()
    for line in gateway.stderr().splitlines():
        assert {"time", "level", "event"} <= set(json.loads(line))


def refused_start(gateway):
    """Runs the gateway, which must not start: its one sentence."""
    run = subprocess.run([BINARY, "run", "--config", str(gateway.config)], capture_output=True,
                         text=True, timeout=30, env=gateway.environment)
    checked = subprocess.run([BINARY, "check", "--config", str(gateway.config)], text=True,
                             capture_output=True, timeout=30, env=gateway.environment)
    assert run.returncode == 2, run.stderr
    sentence = run.stderr.splitlines()[-1]
    assert re.match(r"^(\S+:\d+:\d+|environment \S+|\S+): .+", sentence), sentence
    assert checked.returncode in (0, 2)
    return sentence


@pytest.mark.parametrize("old, new, expected", [
    ("team: billing", "team: billing\ncolour: red", r"gateway.yaml:\d+:1: unknown key 'colour'"),
    ("workers: 2", "workers: two", r"gateway.yaml:2:10: 'two' is not a whole number"),
    ("workers: 2", "workers: 1000", r"gateway.yaml:2:10: there can be at most 256 workers"),
    ("15s", "15s, body: 2MiB", r"gateway.yaml:\d+:\d+: a body can be at most 1048576 bytes"),
    ("workers: 2", "workers: [2]", r"gateway.yaml:2:10: 'workers' must be a text, not a list"),
    ("workers: 2", "workers: 2\nworkers: 3", r"gateway.yaml:3:1: the key 'workers' is here a second time"),
    ("listen: 127.0.0.1:0", "listen: nowhere", r"gateway.yaml:1:9: 'nowhere' is not HOST:PORT"),
    ("listen: 127.0.0.1:0\n", "", r"gateway.yaml:1:1: 'listen' is missing"),
    ("gateway.pem", "missing.pem", r"gateway.yaml:3:\d+: cannot read the certificate file"),
    ("gateway.key", "kore.key", r"gateway.yaml:3:\d+: the key '.*' does not belong to the certificate"),
    ("gateway.key", "missing.key", r"gateway.yaml:3:\d+: cannot read the key file"),
    ("gateway.pem", "gateway.key", r"gateway.yaml:3:\d+: .* holds no PEM certificate"),
    ("ca.pem", "none.pem", r"gateway.yaml:4:\d+: cannot read the CA file"),
    ("https://localhost", "ftp://localhost", r"gateway.yaml:4:\d+: 'ftp://.*' is not https://HOST"),
    ("5s", "5", r"gateway.yaml:4:\d+: '5' is not a duration"),
    ("team: billing", "team: sales", r"gateway.yaml:\d+:7: the policy knows no team 'sales'"),
    ("policies: [policies]", "policies: [nowhere]", r"gateway.yaml:\d+:12: cannot find '.*nowhere'"),
    ("policies: [policies]", "policies: [*a]", r"gateway.yaml:\d+:12: aliases"),
    ("directory: audit", "directory: no/such/place", r"gateway.yaml:\d+:\d+: cannot make the directory"),
    ("workers: 2", "workers: {2", r"gateway.yaml:\d+:\d+: this is not YAML"),
])
def test_a_wrong_configuration_is_one_sentence(certs, tmp_path, old, new, expected):
    gateway = Gateway(tmp_path, certs, 1, start=False)
    text = gateway.config.read_text()
    assert old in text
    gateway.config.write_text(text.replace(old, new, 1))
    assert re.search(expected, refused_start(gateway))
    assert not (tmp_path / "audit").exists() or "directory" in old


@pytest.mark.parametrize("old, new, expected", [
    ("revision: 2026-11-23.1\n", "", r"policy.yaml: the policy has no 'revision'"),
    ("timezones:", "timezone:", r"policy.yaml:3:3: unknown rule 'timezone'"),
    ("Asia/Kolkata,", "Asia/Nowhere,", r"policy.yaml:3:15: 'Asia/Nowhere' is not an IANA time zone"),
    ("9:00 AM", "9 AM", r"policy.yaml:5:27: '9 AM - 8:00 PM' is not a window"),
    ("MO-SA", "MO-XX", r"policy.yaml:5:20: 'MO-XX' is not a day"),
    ('"+919561612345"', "919561612345", r"policy.yaml:9:18: a number starts with \+"),
    ("teams:", "teams:\n  billing: {}", r"policy.yaml:9:3: the key 'billing' is here a second time"),
])
def test_a_wrong_policy_is_one_sentence(certs, tmp_path, old, new, expected):
    assert old in POLICY
    gateway = Gateway(tmp_path, certs, 1, policy=POLICY.replace(old, new, 1), start=False)
    assert re.search(expected, refused_start(gateway))


def test_a_port_in_use(gateway, certs, tmp_path):
    second = Gateway(tmp_path, certs, 1, start=False)
    second.config.write_text(second.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{gateway.port}"))
    assert re.search(r"gateway.yaml:1:9: cannot listen on .*: Address already in use", refused_start(second))


def test_the_environment_overrides_the_file(certs, tmp_path):
    second = Gateway(tmp_path, certs, 1, start=False, environment={"CAMPAIGN_GATEWAY_WORKERS": "zero"})
    assert "environment CAMPAIGN_GATEWAY_WORKERS: 'zero' is not" in refused_start(second)


@pytest.mark.parametrize("arguments, code, text", [
    (["--help"], 0, "usage: campaign-gateway VERB"), (["run", "--help"], 0, "--config FILE"),
    (["check", "--help"], 0, "--config FILE"), (["version"], 0, "campaign-gateway 0."),
    ([], 2, "usage:"), (["fly"], 2, "unknown verb 'fly'"), (["run"], 2, "--config FILE is missing"),
    (["run", "--colour"], 2, "unknown option '--colour'"),
    (["check", "--config", "/no/such/file"], 2, "cannot open '/no/such/file'"),
])
def test_the_command_line_teaches(arguments, code, text):
    run = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=30)
    assert run.returncode == code and text in run.stdout + run.stderr

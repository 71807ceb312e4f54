"""The operations guide is true: its commands work, in the order in which they stand, on a gateway that runs."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from harness import ADMIN, AUTH, BINARY, ROOT, Client, Gateway, request, seed_campaign, wait_for
from journal_writer import Journal
from kore import Answer
from playbook import Play

PAGE = "deploy/operations.md"
KEY = "5f0c" * 16

CONFIG = """listen: 127.0.0.1:{port}
workers: 1
tls:
  certificate: tls/tls.crt
  key: tls/tls.key
  client_certificates: optional
  client_ca: tls/clients-ca.pem
upstream: {{url: "https://localhost:{upstream}", ca: tls/ca.pem, first_byte_timeout: 1s, total_timeout: 2s}}
tenants:
  - {{account_id: 67777ce93e25326494e00000, stream_id: st-0603182c-7ffb-53c3-b307-47ca14b00000}}
callers: callers.yaml
policies: [policies]
audit:
  directory: {state}/audit
  central: "{central}"
  reconcile_auth: kore-token
  reconcile_after: 1s
admin: {{listen: "127.0.0.1:{admin}"}}
log: {{format: json}}
access_log: {{file: "{log}/access.log"}}
"""
POLICY = """revision: 2026-11-23.1
organisation:
  timezones: [Asia/Kolkata, America/New_York]
teams:
  billing:
    caller_ids: ["+919561612345"]
"""
TESTS = """policy: ..
base: campaign.json
team: billing
at: 2026-11-24T10:00:00+05:30
tests:
  - {name: the campaign as it is, expect: allow}
  - {name: not from another number, patch: {/dialingStrategy/callerId/phoneNumber: "+12125550100"},
     expect: [caller-id-not-allowed]}
"""
CALLERS = """certificates:
  - {{dns: billing.apps.example.org, team: billing}}
api_keys:
  - id: billing-2026
    team: billing
    sha256: {digest}
    expires: {expires}
"""

# What a service manager does, as far as the guide asks for it.
SYSTEMCTL = r"""#!/bin/bash
set -eu
run={run}
touch "$run/$2.log"
count() {{ grep -c "$2" "$run/$1.log" || true; }}
alive() {{ [ -r "$run/$1.pid" ] && grep -qv ') Z ' "/proc/$(cat "$run/$1.pid")/stat" 2>/dev/null; }}
for_more() {{ # unit, event, how many there were
    for _ in $(seq 2000); do
        [ "$(count "$1" "$2")" -le "$3" ] || return 0
        alive "$1" || break
        sleep 0.01
    done
    tail -n 3 "$run/$1.log" >&2
    return 1
}}
verb=$1 unit=${{!#}}
case $unit in
campaign-gateway) command="run" ready='"event":"listening"' ;;
campaign-gateway-ship) command="audit ship" ready='"event":"ship-connected"' ;;
esac
case $verb in
start)
    before=$(count "$unit" "$ready")
    {binary} $command --config {config} </dev/null >>"$run/$unit.log" 2>&1 &
    echo $! >"$run/$unit.pid"
    for_more "$unit" "$ready" "$before"
    ;;
stop)
    ! alive "$unit" || kill "$(cat "$run/$unit.pid")"
    for _ in $(seq 2000); do alive "$unit" || exit 0; sleep 0.01; done
    exit 1
    ;;
restart) "$0" stop "$unit"; "$0" start "$unit" ;;
reload)
    before=$(count "$unit" '"event":"reload')
    kill -HUP "$(cat "$run/$unit.pid")"
    for_more "$unit" '"event":"reload' "$before"
    ;;
kill) kill "-${{2#--signal=}}" "$(cat "$run/$unit.pid")" ;;
is-active) alive "$unit" && echo active ;;
esac
"""
JOURNALCTL = """#!/bin/bash
for each; do case $each in campaign-gateway*) cat {run}/$each.log ;; esac; done
"""


def port_below_connections():
    """Free, and none that the kernel gives to connections: a gateway that is started again must find it free again."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(min(10000, lowest // 2), lowest)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Deployment:
    """A gateway with everything, under a service manager of sorts, and a central database."""

    def __init__(self, directory, certs, kore, database):
        self.directory, self.certs, self.kore, self.database = directory, certs, kore, database
        self.etc, self.state, self.run, self.logs = (directory / name for name in ("etc", "state", "run", "log"))
        self.journal = self.state / "audit"
        self.port, self.admin = port_below_connections(), port_below_connections()
        for each in (self.etc / "tls", self.etc / "policies", self.state, self.run, self.logs, directory / "bin",
                     directory / "srv"):
            each.mkdir(parents=True)
        self.write_files()
        self.write_commands()

    def write_files(self):
        for ours, theirs in (("tls.crt", "gateway.pem"), ("tls.key", "gateway.key"), ("ca.pem", "ca.pem"),
                             ("clients-ca.pem", "ca.pem")):
            (self.etc / "tls" / ours).write_bytes((self.certs / theirs).read_bytes())
        for ours, theirs in (("new-clients-ca.pem", "ca.pem"), ("escrow.pem", "ca.pem"), ("escrow.key", "ca.key")):
            (self.directory / ours).write_bytes((self.certs / theirs).read_bytes())
        self.issue("new")
        self.config = self.etc / "gateway.yaml"
        self.config.write_text(CONFIG.format(port=self.port, admin=self.admin, upstream=self.kore.port, state=self.state,
                                             log=self.logs,
                                             central=self.database.conninfo()))
        (self.etc / "policies/policy.yaml").write_text(POLICY)
        (self.etc / "policies/tests").mkdir()
        (self.etc / "policies/tests/senders.yaml").write_text(TESTS)
        (self.etc / "policies/tests/campaign.json").write_text(json.dumps(seed_campaign()))
        digest = subprocess.run(["sha256sum"], input=KEY.encode(), capture_output=True, check=True).stdout.decode().split()[0]
        expires = (datetime.now() + timedelta(days=300)).date()
        (self.etc / "callers.yaml").write_text(CALLERS.format(digest=digest, expires=expires))
        (self.etc / "kore-token").write_text(AUTH)

    def issue(self, name):
        """Another certificate for the gateway, of the same CA."""
        extensions = self.directory / "extensions"
        extensions.write_text("subjectAltName=DNS:localhost\n")
        request = self.directory / f"{name}.csr"
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj",
                        f"/CN={name}", "-keyout", self.directory / f"{name}.key", "-out", request], check=True,
                       capture_output=True)
        subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", self.certs / "ca.pem", "-CAkey",
                        self.certs / "ca.key", "-days", "1", "-extfile", extensions, "-out",
                        self.directory / f"{name}.crt"], check=True, capture_output=True)

    def write_commands(self):
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            path = self.directory / "bin" / name
            path.write_text(text.format(run=self.run, binary=BINARY, config=self.config))
            path.chmod(0o755)
        (self.directory / "bin/campaign-gateway").symlink_to(BINARY)
        (self.directory / "deploy").symlink_to(ROOT / "deploy")

    def environment(self):
        return {"PATH": f"{self.directory}/bin:{os.environ['PATH']}"}

    def replacements(self):
        host = f"host={self.database.server.directory} port={self.database.server.port}"
        return {"/etc/campaign-gateway": self.etc, "/var/lib/campaign-gateway": self.state, "/var/log/campaign-gateway": self.logs,
                "/srv/": f"{self.directory}/srv/",
                "127.0.0.1:9901": f"127.0.0.1:{self.admin}", "localhost:8443": f"localhost:{self.port}",
                "host=db.example.org": host, " -g campaign-gateway": ""}

    def systemctl(self, verb, unit="campaign-gateway"):
        subprocess.run([self.directory / "bin/systemctl", verb, unit], check=True)

    def post(self, campaign, status, key=KEY):
        with Client(self.port, self.certs / "ca.pem") as client:
            client.send(request(campaign, headers=[("x-api-key", key)]))
            answer = client.read()
        assert answer.status == status, answer.body
        return answer.header("x-decision-id")

    def status(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/status", timeout=20) as answer:
            return json.load(answer)

    def receipt(self):
        path = self.journal / "receipt"
        return int(path.read_text().split()[0]) if path.exists() else 0

    def log(self, unit="campaign-gateway"):
        path = self.run / f"{unit}.log"
        return path.read_text() if path.exists() else ""

    def stop(self):
        for unit in ("campaign-gateway-ship", "campaign-gateway"):
            self.systemctl("stop", unit)
        assert "Sanitizer" not in self.log() and "runtime error" not in self.log(), self.log()


@pytest.fixture
def deployment(tmp_path, certs, kore, database):
    deployment = Deployment(tmp_path, certs, kore, database)
    yield deployment
    print(deployment.log(), deployment.log("campaign-gateway-ship"))
    deployment.stop()


class Givens:
    """What the guide's sections presuppose; see playbook.py."""

    def __init__(self, deployment):
        self.d = deployment

    def __getitem__(self, words):
        return getattr(self, words.replace(" ", "_").replace("'", ""))

    def a_gateway_that_runs(self):
        self.d.systemctl("start")
        self.d.systemctl("start", "campaign-gateway-ship")
        for _ in range(3):
            self.d.post(seed_campaign(), 200)
        self.d.post(seed_campaign() | {"dialingStrategy": self.with_other_number()}, 403)

    @staticmethod
    def with_other_number():
        strategy = seed_campaign()["dialingStrategy"]
        strategy["callerId"]["phoneNumber"] = "+919999999999"
        return strategy

    def the_disk_is_lost(self):
        self.d.post(seed_campaign(), 200)
        wait_for(lambda: self.d.status()["audit"]["last_seq"] == self.d.receipt(), "everything to be shipped")
        os.kill(int((self.d.run / "campaign-gateway.pid").read_text()), signal.SIGKILL)
        shutil.rmtree(self.d.journal)

    def the_log_is_written_anew(self):
        log = self.d.logs / "access.log"
        wait_for(log.exists, "the new log")
        self.d.post(seed_campaign(), 200)
        wait_for(lambda: '"status":200' in log.read_text(), "a line in it")

    def the_new_certificate_is_served(self):
        with Client(self.d.port, self.d.certs / "ca.pem") as client:
            assert (("commonName", "new"),) in client.sock.getpeercert()["subject"]

    def it_starts_with_that_key(self):
        self.d.systemctl("restart")
        self.d.post(seed_campaign(), 200)
        subprocess.run([BINARY, "audit", "verify", "--config", self.d.config, "--keys", self.d.directory / "keys"], check=True)

    def everything_is_refused(self):
        self.d.post(seed_campaign(), 403)

    def the_fixed_policy_is_in_force(self):
        self.d.post(seed_campaign() | {"priority": "3"}, 200)
        self.d.post(seed_campaign() | {"priority": "5"}, 403)

    def an_API_key_is_on_its_way(self):
        assert "billing-2026" in (self.d.etc / "callers.yaml").read_text()

    def the_key_of_a_past_month(self):
        key = self.d.journal / "hash-keys/2026-08.key"
        key.write_text("5a" * 32 + "\n")
        key.chmod(0o600)

    def a_campaign_nobody_knows_about(self):
        """Sent, and two of its name are there: which is it?"""
        self.d.kore.script += [Answer(silent=True)]
        self.d.post(seed_campaign(), 504)
        wait_for(lambda: self.d.status()["open_intents"]["count"] == 1, "an open campaign")

    def a_journal_that_is_damaged(self):
        self.d.systemctl("stop", "campaign-gateway")
        newest = sorted(self.d.journal.glob("*.jsonl"))[-1]
        data = bytearray(newest.read_bytes())
        data[-150] ^= 1
        newest.write_bytes(data)

    def a_campaign_of_today(self):
        self.d.post(seed_campaign(), 200)

    def a_checkpoint_over_everything(self):
        self.d.post(seed_campaign(), 200)
        wait_for(lambda: self.d.status()["audit"]["checkpoint_seq"] + 1 >= self.d.status()["audit"]["last_seq"], "a checkpoint")


def test_every_command_of_the_guide_works(deployment):
    play = Play(PAGE, deployment.directory, deployment.replacements(), Givens(deployment), deployment.environment())
    assert play.run() > 25


def test_an_older_gateway_goes_on_in_the_journal_of_a_newer_one(tmp_path, certs):
    """What is said of going back: kinds and members that are not known are read past."""
    journal = Journal(tmp_path / "audit")
    journal.decision(id="01936b2f-7d41-7c3e-9d0a-2f6f0a9b1c55", colour={"of": ["the", "future"]})
    journal.outcome(2, id="01936b2f-7d41-7c3e-9d0a-2f6f0a9b1c55")
    journal.add({"kind": "telegram", "time": journal.tick(), "to": "everybody"})
    journal.checkpoint()
    gateway = Gateway(tmp_path, certs, 1)
    gateway.stop()
    done = subprocess.run([BINARY, "audit", "verify", "--config", gateway.config], capture_output=True, text=True)
    assert done.returncode == 0 and "1 allowed, 0 refused; 1 outcome" in done.stdout, done.stdout
    assert {record["kind"] for record in gateway.journal()} >= {"telegram", "started", "shutdown"}


# ---- what the guide names, and what names the guide ----

def alerts():
    """Each alert of deploy/kubernetes, with its annotations."""
    found = []
    for path in sorted((ROOT / "deploy/kubernetes").rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if isinstance(document, dict) and document.get("kind") == "PrometheusRule":
                found += [rule for group in document["spec"]["groups"] for rule in group["rules"] if "alert" in rule]
    return found


def sections():
    part = re.search(r"^# Alerts\n(.*?)^# ", (ROOT / PAGE).read_text(), re.M | re.S)[1]
    return dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", part, re.M | re.S))


def test_each_alert_has_its_section_and_each_section_its_alert():
    names = [alert["alert"] for alert in alerts()]
    assert names and len(set(names)) == len(names) and sorted(sections()) == sorted(names)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_leads_to_its_section(alert):
    assert f"{PAGE}#{alert['alert'].lower()}" in " ".join(alert["annotations"].values())


def test_alerts_ask_for_series_that_there_are(make_gateway):
    """Every metric, and every route and policy, that an alert names; other labels' values come with the trouble."""
    gateway = make_gateway(extra=ADMIN)
    gateway.post(seed_campaign())
    shown = gateway.admin("/metrics")
    asked = " ".join(alert["expr"] for alert in alerts())
    wanted = re.findall(r'\b((?:route|policy)="[^"]+")', asked)
    assert wanted and [label for label in wanted if label not in shown] == []
    described = (ROOT / "deploy/man/campaign-gateway.8").read_text()
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"campaign_gateway_\w+", asked)}
    assert len(names) > 10 and [name for name in sorted(names) if name not in described] == []


@pytest.mark.parametrize("name, text", sections().items(), ids=lambda each: each if each.isalnum() else "")
def test_a_section_answers_what_is_asked_at_night(name, text):
    asked = re.findall(r"\*\*(It means|Harmed|Look|do|Do|Over)\*\*", text)
    assert [each.capitalize() for each in asked] == ["It means", "Harmed", "Look", "Do", "Over"]


WHAT_THERE_IS = [*(ROOT / "deploy/man").iterdir(), *(ROOT / "deploy/sql").iterdir(), ROOT / "deploy/gateway.schema.json",
                 *(ROOT / "policies").glob("*.json"), *(ROOT / "gateway").rglob("*.[ch]"), *(ROOT / "gateway").rglob("*.def")]


@pytest.mark.parametrize("page", [PAGE, "deploy/threat-model.md"])
def test_names_in_the_guides_are_names_of_something(page):
    """Metrics, settings, events, codes, tables: whatever stands between backticks and looks like one; and files."""
    there = " ".join(path.read_text() for path in WHAT_THERE_IS).replace("\\-", "-")
    words = set(re.findall(r"\w+", there)) | {word.removeprefix("campaign_gateway_") for word in re.findall(r"\w+", there)}
    dashed = set(re.findall(r"[\w-]+", there)) | {"campaign-gateway-ship"}
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.M | re.S))
    named = {word for span in spans for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", span)}
    assert len(named) > 10 and named - words == set()
    assert {span for span in spans if re.fullmatch(r"[a-z]+(?:-[a-z]+)+", span)} - dashed == set()
    files = {span for span in spans if re.fullmatch(r"\w+/\w+\.[ch]", span)}
    assert {file for file in files if not (ROOT / "gateway" / file).exists()} == set()

def events_that_warn():
    found = set()
    for path in (ROOT / "gateway").rglob("*.c"):
        text = path.read_text()
        found |= set(re.findall(r'\bLOG(?:_EACH)?\(\s*LOG_(?:WARN|ERROR),\s*"([a-z-]+)"', text))
        for chosen in re.findall(r'\bLOG(?:_EACH)?\((\w+(?:->\w+)? \? [^;]*?);', text):
            found.add(worse_of(chosen))
    return found


def worse_of(chosen):
    """LOG(now->space_is_low ? LOG_WARN : LOG_INFO, now->space_is_low ? "journal-space-low" : …): the one that warns."""
    levels, names = re.findall(r"LOG_(WARN|ERROR|INFO)", chosen)[:2], re.findall(r'"([a-z-]+)"', chosen)[:2]
    return names[0 if levels[0] != "INFO" else 1]


def test_the_guide_knows_every_event_that_warns():
    part = re.search(r"^## Words of the log\n(.*?)^# ", (ROOT / PAGE).read_text(), re.M | re.S)[1]
    told = [name for row in re.findall(r"^\| ([^|]*`[^|]*) \|", part, re.M) for name in re.findall(r"`([a-z-]+)`", row)]
    assert sorted(told) == sorted(events_that_warn())

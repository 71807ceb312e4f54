"""A policy at work over the wire: modes, exceptions, candidates, packs, and what answers and records say of them."""
import base64
import datetime
import json
import os
import re
import subprocess

import pytest

from harness import ADMIN, BINARY, POLICY, STREAM, TARGET, Gateway, seed_campaign, wait_for


def decision(gateway):
    return gateway.decisions()[-1]


def test_every_answer_names_the_policy(make_gateway):
    gateway = make_gateway(policy=POLICY, extra=ADMIN)
    for campaign in (seed_campaign(), seed_campaign() | {"priority": 7}):
        answer = gateway.post(campaign)
        revision, digest = re.fullmatch(r"(\S+); sha256=([0-9a-f]{64})", answer.header("x-policy")).groups()
        assert revision == "2026-11-23.1" and digest == decision(gateway)["policy"]["digest"]
    gateway.stop()
    records = [record for record in gateway.journal() if record["kind"] not in ("segment", "checkpoint")]
    assert {record["kind"] for record in records} == {"started", "decision", "outcome", "shutdown"}
    assert all(record["policy"] == {"revision": revision, "digest": digest} for record in records)


def test_a_rule_that_only_reports_lets_pass_and_tells(make_gateway):
    policy = POLICY.replace("  timezones:", "  priority_cap: 2\n  urls: none\n"
                                            "  modes: {priority_cap: report}\n  timezones:")
    gateway = make_gateway(policy=policy, extra=ADMIN)
    answer = gateway.post(seed_campaign() | {"priority": "5"})
    assert answer.status == 200
    assert answer.header("x-campaign-gateway") == "shadow-deny"
    assert answer.header("x-policy-shadow") == "priority-too-high"
    record = decision(gateway)
    assert record["verdict"] == "allow" and "violations" not in record
    assert [(each["code"], each["layer"]) for each in record["reported"]] == [("priority-too-high", "organisation")]
    assert gateway.post(seed_campaign() | {"priority": "1"}).header("x-campaign-gateway") == "allow"
    # what refuses is not mixed with what would
    answer = gateway.post(seed_campaign() | {"priority": "5", "format": "advanced"})
    assert answer.header("x-campaign-gateway") == "deny" and answer.header("x-policy-shadow") is None
    assert "priority-too-high" not in answer.codes()


def test_an_exception_that_was_needed_is_named(make_gateway):
    policy = POLICY.replace("  timezones:", "  priority_cap: 2\n  timezones:") + """exceptions:
  - {id: EX-7, team: billing, rule: priority_cap, expires: 2099-01-31, not_before: 2099-01-02, approver: a, ticket: T}
  - {id: EX-8, team: billing, rule: priority_cap, expires: 2020-01-31, approver: a, ticket: T}
"""
    gateway = make_gateway(policy=policy, extra=ADMIN)
    assert gateway.post(seed_campaign() | {"priority": "5"}).codes() == ["priority-too-high"]
    assert gateway.metric('exceptions_total{state="expired"}') == 1


def test_an_exception_lets_pass(make_gateway):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    policy = POLICY.replace("  timezones:", "  priority_cap: 2\n  timezones:") + f"""exceptions:
  - id: EX-7
    team: billing
    rule: priority_cap
    campaign: "{seed_campaign()['name'][:3]}*"
    expires: {today + datetime.timedelta(days=5)}
    approver: compliance@example.com
    ticket: CMP-12
"""
    gateway = make_gateway(policy=policy, extra=ADMIN)
    answer = gateway.post(seed_campaign() | {"priority": "5"})
    assert answer.status == 200 and answer.header("x-campaign-gateway") == "allow"
    record = decision(gateway)
    assert record["exceptions"] == [{"id": "EX-7", "approver": "compliance@example.com", "ticket": "CMP-12"}]
    assert [(each["code"], each["exception"]) for each in record["waived"]] == [("priority-too-high", "EX-7")]
    assert gateway.metric('exceptions_total{state="used"}') == 1
    assert gateway.post(seed_campaign() | {"priority": "5", "name": "other"}).status == 403


def test_a_refusal_that_would_be_too_long_is_told_in_part(make_gateway):
    hosts = ", ".join(f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{letter * 60}.com" for letter in "defghijklm")
    gateway = make_gateway(policy=f"revision: r\norganisation: {{urls: [{hosts}]}}\n"
                                  f"teams: {{billing: {{urls: [{hosts}]}}}}\n")
    campaign = seed_campaign()
    text = " ".join(f"https://{'x' * 60}.evil.com/{i}" for i in range(50))
    campaign["message"]["message"] = base64.b64encode(text.encode()).decode()
    answer = gateway.post(campaign)
    assert answer.status == 403 and answer.json()["truncated"] is True
    assert set(answer.codes()) == {"url-not-allowed"}
    assert len(decision(gateway)["violations"]) == 100


def test_a_candidate_is_asked_without_effect(make_gateway, tmp_path):
    (tmp_path / "candidate.yaml").write_text(POLICY.replace(".1\n", ".2\n").replace(
        "  timezones: [Asia/Kolkata", "  priority_cap: 2\n  timezones: [Europe/London, Asia/Kolkata"))
    gateway = make_gateway(extra=f"{ADMIN}\ncandidate_policies: [{tmp_path}/candidate.yaml]")
    campaign = seed_campaign() | {"priority": "5"}
    answer = gateway.post(campaign)
    assert answer.status == 200 and answer.header("x-campaign-gateway") == "allow"
    candidate = decision(gateway)["candidate"]
    assert candidate["verdict"] == "would_deny" and candidate["policy"]["revision"] == "2026-11-23.2"
    assert [each["code"] for each in candidate["violations"]] == ["priority-too-high"]

    campaign = seed_campaign() | {"priority": "1"}
    campaign["dialingStrategy"]["callingHours"]["timezone"] = "Europe/London"
    for day in campaign["dialingStrategy"]["callingHours"]["days"]:
        day |= {"start": "10:00 AM", "end": "11:00 AM"}
    assert gateway.post(campaign).codes() == ["timezone-not-allowed"]
    assert decision(gateway)["candidate"]["verdict"] == "would_allow"

    gateway.post(seed_campaign() | {"priority": "1"})
    assert "candidate" not in decision(gateway)      # it says the same
    gateway.post(seed_campaign() | {"priority": 1})
    assert "candidate" not in decision(gateway)      # the contract is no policy's business
    assert gateway.metric('candidate_differs_total{verdict="would_deny"}') == 1
    assert gateway.metric('candidate_differs_total{verdict="would_allow"}') == 1


def test_a_candidate_that_does_not_know_the_team_would_deny(make_gateway, tmp_path):
    (tmp_path / "candidate.yaml").write_text("revision: c\nteams: {other: }\n")
    gateway = make_gateway(extra=f"{ADMIN}\ncandidate_policies: [{tmp_path}/candidate.yaml]")
    assert gateway.post(seed_campaign()).status == 200
    candidate = decision(gateway)["candidate"]
    assert (candidate["verdict"], candidate["reason"]) == ("would_deny", "team_unknown")


def test_a_candidate_is_not_asked_about_what_no_policy_lets_pass(make_gateway, tmp_path):
    (tmp_path / "candidate.yaml").write_text(POLICY)
    gateway = make_gateway(extra=f"{ADMIN}\ncandidate_policies: [{tmp_path}/candidate.yaml]")
    answer = gateway.post(seed_campaign(), target=TARGET.replace(STREAM, "st-another"))
    assert answer.codes() == ["tenant-mismatch"]
    assert "candidate" not in decision(gateway)
    assert gateway.metric('candidate_differs_total{verdict="would_allow"}') == 0


PACK = "pack: {name: law, priority_cap: %d}\n"


def test_a_pack_outside_the_policys_directory_is_watched(make_gateway, tmp_path):
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs/law.yaml").write_text(PACK % 5)
    policy = POLICY.replace("organisation:\n", f"organisation:\n  include: [{tmp_path}/packs/law.yaml]\n")
    gateway = make_gateway(policy=policy, extra=ADMIN)
    campaign = seed_campaign() | {"priority": "3"}
    assert gateway.post(campaign).status == 200
    first = decision(gateway)["policy"]["digest"]
    fresh = tmp_path / "packs/fresh"
    fresh.write_text(PACK % 2)
    fresh.rename(tmp_path / "packs/law.yaml")
    answer = wait_for(lambda: (a := gateway.post(campaign)).status == 403 and a, "the pack to be read again")
    assert answer.json()["errors"][0]["layer"] == "pack law"
    assert decision(gateway)["policy"]["digest"] != first
    # a broken one keeps the last good
    (tmp_path / "packs/law.yaml").write_text("pack: {name: law, priority_cap: 9}\n")
    line = wait_for(lambda: gateway.events("reload-failed"), "the complaint")[-1]["error"]
    assert "packs/law.yaml:1:33" in line and "priority_cap is a number from 1 to 5" in line
    assert gateway.post(campaign).status == 403
    assert gateway.metric('reloads_total{result="failed"}') == 1
    assert gateway.metric("configuration_stale") == 1
    status = json.loads(gateway.admin("/status"))
    assert status["reload_failed"]["error"] == line and status["reload_failed"]["because"] == "files changed"
    assert status["policy"]["digest"] == decision(gateway)["policy"]["digest"]
    assert str(tmp_path / "packs/law.yaml") in status["policy"]["files"]
    (tmp_path / "packs/law.yaml").write_text(PACK % 4)
    wait_for(lambda: gateway.post(campaign).status == 200, "the mended pack to be read")
    assert gateway.metric("configuration_stale") == 0
    assert "reload_failed" not in json.loads(gateway.admin("/status"))


def test_check_tells_everything_at_once(tmp_path, certs):
    gateway = Gateway(tmp_path, certs, 1, start=False, team="nobody",
                      policy="revision: r\norganisation: {priority_cap: 9, urls: x}\nteams: {t: {days: []}}\n",
                      extra="candidate_policies: [missing.yaml]")
    (tmp_path / "callers.yaml").write_text("")
    run = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True)
    assert run.returncode == 2 and run.stdout == ""
    lines = run.stderr.splitlines()
    assert len(lines) == 4, run.stderr
    assert all(re.match(r"\S+:\d+:\d+: ", line) for line in lines), run.stderr


BAD = {
    "alias bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
    "duplicate anchor": "a: &x 1\nb: &x 2\n",
    "fifty megabytes": "revision: r\nteams:\n" + "".join(f"  team-{i}: {{}}\n" for i in range(3_000_000)),
    "unknown key": "revision: r\nteam: {}\n",
    "impossible window": "revision: r\norganisation: {business_hours: {'*': {MO: 9:00 AM - 25:00 PM}}}\n",
    "unknown zone": "revision: r\norganisation: {timezones: [Mars/Base]}\n",
    "bad regular expression": "revision: r\norganisation: {name_pattern: '('}\n",
    "a cycle of includes": "revision: r\norganisation: {include: [circle.yaml]}\n",
    "nesting": "revision: " + "[" * 10000,
}


def test_what_is_no_file_is_refused_at_once(tmp_path, certs):
    gateway = Gateway(tmp_path, certs, 1, start=False)
    os.mkfifo(tmp_path / "policies" / "pipe.yaml")
    run = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True, timeout=20)
    assert run.returncode == 2 and "pipe.yaml' is not a file" in run.stderr, run.stderr


@pytest.mark.parametrize("policies", ["policies", "./policies", "policies/", ".//policies"])
def test_a_pack_in_the_policys_own_directory_is_one_pack(tmp_path, certs, policies):
    gateway = Gateway(tmp_path, certs, 1, start=False, policy=POLICY.replace(
        "organisation:\n", "organisation:\n  include: [law.yaml]\n"))
    (tmp_path / "policies/law.yaml").write_text(PACK % 5)
    gateway.config.write_text(gateway.config.read_text().replace("[policies]", f"[{policies}]"))
    for run in (["check", "--config", gateway.config], ["render", policies]):
        run = subprocess.run([BINARY, *run], capture_output=True, text=True, cwd=tmp_path)
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", BAD)
def test_a_bad_policy_never_takes_effect(tmp_path, certs, name):
    (tmp_path / "circle.yaml").write_text("pack: {name: circle, include: circle.yaml}\n")
    gateway = Gateway(tmp_path, certs, 1, policy=BAD[name], start=False)
    for verb in ("check", "run"):
        run = subprocess.run([BINARY, verb, "--config", gateway.config], capture_output=True, text=True, timeout=60)
        assert run.returncode == 2
        assert re.match(r"\S+:\d+:\d+: .{20,}", run.stderr), run.stderr

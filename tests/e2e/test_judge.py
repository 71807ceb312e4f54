"""`campaign-gateway judge`: what would happen to a campaign, and why, without a gateway."""
import base64
import hashlib
import json
import re
import subprocess
import urllib.parse

import pytest

from harness import BINARY, POLICY, ROOT, Gateway, seed_campaign

CAMPAIGN = ROOT / "deploy/examples/campaign.json"
RULES = re.findall(r"^RULE\((\w+),", (ROOT / "gateway/policy/rules.def").read_text(), re.M)
LAYERED = """revision: "7"
organisation:
  message_class: service
  timezones: [Asia/Kolkata]
  opt_out: [STOP]
  modes: {opt_out: report}
  dnc_lists: [everybody]
teams:
  billing:
    caller_ids: ["+15550001111"]
    priority_cap: 5
exceptions:
  - {id: EX-7, team: billing, rule: dnc_lists, not_before: 2026-11-20, expires: 2026-11-30, approver: Ann, ticket: T-1}
"""


def run(*arguments, stdin=None):
    return subprocess.run([BINARY, "judge", *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=60)


@pytest.fixture
def judge(tmp_path):
    """Judges a campaign by a policy; the answer is the process and what its JSON says."""
    def ask(policy, campaign, *options, at="2026-11-24T10:00:00+05:30"):
        (tmp_path / "policy.yaml").write_text(policy)
        body = campaign if isinstance(campaign, str) else json.dumps(campaign)
        done = run("--policy", tmp_path / "policy.yaml", "--at", at, "--format=json", *options, "-", stdin=body)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(done.stdout)
    return ask


def rows(answer, rule):
    return [(row.get("layer"), row["answer"]) for row in answer["rules"] if row["rule"] == rule]


def test_what_is_allowed(judge):
    code, answer = judge(POLICY, seed_campaign())
    text = base64.b64decode(urllib.parse.unquote(seed_campaign()["message"]["message"]))
    assert code == 0 and answer["verdict"] == "allow" and answer["status"] == 200
    assert answer["policy"]["revision"] == "2026-11-23.1" and answer["team"] == "billing"
    assert answer["time"] == "2026-11-24T04:30:00.000Z"
    assert answer["message"] == {"class": "promotional", "sha256": hashlib.sha256(text).hexdigest(), "segments": 1,
                                 "encoding": "gsm", "units": len(text)}
    assert answer["violations"] == answer["reported"] == answer["waived"] == []


def test_every_rule_of_every_layer_is_accounted_for(judge):
    code, answer = judge(LAYERED, seed_campaign())
    assert code == 1 and answer["verdict"] == "deny" and answer["status"] == 403
    assert answer["message"]["class"] == "service"
    assert list(dict.fromkeys(row["rule"] for row in answer["rules"])) == RULES
    assert rows(answer, "timezones") == [("organisation", "passed")]
    assert rows(answer, "opt_out") == [("organisation", "reported")]
    assert rows(answer, "dnc_lists") == [("organisation", "waived")]
    assert rows(answer, "caller_ids") == [("team billing", "failed")]
    assert rows(answer, "markup") == [(None, "skipped")]
    assert [each["code"] for each in answer["violations"]] == ["caller-id-not-allowed"]
    assert [each["code"] for each in answer["reported"]] == ["opt-out-missing"]
    assert [(each["code"], each["exception"]) for each in answer["waived"]] == [("dnc-not-allowed", "EX-7")]
    assert answer["exceptions"] == ["EX-7"]


def test_the_moment_matters(judge):
    _, answer = judge(LAYERED, seed_campaign(), at="2026-12-24T10:00:00Z")
    assert rows(answer, "dnc_lists") == [("organisation", "failed")]
    assert "EX-7 has expired" in next(row["why"] for row in answer["rules"] if row["rule"] == "dnc_lists")


def test_what_only_would_refuse(judge):
    policy = LAYERED.replace("+15550001111", seed_campaign()["dialingStrategy"]["callerId"]["phoneNumber"])
    code, answer = judge(policy, seed_campaign())
    assert (code, answer["verdict"], answer["status"]) == (0, "shadow-deny", 200)


def test_what_breaks_the_contract(judge):
    code, answer = judge(POLICY, {**seed_campaign(), "priority": 5, "urgent": True})
    assert (code, answer["status"]) == (1, 422)
    assert [(each["code"], each["pointer"]) for each in answer["violations"]] == \
        [("field-type", "/priority"), ("field-unknown", "/urgent")]


def test_what_is_not_json(judge):
    code, answer = judge(POLICY, '{\n  "name": "a",\n  "name": "b"}')
    assert (code, answer["verdict"], answer["status"]) == (1, "deny", 400)
    assert answer["fault"]["code"] == "json-duplicate-key" and answer["fault"]["line"] == 3
    text = run("--policy", ROOT / "policies/example", "--team", "billing", "-", stdin="{")
    assert text.returncode == 1
    assert text.stdout.splitlines()[0] == "DENY: the text ends in the middle of a value, line 1, column 2"


def test_text_for_people(tmp_path):
    (tmp_path / "policy.yaml").write_text(LAYERED)
    done = run("--as-of-policy", tmp_path / "policy.yaml", "--at", "2026-11-24T10:00:00Z", CAMPAIGN)
    assert done.returncode == 1 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "DENY: 1 violation (policy)" and "  answer    403" in lines and "  team      billing" in lines
    assert "what refuses" in lines and "what is only reported" in lines and "what an exception lifts" in lines
    assert re.search(r"^  failed    caller_ids +team billing$", done.stdout, re.M)
    assert re.search(r"^  waived    dnc_lists +organisation: exception EX-7, approved by Ann$", done.stdout, re.M)
    assert re.search(r"^  skipped   markup +no layer has this rule$", done.stdout, re.M)


def test_several_policies_are_put_together():
    folder = ROOT / "policies/example"
    options = ["--team=billing", "--at=2026-11-24T10:00:00Z", "--format=json", CAMPAIGN]
    whole, parts = run("--policy", folder, *options), \
        run("--policy", folder / "exceptions.yaml", "--policy", folder / "organisation.yaml",
            "--policy", folder / "teams.yaml", *options)
    assert whole.returncode == parts.returncode == 0 and whole.stdout == parts.stdout


def test_a_sender_id_may_be_named(judge):
    campaign = seed_campaign()
    campaign["dialingStrategy"]["callerId"]["phoneNumber"] = "ACMEIN"
    policy = re.sub(r"    caller_ids:.*\n", "    priority_cap: 5\n", POLICY)
    assert judge(policy, campaign)[1]["status"] == 422
    assert judge(policy, campaign, "--sender-id", "ACMEIN")[0] == 0


@pytest.fixture
def configured(certs, tmp_path):
    """A configuration with a candidate; its certificates are nowhere."""
    gateway = Gateway(tmp_path, certs, 1, start=False, extra="candidate_policies: [candidate.yaml]")
    gateway.config.write_text(gateway.config.read_text().replace(".pem", ".gone"))
    (gateway.config.parent / "candidate.yaml").write_text(
        POLICY.replace("2026-11-23.1", "next").replace("+919561612345", "+15550001111"))
    return gateway.config


def test_a_configuration_says_policy_team_and_candidate(configured):
    done = run("--config", configured, "--format", "json", CAMPAIGN)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["team"] == "billing" and answer["verdict"] == "allow"
    assert answer["candidate"]["verdict"] == "would_deny"
    assert answer["candidate"]["policy"]["revision"] == "next"
    assert [each["code"] for each in answer["candidate"]["violations"]] == ["caller-id-not-allowed"]
    text = run("-c", configured, CAMPAIGN).stdout
    assert "the candidate next" in text and "  would deny" in text


def test_a_policy_instead_of_the_configurations(configured, tmp_path):
    (tmp_path / "other.yaml").write_text(POLICY.replace("2026-11-23.1", "other"))
    answer = json.loads(run("--config", configured, "--as-of-policy", tmp_path / "other.yaml", "--format=json",
                            CAMPAIGN).stdout)
    assert answer["policy"]["revision"] == "other" and "candidate" not in answer


def test_the_candidate_may_not_know_the_team(configured):
    candidate = configured.parent / "candidate.yaml"
    candidate.write_text(candidate.read_text().replace("billing", "sales"))
    answer = json.loads(run("--config", configured, "--format=json", CAMPAIGN).stdout)
    assert answer["candidate"]["verdict"] == "would_deny" and answer["candidate"]["reason"] == "team_unknown"


def test_the_verdict_is_the_gateways(make_gateway, kore):
    gateway = make_gateway()
    bad = json.loads((ROOT / "deploy/examples/bad-campaign.json").read_text())
    answer = gateway.post(json.dumps(bad).encode())
    told = json.loads(run("--config", gateway.config, "--format=json", ROOT / "deploy/examples/bad-campaign.json").stdout)
    assert answer.status == told["status"]
    assert [(each["code"], each["pointer"], each["msg"]) for each in answer.json()["errors"]] == \
        [(each["code"], each["pointer"], each["msg"]) for each in told["violations"]]


@pytest.mark.parametrize("arguments, sentence", [
    ([], "CAMPAIGN.json is missing; try --help"),
    ([CAMPAIGN], "--config FILE or --policy PATH is missing"),
    (["--policy", ROOT / "policies/example", CAMPAIGN], "the policy has several teams; choose one of billing, marketing"),
    (["--policy", ROOT / "policies/example", "--team", "sales", CAMPAIGN],
     "the policy knows no team 'sales'; its teams are billing, marketing, support"),
    (["--policy", ROOT / "policies/example", "--team=billing", "--at", "yesterday", CAMPAIGN], "'yesterday' is not a time"),
    (["--policy", ROOT / "policies/example", "--team=billing", "/no/such"], "cannot open '/no/such'"),
    (["--policy", "/no/such", CAMPAIGN], "cannot find '/no/such'"),
    (["--config", "/no/such", CAMPAIGN], "cannot open '/no/such'"),
    (["--format", "xml", CAMPAIGN], "--format takes text or json, not 'xml'"),
    (["--tam", "x", CAMPAIGN], "campaign-gateway judge: unknown option '--tam'; try --help"),
])
def test_what_is_wrong_is_a_sentence(arguments, sentence):
    done = run(*arguments)
    assert done.returncode == 2 and sentence in done.stderr and done.stdout == ""


def test_a_wrong_policy_lists_its_problems(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY.replace("timezones", "timezone").replace("9:00 AM", "9 AM"))
    done = run("--policy", tmp_path / "policy.yaml", CAMPAIGN)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 2
    assert "policy.yaml:3:3: unknown rule 'timezone'" in done.stderr


def test_more_than_the_gateway_would_read():
    done = run("--policy", ROOT / "policies/example", "--team=billing", "-", stdin=" " * (256 * 1024 + 1))
    assert done.returncode == 2 and "standard input holds more than 262144 bytes" in done.stderr

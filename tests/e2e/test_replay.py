"""`campaign-gateway replay`: the journal's campaigns, judged again by another policy."""
import base64
import hashlib
import itertools
import json
import re
import shutil
import subprocess

import pytest

from harness import BINARY, POLICY, ROOT, seed_campaign

MARKETING = POLICY + "  marketing:\n"


def run(*arguments):
    return subprocess.run([BINARY, "replay", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def campaign(text=None, caller=None, **changes):
    body = dict(seed_campaign(), **changes)
    if text is not None:
        body["message"] = dict(body["message"], message=base64.b64encode(text.encode()).decode())
    if caller:
        body["dialingStrategy"]["callerId"]["phoneNumber"] = caller
    return body


@pytest.fixture
def recorded(make_gateway):
    """A gateway that has decided on some campaigns, and a function that replays them."""
    gateway = make_gateway()
    for body, status in [(campaign(), 200),
                         (campaign(caller="+14155550100"), 403),
                         (campaign(text="A loan! See https://acme.com/x <First Name>"), 200),
                         (campaign(priority="9"), 422),
                         (b"{", 400)]:
        assert gateway.post(body).status == status
    return gateway


@pytest.fixture
def replay(recorded, tmp_path):
    numbers = itertools.count()

    def ask(policy, *options, code=1):
        path = tmp_path / f"candidate-{next(numbers)}.yaml"
        path.write_text(policy)
        done = run("--policy", path, "--config", recorded.config, "--format", "json", *options)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)
    return ask


def counts(answer):
    return {key: answer[key] for key in ["still_allowed", "still_denied", "newly_denied", "newly_allowed", "untold"]}


def test_the_policy_in_force_changes_nothing(replay):
    answer = replay(POLICY, code=0)
    assert counts(answer) == {"still_allowed": 2, "still_denied": 2, "newly_denied": 0, "newly_allowed": 0, "untold": 0}
    assert answer["decisions"] == 4 and answer["denied_by_any_policy"] == 1 and answer["not_policy"] == 1
    assert answer["policy"]["revision"] == "2026-11-23.1" and answer["examples"] == answer["rules"] == []


def test_other_numbers_are_told_by_their_hashes(replay, recorded):
    answer = replay(POLICY.replace("+919561612345", "+14155550100"))
    assert counts(answer) == {"still_allowed": 0, "still_denied": 1, "newly_denied": 2, "newly_allowed": 1, "untold": 0}
    assert answer["teams"] == [dict(counts(answer), team="billing")]
    caller_ids = {"rule": "caller_ids", "layer": "team billing", "code": "caller-id-not-allowed"}
    assert answer["rules"] == [dict(caller_ids, result="newly_denied", decisions=2),
                               dict(caller_ids, result="newly_allowed", decisions=1)]
    first = answer["examples"][0]
    decision = recorded.decisions()[0]
    assert (first["id"], first["time"], first["team"]) == (decision["id"], decision["time"], "billing")
    assert first["campaign"] == seed_campaign()["name"]
    # the number is known because the policy in force has it in full
    assert first["because"][0]["msg"] == "the caller ID ending in 45 is not the one allowed for team billing"


def test_a_number_that_no_policy_names_is_none_of_the_allowed(replay, recorded):
    (recorded.directory / "policies/policy.yaml").write_text(POLICY.replace("+919561612345", "+12125550100"))
    answer = replay(POLICY.replace("+919561612345", "+14155550199"))
    assert answer["newly_denied"] == 2 and answer["untold"] == 0
    assert answer["examples"][0]["because"][0]["msg"] == "the caller ID is not the one allowed for team billing"


def test_without_the_key_a_hash_tells_nothing(replay, tmp_path):
    (tmp_path / "nothing").mkdir()
    other = POLICY.replace("+919561612345", "+14155550100")
    answer = replay(other, "--keys-directory", tmp_path / "nothing")
    assert counts(answer) == {"still_allowed": 0, "still_denied": 1, "newly_denied": 0, "newly_allowed": 0, "untold": 3}
    why, = answer["rules"]
    assert why["rule"] == "caller_ids" and "whose key is not at hand" in why["why"] and why["decisions"] == 3
    freer = POLICY.replace('["+919561612345"]', '["+919561612345", "+14155550100"]')
    assert counts(replay(freer, "--keys-directory", tmp_path / "nothing"))["still_allowed"] == 2   # known from then


def test_words_cannot_be_told_but_for_what_was_known_then(replay, recorded, tmp_path):
    banned = POLICY.replace("organisation:\n", "organisation:\n  banned_words: [loan]\n")
    answer = replay(banned)
    assert counts(answer) == {"still_allowed": 0, "still_denied": 2, "newly_denied": 0, "newly_allowed": 0, "untold": 2}
    assert answer["rules"] == [{"result": "untold", "rule": "banned_words", "layer": "organisation",
                                "why": "the record does not hold the message", "decisions": 2}]
    assert answer["missing_policies"] == []
    (recorded.directory / "policies/policy.yaml").write_text(banned.replace("2026-11-23.1", "2"))
    old, = replay(banned)["missing_policies"]        # the policy in force is another one by now
    assert old == {"revision": "2026-11-23.1", "decisions": 2, "digest": recorded.decisions()[0]["policy"]["digest"]}


def test_a_rule_that_only_reported_tells_what_it_would_refuse(make_gateway, tmp_path):
    reporting = POLICY.replace("organisation:\n", "organisation:\n  banned_words: [loan]\n  modes: {banned_words: report}\n")
    gateway = make_gateway(policy=reporting)
    for text in ["A loan!", "A bill."]:
        assert gateway.post(campaign(text=text)).status == 200
    (tmp_path / "enforced.yaml").write_text(reporting.replace("  modes: {banned_words: report}\n", ""))
    (tmp_path / "fewer.yaml").write_text(POLICY)
    (tmp_path / "recorded.yaml").write_text(reporting)
    (gateway.directory / "policies/policy.yaml").write_text(POLICY.replace("2026-11-23.1", "other"))
    options = ["--directory", gateway.audit, "--format=json"]
    answer = json.loads(run("--policy", tmp_path / "enforced.yaml", "--recorded-policy", tmp_path / "recorded.yaml",
                            *options).stdout)
    assert counts(answer) == {"still_allowed": 1, "still_denied": 0, "newly_denied": 1, "newly_allowed": 0, "untold": 0}
    assert answer["examples"][0]["because"][0]["code"] == "banned-content"
    assert json.loads(run("--policy", tmp_path / "enforced.yaml", *options).stdout)["untold"] == 2
    assert run("--policy", tmp_path / "fewer.yaml", *options).returncode == 0


@pytest.mark.parametrize("rule, denied", [
    ("urls: [other.com]", 1), ("urls: ['*.acme.com', acme.com]", 0), ("urls: none", 1),
    ("markup: none", 1), ("markup: {placeholders: [First Name]}", 0), ("segments: 1", 0),
    ("segments: {most: 1, placeholder_characters: 150}", 1), ("segments: {gsm_only: true}", 0),
])
def test_what_a_record_keeps_of_a_message_is_enough_for(replay, rule, denied):
    answer = replay(POLICY.replace("organisation:\n", f"organisation:\n  {rule}\n"), code=1 if denied else 0)
    assert counts(answer) == {"still_allowed": 2 - denied, "still_denied": 2, "newly_denied": denied,
                              "newly_allowed": 0, "untold": 0}


def test_whole_bodies_tell_all(make_gateway, certs, tmp_path):
    key, certificate = tmp_path / "audit.key", tmp_path / "audit.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-subj", "/CN=audit"], check=True, capture_output=True)
    gateway = make_gateway(extra="", audit=f"audit, capture_certificate: {certificate}")
    gateway.audit = gateway.directory / "audit"
    for text in ["A loan!", "A bill."]:
        assert gateway.post(campaign(text=text, description="number 12")).status == 200
    banned = POLICY.replace("organisation:\n", "organisation:\n  banned_words: [loan]\n  description_pattern: '[0-9]'\n")
    (tmp_path / "candidate.yaml").write_text(banned)
    options = ["--policy", tmp_path / "candidate.yaml", "--config", gateway.config, "--format=json"]
    assert json.loads(run(*options).stdout)["untold"] == 2
    answer = json.loads(run(*options, "--capture-key", key).stdout)
    assert counts(answer) == {"still_allowed": 1, "still_denied": 0, "newly_denied": 1, "newly_allowed": 0, "untold": 0}
    assert answer["by_whole_body"] == 2
    assert "holds 'loan' at word 2" in answer["examples"][0]["because"][0]["msg"]

    # what was put in a body's place is not taken for it
    first, second = [gateway.audit / decision["capture"]["file"] for decision in gateway.decisions()]
    first.chmod(0o600)
    shutil.copy(second, first)
    answer = json.loads(run(*options, "--capture-key", key).stdout)
    assert answer["by_whole_body"] == 1 and counts(answer)["untold"] == 1

    other = tmp_path / "other.key"
    subprocess.run(["openssl", "genrsa", "-out", other, "2048"], check=True, capture_output=True)
    assert json.loads(run(*options, "--capture-key", other).stdout)["untold"] == 2


def test_a_whole_body_is_judged_by_the_configured_contract(make_gateway, tmp_path):
    key, certificate = tmp_path / "audit.key", tmp_path / "audit.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-subj", "/CN=audit"], check=True, capture_output=True)
    policy = POLICY.replace("+919561612345", "ACME")
    gateway = make_gateway(policy=policy, extra="contract: {sender_ids: [ACME]}",
                           audit=f"audit, capture_certificate: {certificate}")
    gateway.audit = gateway.directory / "audit"
    assert gateway.post(campaign(caller="ACME")).status == 200
    options = ["--policy", gateway.directory / "policies", "--capture-key", key, "--format=json", "--config", gateway.config]
    assert json.loads(run(*options).stdout)["still_allowed"] == 1
    gateway.config.write_text(gateway.config.read_text().replace("sender_ids: [ACME]", "sender_ids: [OTHER]"))
    answer = json.loads(run(*options).stdout)
    assert answer["rules"] == [{"result": "newly_denied", "rule": "contract", "code": "phone-number", "decisions": 1}]


def test_a_team_that_the_policy_does_not_know(replay):
    answer = replay(POLICY.replace("billing", "sales"))
    assert counts(answer) == {"still_allowed": 0, "still_denied": 2, "newly_denied": 2, "newly_allowed": 0, "untold": 0}
    assert answer["rules"] == [{"result": "newly_denied", "why": "the policy does not know the team", "decisions": 2}]


def test_time_and_team_choose(replay, recorded):
    times = [decision["time"] for decision in recorded.decisions()]
    other = POLICY.replace("+919561612345", "+14155550100")
    assert replay(other, "--since", times[1])["decisions"] == 3
    answer = replay(other, "--until", times[1])
    assert answer["decisions"] == 1 and answer["first"] == answer["last"] == times[0]
    assert replay(other, "--team", "sales", code=0)["decisions"] == 0
    assert replay(other, "--since", "2999-01-01", code=0)["decisions"] == 0
    assert replay(other, "--since", "2020-01-01")["decisions"] == replay(other, "--since", "1h")["decisions"] == 4
    assert replay(other, "--until", times[0][:10])["decisions"] == 4      # up to the day's end
    assert replay(other, "--until", "1h", code=0)["decisions"] == 0


def test_a_rule_of_its_time(make_gateway, tmp_path):
    """The candidate's dates are looked at from the decision's time."""
    gateway = make_gateway()
    assert gateway.post(campaign()).status == 200
    day = gateway.decisions()[0]["time"][:10]
    closed = POLICY.replace("organisation:\n", "organisation:\n  blackout: [{name: Then, from: 2000-01-01, to: %s}]\n")
    for last, code in [("2099-12-31", 1), ("2025-01-01", 0)]:
        (tmp_path / "candidate.yaml").write_text(closed % last)
        assert run("--policy", tmp_path / "candidate.yaml", "--config", gateway.config).returncode == code, day


def test_for_people(recorded, tmp_path):
    (tmp_path / "candidate.yaml").write_text(
        POLICY.replace("+919561612345", "+14155550100").replace("organisation:\n", "organisation:\n  banned_words: [loan]\n"))
    done = run("--policy", tmp_path / "candidate.yaml", "--config", recorded.config, "--examples", "1")
    assert done.returncode == 1 and done.stderr == ""
    assert re.search(r"^4 decisions judged again by the policy 2026-11-23\.1 \(sha256 [0-9a-f]{64}\)$", done.stdout, re.M)
    for line in [r"  newly denied +2", r"  newly allowed +0", r"  could not be told +1",
                 r"  unchanged +1   0 allowed, 1 denied \(1 whatever a policy says\)",
                 r"  not counted: 1 that were no matter of policy",
                 r"  billing +2 +0 +1 +1",
                 r" +2  caller_ids, team billing: caller-id-not-allowed",
                 r" +1  banned_words, organisation: the record does not hold the message",
                 r"    caller-id-not-allowed: the caller ID ending in 45 is not the one allowed for team billing \(caller_ids, team billing\)"]:
        assert re.search(f"^{line}$", done.stdout, re.M), line + "\n" + done.stdout
    assert done.stdout.count("newly denied, the first of them") == 1
    assert len(re.findall(r"^  [0-9a-f-]{36}  20", done.stdout, re.M)) == 2


def test_names_of_campaigns_do_not_reach_the_terminal_raw(make_gateway, tmp_path):
    gateway = make_gateway()
    assert gateway.post(campaign(name="A\u202ename")).status == 200
    (tmp_path / "candidate.yaml").write_text(POLICY.replace("+919561612345", "+14155550100"))
    done = run("--policy", tmp_path / "candidate.yaml", "--config", gateway.config)
    assert "\u202e" not in done.stdout and "A\\u{202e}name" in done.stdout


# ---- journals that are not a gateway's ----

def journal(directory, records):
    """A journal of these records, as objects or as JSON; without signatures, which replay does not look at."""
    directory.mkdir()
    previous, lines = "0" * 64, []
    for number, record in enumerate(records, 1):
        text = record if isinstance(record, str) else json.dumps(record, separators=(",", ":"))[1:]
        text = f'{{"seq":{number},"prev":"{previous}",{text}'
        previous = hashlib.sha256(text.encode()).hexdigest()
        lines.append(f"{text}\t{previous}\n")
    (directory / "00000000000000000001.jsonl").write_text("".join(lines))
    return directory


def decision(**changes):
    """A decision as the version before wrote it: the number in the clear, nothing about the message."""
    record = {"kind": "decision", "id": "d-1", "time": "2026-11-25T10:00:00.000Z", "verdict": "allow", "team": "billing",
              "peer": "127.0.0.1:1", "body_sha256": "0" * 64, "body_bytes": 10,
              "campaign": {"name": "Autumn", "caller_id": "+919561612345", "timezone": "Asia/Kolkata",
                           "frequency": "WEEKLY", "blocks": [{"day": "MO", "start_min": 540, "end_min": 1080}],
                           "contact_lists": ["All"], "priority": 3, "format": "simple", "template": "Welcome",
                           "message_sha256": "1" * 64, "class": "promotional"},
              "policy": {"revision": "old", "digest": "2" * 64}, "duration_us": 10}
    record.update(changes)
    return record


def without(record, *path):
    copy = json.loads(json.dumps(record))
    place = copy
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return copy


def replayed(directory, policy, tmp_path):
    (tmp_path / "candidate.yaml").write_text(policy)
    done = run("--policy", tmp_path / "candidate.yaml", "--directory", directory, "--format=json")
    assert done.returncode in (0, 1) and done.stderr == "", done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("rule, result", [
    ("", "still_allowed"), ("priority_cap: 2", "newly_denied"), ("business_hours: {'*': {MO-FR: closed}}", "newly_denied"),
    ("days: [TU]", "newly_denied"), ("templates: [Promo]", "newly_denied"), ("templates: [Welcome]", "still_allowed"),
    ("templates: {Welcome: {sha256: %s}}" % ("1" * 64), "still_allowed"),
    ("templates: {Welcome: {sha256: %s}}" % ("2" * 64), "newly_denied"),
    ("templates: {Welcome: {text: 'Hi {name}', slots: {name: }}}", "untold"),
    ("urls: none", "untold"), ("segments: 9", "untold"), ("markup: none", "untold"), ("blocks: {shortest_minutes: 60}", "still_allowed"),
    ("description_pattern: x", "untold"), ("opt_out: STOP", "untold"), ("dnc_required: true", "newly_denied"),
    ("name_pattern: '^A'", "still_allowed"), ("name_pattern: '^B'", "newly_denied"), ("contact_lists: ['B*']", "newly_denied"),
])
def test_records_of_the_version_before(tmp_path, rule, result):
    policy = POLICY.replace("organisation:\n", f"organisation:\n  {rule}\n" if rule else "organisation:\n")
    if "business_hours" in rule:
        policy = f"revision: x\norganisation:\n  {rule}\nteams: {{billing: }}\n"
    answer = replayed(journal(tmp_path / "journal", [decision()]), policy, tmp_path)
    assert answer[result] == answer["decisions"] == 1


def test_two_blocks_that_may_be_one(tmp_path):
    night = [{"day": "MO", "start_min": 1380, "end_min": 1440}, {"day": "TU", "start_min": 0, "end_min": 60}]
    numbered = [dict(block, index=index) for index, block in enumerate(night)]
    one = [dict(block, index=0) for block in night]
    policy = "revision: x\norganisation:\n  blocks: {shortest_minutes: 90}\nteams: {billing: }\n"
    results = [("untold", night), ("newly_denied", numbered), ("still_allowed", one)]
    for number, (result, blocks) in enumerate(results):
        record = decision(campaign=dict(decision()["campaign"], blocks=blocks))
        answer = replayed(journal(tmp_path / f"journal-{number}", [record]), policy, tmp_path)
        assert answer[result] == 1, blocks


@pytest.mark.parametrize("path", [("name",), ("caller_id",), ("timezone",), ("frequency",), ("blocks",), ("contact_lists",),
                                  ("priority",), ("template",), ("message_sha256",)])
def test_a_campaign_that_is_not_all_there_cannot_be_told(tmp_path, path):
    directory = journal(tmp_path / "journal", [without(decision(), "campaign", *path)])
    answer = replayed(directory, "revision: x\norganisation: {priority_cap: 5}\nteams: {billing: }\n", tmp_path)
    assert answer["untold"] == 1 and answer["examples"][0]["reason"].startswith("the record lacks ")


BLOCK = {"day": "MO", "start_min": 540, "end_min": 1080}


@pytest.mark.parametrize("record", [
    decision(verdict="maybe"), decision(time="yesterday"), decision(time=7), decision(id=""), decision(status="x"),
    decision(status=-1), decision(campaign=[]), decision(policy="x"), decision(violations={}), decision(violations=[7]),
    *[decision(campaign=dict(decision()["campaign"], **{key: value})) for key, value in [
        ("name", 7), ("caller_id", None), ("priority", 1.5), ("priority", -3), ("priority", 1e300), ("blocks", [7]),
        ("blocks", [dict(BLOCK, day="XX")]), ("blocks", [dict(BLOCK, start_min=1080)]), ("blocks", [dict(BLOCK, end_min=9999)]),
        ("contact_lists", "x"), ("contact_lists", [[]]), ("frequency", "SOMETIMES"), ("scheduling_enabled", "no")]],
    *[decision(message=message) for message in [
        7, {}, {"encoding": "gsm", "segments": 1}, {"encoding": "gsm7", "segments": -1}, {"encoding": "gsm7", "segments": 1, "links": [7]},
        {"encoding": "gsm7", "segments": 1, "placeholders": ["a>b"]}, {"encoding": "gsm7", "segments": 1, "tags": 1e18}]],
])
def test_what_no_gateway_writes_is_not_believed(tmp_path, record):
    answer = replayed(journal(tmp_path / "journal", [record]), POLICY, tmp_path)
    assert answer["untold"] == 1 and answer["still_allowed"] == 0
    assert answer["examples"][0]["id"] == "record 1" and answer["examples"][0]["reason"]


def test_json_that_is_none(tmp_path):
    directory = journal(tmp_path / "journal", ['"kind":"decision","id":"x"', '"kind":"decision","kind":"outcome"}', decision()])
    answer = replayed(directory, POLICY, tmp_path)
    assert answer["untold"] == 2 and answer["still_allowed"] == 1


def test_refusals_of_other_kinds_are_no_matter_of_policy(tmp_path):
    campaign_of = decision()["campaign"]
    policy_says = {"code": "priority-too-high", "pointer": "/priority", "rule": "priority_cap", "layer": "organisation"}
    denied = dict(verdict="deny", status=403, type="policy")
    records = [
        without(decision(verdict="deny", status=401, type="identity"), "campaign"),
        decision(verdict="deny", status=503, type="unavailable"),
        decision(**denied, violations=[policy_says, {"code": "quota", "pointer": "", "rule": "quotas"}]),
        decision(**denied),
        decision(**denied, violations=[{"code": "tenant-mismatch", "pointer": ""}]),
        decision(verdict="deny", status=422, type="contract", campaign=without({"c": campaign_of}, "c", "name")["c"],
                 violations=[{"code": "field-missing", "pointer": "/name"}]),
        decision(**denied, violations=[policy_says]),
    ]
    answer = replayed(journal(tmp_path / "journal", records), POLICY, tmp_path)
    assert answer["not_policy"] == 4 and answer["denied_by_any_policy"] == answer["still_denied"] == 2
    assert answer["newly_allowed"] == 1
    assert answer["rules"] == [{"result": "newly_allowed", "rule": "priority_cap", "layer": "organisation",
                                "code": "priority-too-high", "decisions": 1}]


def test_a_capture_is_not_looked_for_elsewhere(tmp_path):
    (tmp_path / "secret.cms").write_text("x")
    sha = hashlib.sha256(b"x").hexdigest()
    for number, file in enumerate(["captures/../../secret.cms", "/etc/passwd", "captures/\u0000.cms"]):
        record = decision(capture={"file": file, "sha256": sha})
        if "\u0000" not in file:
            assert replayed(journal(tmp_path / f"journal-{number}", [record]), POLICY, tmp_path)["still_allowed"] == 1


# ---- what cannot be replayed ----

def test_a_journal_that_is_not_what_it_was(recorded, tmp_path):
    recorded.stop()
    segment, = recorded.audit.glob("*.jsonl")
    text = segment.read_text()
    segment.chmod(0o600)
    segment.write_text(text.replace('"verdict":"allow"', '"verdict":"deny" ', 1))
    done = run("--policy", recorded.directory / "policies", "--config", recorded.config)
    assert done.returncode == 2 and done.stdout == "" and segment.name in done.stderr


@pytest.mark.parametrize("arguments, sentence", [
    ([], "--policy PATH is missing"),
    (["--policy", ROOT / "policies/example"], "which journal? Give --config FILE or --directory DIR"),
    (["--policy", "/no/such", "--directory", "/tmp"], "cannot find '/no/such'"),
    (["--policy", ROOT / "policies/example", "--directory", "/no/such"], "/no/such"),
    (["--policy", ROOT / "policies/example", "--config", "/no/such"], "cannot open '/no/such'"),
    (["--policy", ROOT / "policies/example", "--directory", "/tmp", "--since", "noon"], "--since: 'noon' is no time"),
    (["--policy", ROOT / "policies/example", "--directory", "/tmp", "--until", "2026-02-30"], "--until: '2026-02-30' is no time"),
    (["--policy", ROOT / "policies/example", "--directory", "/tmp", "--examples", "many"], "'many' is no number up to 1000"),
    (["--policy", ROOT / "policies/example", "--directory", "/tmp", "--examples", "1001"], "'1001' is no number up to 1000"),
    (["--policy", ROOT / "policies/example", "--directory", "/tmp", "--capture-key", "/no"], "--capture-key needs --config"),
    (["--policy", ROOT / "policies/example", "--directory", "/tmp", "--recorded-policy", "/no"], "cannot find '/no'"),
    (["--policy", ROOT / "policies/example", "--directory", "/tmp", "--keys-directory", "/no"], "--keys-directory: '/no' is no directory"),
    (["--format", "xml"], "--format takes text or json"),
    (["policy.yaml"], "policy.yaml"),
])
def test_what_is_wrong_is_a_sentence(arguments, sentence):
    done = run(*arguments)
    assert done.returncode == 2 and sentence in done.stderr and done.stdout == "", done.stderr


def test_an_empty_journal(tmp_path):
    (tmp_path / "journal").mkdir()
    done = run("--policy", ROOT / "policies/example", "--directory", tmp_path / "journal")
    assert done.returncode == 0 and done.stdout.startswith("0 decisions judged again by the policy ")

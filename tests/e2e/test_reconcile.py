"""Campaigns whose fate nobody knows: reported, counted, looked for at the upstream, and never sent
twice; what stays unknown is said to be until a person closes it."""
import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time

import pytest

from harness import ADMIN, BINARY, DEADLINE, request, seed_campaign, wait_for
from kore import Answer, KoreHost, utc

TOKEN = "token-of-the-gateway-itself"
TIMEOUTS = "connect_timeout: 800ms, first_byte_timeout: 700ms, total_timeout: 800ms"
SETTLES = "reconcile_after: 100ms"


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture
def gateway(make_gateway):
    """One that does not ask by itself."""
    return quick(make_gateway)


def quick(make_gateway, audit=SETTLES, **options):
    gateway = make_gateway(timeouts=TIMEOUTS, audit=f"audit, {audit}", extra=ADMIN, workers=1, **options)
    gateway.audit = gateway.directory / "audit"
    return gateway


@pytest.fixture
def asking(make_gateway, token):
    """Makes gateways that ask by themselves."""
    return lambda **options: quick(make_gateway, f"{SETTLES}, reconcile_auth: {token}", **options)


def audit(gateway, verb, *arguments, code=0):
    run = subprocess.run([BINARY, "audit", verb, "-c", gateway.config, *arguments],
                         capture_output=True, text=True, timeout=3 * DEADLINE)
    assert run.returncode == code and "Sanitizer" not in run.stderr, (run.returncode, run.stdout, run.stderr)
    return run


def reconcile(gateway, token, *arguments, code=0):
    """What the verb found, once everything was old enough to be looked for."""
    def settled():
        run = subprocess.run([BINARY, "audit", "reconcile", "-c", gateway.config, "--auth-file", token,
                              "--format", "json", *arguments], capture_output=True, text=True,
                             timeout=3 * DEADLINE)
        assert run.stdout and not run.stderr, run.stderr
        found = json.loads(run.stdout)
        return (run.returncode, found) if not found["too_young"] else None
    returncode, found = wait_for(settled, "campaigns to be old enough")
    assert returncode == code, found
    return found


def leave_open(gateway, kore, creates=True, body=None):
    """A campaign whose answer never came. Its decision's id."""
    kore.script.append(Answer(close_before=True, creates=creates))
    response = gateway.post(body or seed_campaign())
    assert response.status == 502
    return response.header("x-decision-id")


def outcomes(gateway, decision_id):
    return [record for record in gateway.journal()
            if record["kind"] in ("outcome", "closed") and record["id"] == decision_id]


def only(found):
    campaign, = found["campaigns"]
    return campaign


# ---- after a crash ----

def test_killed_before_it_was_forwarded(asking, kore, certs):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        gateway = asking(upstream_port=port)
        with gateway.client() as client:
            client.send(request(seed_campaign()))
            decision, = wait_for(gateway.decisions, "the decision")
            gateway.kill()
    with KoreHost(certs / "kore.pem", certs / "kore.key", port=port) as host:
        gateway.start()
        reported = gateway.events("open-intents")[-1]
        assert reported["count"] == 1 and reported["ids"] == decision["id"]
        outcome, = wait_for(lambda: outcomes(gateway, decision["id"]), "the outcome")
        assert outcome["outcome"] == "not_created" and outcome["created"] == "no"
        assert outcome["reconciled"] is True and outcome["asked"]["campaigns"] == 0
        assert outcome["policy"] == decision["policy"]
        assert host.requests == [], "nothing is ever sent again"
        gateway.stop()
    assert gateway.events("campaign-reconciled")[-1]["created"] == "no"


def test_killed_after_the_upstream_had_created_it(asking, kore):
    gateway = asking()
    kore.script.append(Answer(silent=True, creates=True))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        campaign, = wait_for(lambda: kore.campaigns, "the campaign")
        gateway.kill()
    decision, = gateway.decisions()
    gateway.start()
    assert gateway.events("open-intents")[-1]["ids"] == decision["id"]
    outcome, = wait_for(lambda: outcomes(gateway, decision["id"]), "the outcome")
    assert outcome["outcome"] == "created" and outcome["created"] == "yes"
    assert outcome["reconciled"] is True
    assert outcome["upstream"]["campaign_id"] == campaign["_id"]
    assert outcome["upstream"]["created_at"] == campaign["createdAt"]
    assert outcome["upstream"]["template_id"] == campaign["message"]["templateId"]
    assert len(outcome["upstream"]["stored_message_sha256"]) == 64
    wait_for(lambda: gateway.metric("audit_open_intents") == 0, "the gauge")
    assert len(kore.requests) == 1, "nothing is ever sent again"
    gateway.stop()
    audit(gateway, "verify")
    gateway.start()
    assert len(gateway.events("open-intents")) == 1, "it is open no more"


def test_an_open_campaign_is_counted_and_listed(gateway, kore):
    decision_id = leave_open(gateway, kore)
    assert gateway.metric("audit_open_intents") == 1
    assert json.loads(gateway.admin("/status"))["open_intents"] == {"ids": [decision_id], "count": 1}
    gateway.kill()
    gateway.start()
    assert gateway.events("open-intents")[-1]["count"] == 1
    assert gateway.metric("audit_open_intents") == 1


def test_an_answered_campaign_is_not_open(gateway, kore):
    assert gateway.post(seed_campaign()).status == 200
    kore.script.append(Answer(status=400, body=b'{"errors":[]}'))
    assert gateway.post(seed_campaign()).status == 400
    assert gateway.metric("audit_open_intents") == 0
    gateway.kill()
    gateway.start()
    assert gateway.events("open-intents") == []


# ---- by the running gateway ----

def test_a_timeout_is_looked_after_without_a_restart(asking, kore):
    gateway = asking()
    kore.script.append(Answer(silent=True, creates=True))
    response = gateway.post(seed_campaign())
    assert response.status == 504
    decision_id = response.header("x-decision-id")
    found = wait_for(lambda: outcomes(gateway, decision_id)[1:], "the second outcome")
    assert outcomes(gateway, decision_id)[0]["created"] == "unknown"
    assert [each["created"] for each in found] == ["yes"] and found[0]["reconciled"] is True
    assert len(kore.requests) == 1


def test_what_stays_unknown_is_told_once(asking, kore):
    gateway = asking()
    kore.list_script += [Answer(status=500)] * 3
    decision_id = leave_open(gateway, kore)
    told = wait_for(lambda: gateway.events("campaign-unknown"), "the log")
    assert told[0]["id"] == decision_id and "the upstream answers 500" in told[0]["reason"]
    assert gateway.metric("audit_open_intents") == 1
    time.sleep(2)     # the next attempt is due after a minute only
    assert len(kore.looks) == 1 and len(gateway.events("campaign-unknown")) == 1


def test_a_call_under_way_does_not_hold_up_the_end(make_gateway, kore, token):
    gateway = quick(make_gateway, f"{SETTLES}, reconcile_auth: {token}")
    leave_open(gateway, kore)
    kore.list_script.append(Answer(silent=True))
    wait_for(lambda: kore.looks, "the gateway to ask")
    gateway.stop()


# ---- by the verb ----

def test_the_verb_with_a_running_gateway(gateway, kore, token):
    decision_id = leave_open(gateway, kore)
    campaign = only(reconcile(gateway, token))
    assert campaign["id"] == decision_id and campaign["result"] == "created" and campaign["recorded"]
    assert campaign["campaign_id"] == kore.campaigns[0]["_id"] and campaign["team"] == "billing"
    taken, = gateway.events("inbox-taken")
    record = outcomes(gateway, decision_id)[-1]
    assert record["request"] == taken["request"] and record["created"] == "yes" and record["time"]
    assert gateway.metric("audit_open_intents") == 0
    assert reconcile(gateway, token) == {"campaigns": [], "created": 0, "not_created": 0, "unknown": 0,
                                         "too_young": 0, "open": 0}


def test_the_verb_without_a_gateway(gateway, kore, token):
    decision_id = leave_open(gateway, kore, creates=False)
    gateway.kill()
    assert only(reconcile(gateway, token))["result"] == "not_created"
    assert outcomes(gateway, decision_id)[-1]["created"] == "no"
    gateway.start()
    assert gateway.events("open-intents") == []


def test_a_dry_run_records_nothing(gateway, kore, token):
    decision_id = leave_open(gateway, kore)
    campaign = only(reconcile(gateway, token, "--dry-run", code=1))
    assert campaign["result"] == "created" and not campaign["recorded"]
    assert len(outcomes(gateway, decision_id)) == 1


def test_one_that_is_young_is_not_judged(make_gateway, kore, token):
    gateway = quick(make_gateway, "reconcile_after: 1h")
    leave_open(gateway, kore)
    run = audit(gateway, "reconcile", "--auth-file", token, code=1)
    assert "stays unknown: it is so young" in run.stdout and "1 campaign is open" in run.stdout
    assert kore.looks == []


def test_the_report_for_people(gateway, kore, token):
    assert audit(gateway, "reconcile", "--auth-file", token).stdout == "no campaign is open\n"
    decision_id = leave_open(gateway, kore)
    reconcile(gateway, token, "--dry-run", code=1)
    text = audit(gateway, "reconcile", "--auth-file", token).stdout
    assert text.startswith(decision_id) and seed_campaign()["name"] in text
    assert f"was created as {kore.campaigns[0]['_id']}\n" in text
    assert text.endswith("0 campaigns are open\n")


# ---- what is asked ----

def test_the_list_is_asked_for_as_the_api_documents_it(gateway, kore, token):
    leave_open(gateway, kore)
    reconcile(gateway, token)
    listing, getting = kore.looks
    for look in (listing, getting):
        assert look.header("auth") == ["sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()]
    body = json.loads(listing.body)
    assert (body["limit"], body["skip"], body["page"], body["type"]) == (50, 0, 1, "sms")
    assert body["startDate"] < kore.campaigns[0]["createdAt"] < body["endDate"]
    assert getting.method == "GET" and getting.target.split("?")[0].endswith(kore.campaigns[0]["_id"])


def test_every_page_is_read(gateway, kore, token):
    for number in range(120):
        kore.create(json.dumps(dict(seed_campaign(), name=f"another {number}")).encode())
    leave_open(gateway, kore)
    kore.campaigns.append(kore.campaigns.pop(60))
    found = reconcile(gateway, token)
    assert only(found)["result"] == "created"
    assert [json.loads(look.body)["skip"] for look in kore.looks if look.method == "POST"] == [0, 50, 100]


def test_a_list_that_changes_is_read_again(gateway, kore, token):
    for number in range(60):
        kore.create(json.dumps(dict(seed_campaign(), name=f"another {number}")).encode())
    leave_open(gateway, kore, creates=False)

    def one_goes(_):
        kore.campaigns.pop()
        return Answer()
    kore.list_script += [Answer(), one_goes]
    assert only(reconcile(gateway, token))["result"] == "not_created"
    assert len(kore.looks) == 4


def test_token_and_answers_are_written_nowhere(asking, kore, token):
    gateway = asking()
    decision_id = leave_open(gateway, kore)
    wait_for(lambda: outcomes(gateway, decision_id)[1:], "the second outcome")
    gateway.stop()
    written = b"".join(p.read_bytes() for p in gateway.directory.rglob("*") if p.is_file())
    assert TOKEN.encode() not in written and b"Greetings" not in written
    assert decision_id.encode() in written


def test_the_token_is_read_anew(gateway, kore, token):
    leave_open(gateway, kore)
    token.write_text("  another-token \n\n")
    reconcile(gateway, token)
    assert kore.looks[0].header("auth") == ["sha256:" + hashlib.sha256(b"another-token").hexdigest()]


# ---- which campaign it was ----

def test_two_of_the_same_name_stay_unknown_until_a_person_closes(gateway, kore, token):
    decision_id = leave_open(gateway, kore)
    kore.create(json.dumps(seed_campaign()).encode())
    campaign = only(reconcile(gateway, token, code=1))
    assert campaign["result"] == "unknown" and "2 campaigns of its name" in campaign["reason"]
    assert gateway.metric("audit_open_intents") == 1

    close = ["close", decision_id, "--created", "yes", "--campaign-id", kore.campaigns[0]["_id"],
             "--reason", "looked it up in the console", "--by", "A. Officer"]
    assert audit(gateway, *close).stdout == f"{decision_id} is closed; created: yes\n"
    closed = outcomes(gateway, decision_id)[-1]
    assert closed["kind"] == "closed" and closed["created"] == "yes" and closed["by"] == "A. Officer"
    assert closed["reason"] == "looked it up in the console"
    assert closed["campaign_id"] == kore.campaigns[0]["_id"]
    assert gateway.metric("audit_open_intents") == 0
    assert "was closed by a person" in audit(gateway, *close, code=1).stderr
    audit(gateway, "verify")
    assert reconcile(gateway, token)["campaigns"] == []


def test_what_another_decision_created_is_not_its(gateway, kore, token):
    assert gateway.post(seed_campaign()).status == 200
    decision_id = leave_open(gateway, kore, creates=False)
    assert only(reconcile(gateway, token))["result"] == "not_created"
    assert outcomes(gateway, decision_id)[-1]["asked"]["campaigns"] == 1


def test_two_open_decisions_do_not_share_a_campaign(gateway, kore, token):
    one = leave_open(gateway, kore)
    other = leave_open(gateway, kore, creates=False)
    found = reconcile(gateway, token, code=1)
    assert {c["id"]: c["result"] for c in found["campaigns"]} == {one: "unknown", other: "unknown"}
    assert all("may as well have come of" in c["reason"] for c in found["campaigns"])
    audit(gateway, "close", other, "--created", "no", "--reason", "never arrived", "--by", "ops")
    assert only(reconcile(gateway, token))["result"] == "created"


def test_one_with_other_contents_is_not_taken_for_it(gateway, kore, token):
    kore.create(json.dumps(dict(seed_campaign(), priority="1")).encode())
    leave_open(gateway, kore, creates=False)
    campaign = only(reconcile(gateway, token, code=1))
    assert campaign["result"] == "unknown" and "another priority" in campaign["reason"]


def test_what_only_the_get_call_shows_counts_too(gateway, kore, token):
    leave_open(gateway, kore)
    kore.campaigns[0]["dialingStrategy"]["callingHours"]["timezone"] = "America/New_York"
    campaign = only(reconcile(gateway, token, code=1))
    assert campaign["result"] == "unknown" and "another time zone" in campaign["reason"]


def test_a_campaign_of_the_name_from_another_time_leaves_a_doubt(gateway, kore, token):
    leave_open(gateway, kore, creates=False)
    kore.create(json.dumps(seed_campaign()).encode())
    kore.campaigns[0]["createdAt"] = utc(time.time() - 1800)
    campaign = only(reconcile(gateway, token, code=1))
    assert campaign["result"] == "unknown" and "at another time" in campaign["reason"]


def test_case_and_width_of_a_name_make_no_difference(gateway, kore, token):
    leave_open(gateway, kore)
    kore.campaigns[0]["name"] = kore.campaigns[0]["name"].upper()
    assert only(reconcile(gateway, token))["result"] == "created"


def test_a_number_in_the_name_is_hidden_and_found_all_the_same(gateway, kore, token):
    body = dict(seed_campaign(), name="call +4915123456789 back")
    other = dict(seed_campaign(), name="call +4915123456780 back")
    decision_id = leave_open(gateway, kore, body=body)
    kore.create(json.dumps(other).encode())
    campaign = only(reconcile(gateway, token))
    assert campaign["result"] == "created" and campaign["campaign_id"] == kore.campaigns[0]["_id"]
    assert "{hmac:" in campaign["name"] and "4915123456789" not in json.dumps(gateway.journal())
    assert outcomes(gateway, decision_id)[-1]["created"] == "yes"


def test_a_number_whose_key_is_gone_cannot_be_compared(gateway, kore, token):
    leave_open(gateway, kore, body=dict(seed_campaign(), name="call +4915123456789 back"))
    gateway.kill()
    for key in (gateway.audit / "hash-keys").glob("*.key"):
        key.unlink()
    campaign = only(reconcile(gateway, token, code=1))
    assert campaign["result"] == "unknown" and "key that hides" in campaign["reason"]


# ---- an upstream that does not help ----

MALFORMED = b'{"status":"success","data":{"results":[{"name":"x","createdAt":"2026-11-28T00:00:00.000Z"}],"hasMore":false,"totalResults":1}}'


LIES = [
    (Answer(status=401), "refuses the API's token (401)"),
    (Answer(status=403), "refuses the API's token (403)"),
    (Answer(status=429), "asked too often"),
    (Answer(status=500), "answers 500"),
    (Answer(status=302, headers=(("Location", "/"),)), "answers 302"),
    (Answer(close_before=True), "closed the connection"),
    (Answer(silent=True), "in time"),
    (Answer(cut_at=200), "closed the connection"),
    (Answer(body=b"<html>"), "not JSON"),
    (Answer(body=b'{"status":"success","status":"success"}'), "not JSON"),
    (Answer(body=b'{"status":"error","data":{}}'), '"status": "success"'),
    (Answer(body=b'{"status":"success","data":[]}'), 'no "data"'),
    (Answer(body=b'{"status":"success","data":{"results":{},"hasMore":false}}'), '"results"'),
    (Answer(body=b'{"status":"success","data":{"results":[]}}'), "whether there are more"),
    (Answer(body=b'{"status":"success","data":{"results":[],"hasMore":true}}'), "full page"),
    (Answer(body=b'{"status":"success","data":{"results":[7],"hasMore":false}}'), "has no id"),
    (Answer(body=MALFORMED), "has no id"),
    (Answer(body=MALFORMED.replace(b'"name":"x"', b'"id":"../../x","name":"x"')), "has no id"),
    (Answer(body=MALFORMED.replace(b'"name":"x"', b'"id":"cd-1"')), "has no name"),
    (Answer(body=MALFORMED.replace(b'"name":"x"', b'"id":"cd-1","name":"x"').replace(b"T00", b" 00")),
     "no time of creation"),
    (Answer(body=b'{"status":"success","data":{"results":[],"hasMore":false,"totalResults":3}}'),
     "not hold as many"),
    (Answer(body=b'{"status":"success","data":{"x":"' + b"x" * (2 << 20) + b'"}}'), "too large"),
    (Answer(body=b"[" * 100000), "not JSON"),
    (Answer(headers=(("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),)), "s apart"),
]


def test_without_a_clear_answer_it_stays_unknown(gateway, kore, token):
    decision_id = leave_open(gateway, kore)
    for answer, reason in LIES:
        kore.list_script[:] = [answer] * 3
        campaign = only(reconcile(gateway, token, code=1))
        assert campaign["result"] == "unknown" and reason in campaign["reason"], (answer, campaign)
        assert not campaign["recorded"] and len(outcomes(gateway, decision_id)) == 1
    kore.list_script.clear()
    assert only(reconcile(gateway, token))["result"] == "created"


@pytest.mark.parametrize("answer, reason", [
    (Answer(status=404, body=b"{}"), "answers 404"),
    (Answer(body=b"{}"), "does not show"),
    (lambda _: Answer(body=b'{"status":"success","data":{"_id":"cd-2","name":"Other",'
                           b'"createdAt":"2026-11-28T00:00:00.000Z"}}'), "in two ways"),
])
def test_a_campaign_that_cannot_be_confirmed_stays_unknown(gateway, kore, token, answer, reason):
    leave_open(gateway, kore)
    kore.get_script.append(answer)
    campaign = only(reconcile(gateway, token, code=1))
    assert campaign["result"] == "unknown" and reason in campaign["reason"]


def test_a_list_that_never_holds_still_is_given_up(gateway, kore, token):
    leave_open(gateway, kore)
    page = [{"id": f"cd-{n}", "name": "x", "createdAt": utc(time.time())} for n in range(50)]
    answers = [json.dumps({"status": "success", "data": {"results": page, "hasMore": True,
                                                         "totalResults": n}}) for n in range(6)]
    kore.list_script += [Answer(body=answer.encode()) for answer in answers]
    campaign = only(reconcile(gateway, token, code=1))
    assert campaign["result"] == "unknown" and "not hold as many" in campaign["reason"]
    assert len(kore.looks) == 6, "three attempts, each of two pages"


def test_an_upstream_that_is_gone(gateway, kore, token):
    decision_id = leave_open(gateway, kore)
    kore.stop()
    campaign = only(reconcile(gateway, token, code=1))
    assert campaign["result"] == "unknown" and "no connection" in campaign["reason"]
    assert len(outcomes(gateway, decision_id)) == 1


NO_TOKENS = [(None, "cannot be read"), ("", "does not hold one token"), ("two tokens", "does not hold one"),
             ("line\r\nauth: x", "does not hold one"), ("ümlaut", "does not hold one"),
             ("x" * 20000, "does not hold one")]


def test_a_token_that_is_none(gateway, kore, token):
    leave_open(gateway, kore)
    for content, reason in NO_TOKENS:
        token.unlink(missing_ok=True)
        if content is not None:
            token.write_text(content)
        assert reason in only(reconcile(gateway, token, code=1))["reason"], content
    assert kore.looks == []


def test_a_token_that_is_not_there_is_told_at_the_start(make_gateway, kore, token):
    token.unlink()
    gateway = quick(make_gateway, f"{SETTLES}, reconcile_auth: {token}")
    assert gateway.events("reconcile-auth-unreadable")[0]["file"] == str(token)
    decision_id = leave_open(gateway, kore)
    assert "cannot be read" in wait_for(lambda: gateway.events("campaign-unknown"), "the log")[0]["reason"]
    assert len(outcomes(gateway, decision_id)) == 1


# ---- side by side ----

def test_a_gateway_that_starts_waits_for_a_verb_to_end(gateway):
    gateway.stop()
    with open(gateway.audit / "lock", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(0.5, lock.close).start()
        gateway.start()
    assert gateway.post(seed_campaign()).status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_user_makes_nothing_in_the_journals_directory(gateway, kore, token):
    decision_id = leave_open(gateway, kore)
    gateway.kill()
    shutil.rmtree(gateway.audit / "hash-keys")
    os.chown(gateway.audit / "lock", 54321, 54321)
    close = ["close", decision_id, "--created", "no", "--reason", "x", "--by", "y"]
    for arguments in (close, ["reconcile", "--auth-file", token]):
        assert "(54321): run this as that user" in audit(gateway, *arguments, code=2).stderr
    assert not (gateway.audit / "hash-keys").exists() and kore.looks == []


# ---- persons ----

def test_closing_as_unknown_for_ever(gateway, kore, token):
    decision_id = leave_open(gateway, kore)
    gateway.kill()
    audit(gateway, "close", decision_id, "--created", "unknown", "--by", "ops",
          "--reason", "the tenant was deleted; ask +4915123456789")
    closed = outcomes(gateway, decision_id)[-1]
    assert closed["created"] == "unknown" and "4915123456789" not in closed["reason"]
    assert "{hmac:" in closed["reason"] and closed["time"] and closed["request"]
    gateway.start()
    assert gateway.events("open-intents") == []


def test_only_what_is_open_can_be_closed(gateway, kore):
    created = gateway.post(seed_campaign()).header("x-decision-id")
    kore.script.append(Answer(status=400, body=b"{}"))
    failed = gateway.post(seed_campaign()).header("x-decision-id")
    denied = gateway.post(dict(seed_campaign(), priority="9")).header("x-decision-id")
    words = {created: f"was created as {kore.campaigns[0]['_id']}", failed: "was not created",
             denied: "was refused by the gateway", "01936b2f-0000-7000-8000-000000000000": "is in no record"}
    before = len(gateway.journal())
    for decision_id, said in words.items():
        run = audit(gateway, "close", decision_id, "--created", "no", "--reason", "x", "--by", "y", code=1)
        assert f"{decision_id} {said}" in run.stderr
    kinds = [record["kind"] for record in gateway.journal()[before:]]
    assert "closed" not in kinds


UNMEANT = [
    ({"id": "x"}, "no decision's id"), ({"--created": "maybe"}, "yes, no or unknown"),
    ({"--reason": "  "}, "must say something"), ({"--by": " "}, "must name somebody"),
    ({"--by": "x" * 257}, "at most 256"), ({"--reason": "x" * 4001}, "at most 4000"),
    ({"--created": "no", "--campaign-id": "cd-1"}, "that was created"),
    ({"--campaign-id": "a/b"}, "letters, digits"), ({"--reason": None}, "--reason"),
    ({"--by": None}, "--by"), ({"--created": None}, "--created")]


def test_closing_must_be_meant(gateway):
    for change, said in UNMEANT:
        options = {"id": "01936b2f-0000-7000-8000-000000000000", "--created": "yes", "--reason": "x",
                   "--by": "y"} | change
        arguments = [options.pop("id")]
        for name, value in options.items():
            arguments += [name, value] if value is not None else []
        assert said in audit(gateway, "close", *arguments, code=2).stderr


def test_what_the_verbs_need(gateway, kore, tmp_path):
    assert "with which token" in audit(gateway, "reconcile", code=2).stderr
    run = subprocess.run([BINARY, "audit", "reconcile"], capture_output=True, text=True)
    assert run.returncode == 2 and "--config" in run.stderr


@pytest.mark.parametrize("verb, codes", [("reconcile", [0, 0]), ("close", [1])])
def test_the_commands_in_the_help_are_understood(asking, kore, verb, codes):
    gateway = asking()
    page = subprocess.run([BINARY, "audit", verb, "--help"], capture_output=True, text=True, check=True).stdout
    examples = re.findall(r"^  campaign-gateway (.*)$", re.sub(r"\\\n *", "", page.split("\nexample")[1]), re.M)
    assert len(examples) == len(codes)
    for example, code in zip(examples, codes):
        arguments = shlex.split(example.replace("/etc/campaign-gateway/gateway.yaml", str(gateway.config)))
        run = subprocess.run([BINARY, *arguments], capture_output=True, text=True)
        assert run.returncode == code, (example, run.stdout, run.stderr)

"""What the record must never hold, what it holds instead, and how that is found and forgotten."""
import base64
import hashlib
import hmac
import json
import shlex
import shutil
import signal
import subprocess
import urllib.parse
from datetime import datetime, timezone

import pytest

from harness import BINARY, PATH, POLICY, STREAM, TARGET, request, seed_campaign, wait_for
from kore import Answer

NUMBER = "+919561612345"
DIGITS = NUMBER[1:]
MONTH = datetime.now(timezone.utc).strftime("%Y-%m")

# How a client may spell it; what is looked for are the forms of `needles`.
SPELLINGS = {
    "plain": NUMBER,
    "without plus": DIGITS,
    "with 00": "00" + DIGITS,
    "spaced": "+91 9561 612345",
    "beside letters": f"x{DIGITS}y",
    "in a name": f"BIL_{DIGITS}_1",
    "percent-encoded plus": "%2B" + DIGITS,
    "percent-encoded": "".join(f"%{ord(c):02X}" for c in NUMBER),
    "percent-encoded twice": "".join(f"%25{ord(c):02X}" for c in NUMBER),
    "base64": base64.b64encode(NUMBER.encode()).decode(),
    "base64 without plus": base64.b64encode(DIGITS.encode()).decode(),
    "base64 behind a letter": base64.b64encode(("x" + NUMBER).encode()).decode(),
    "full-width": "".join(chr(ord(c) + 0xfee0) for c in NUMBER),
    "Devanagari": "".join(chr(ord(c) - ord("0") + 0x966) for c in DIGITS),
}


def needles():
    """Every form in which the number must not be found in what is written."""
    forms = {DIGITS, "91 9561 612345", SPELLINGS["percent-encoded"], SPELLINGS["percent-encoded twice"],
             SPELLINGS["full-width"][1:], SPELLINGS["Devanagari"]}
    for front in ["", "x", "xy"]:   # base64 at each alignment, without the characters at its ends
        text = base64.b64encode((front + DIGITS).encode()).decode()
        forms.add(text[4:-4])
    return [form.encode() for form in forms]


def written(gateway):
    """All that the gateway has put on the disk: the journal and the log."""
    files = [path for path in gateway.audit.rglob("*") if path.is_file()] + [gateway.stderr_path]
    return {path: path.read_bytes() for path in files}


def expect_hidden(gateway):
    for path, data in written(gateway).items():
        for needle in needles():
            assert needle not in data, f"{needle} in {path.name}"


def keys(directory):
    return {f"{path.stem}-{hashlib.sha256(bytes.fromhex(path.read_text())).hexdigest()[:8]}":
            bytes.fromhex(path.read_text()) for path in directory.glob("*.key")}


def hash_of(gateway, number=NUMBER):
    name, key = next((n, k) for n, k in keys(gateway.audit / "hash-keys").items() if n.startswith(MONTH))
    digits = number.lstrip("+").encode()
    return f"hmac:{name}:{hmac.new(key, digits, 'sha256').hexdigest()}"


def audit(*arguments, code=0, **options):
    done = subprocess.run([BINARY, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return done


# ---- where a client can put a number ----

def test_the_caller_id_is_a_hash_that_the_key_gives(gateway):
    assert gateway.post(seed_campaign()).status == 200
    campaign = gateway.decisions()[0]["campaign"]
    assert campaign["caller_id"] == hash_of(gateway) and campaign["calling_code"] == "91"
    expect_hidden(gateway)


def place_in(campaign, where, text):
    if where == "name":
        campaign["name"] = text
    elif where == "description":
        campaign["description"] = text
    elif where == "contact list":
        campaign["contactLists"] = ["CL Only 2020 Dec 4", text]
    elif where == "dnc list":
        campaign["dncLists"] = {"name": text}
    elif where == "template":
        campaign["message"]["template_name"] = text
    elif where == "message":
        campaign["message"]["message"] = urllib.parse.quote(base64.b64encode(f"Call {text} now".encode()), safe="")
    elif where == "message, not encoded":
        campaign["message"]["message"] = text
    elif where == "placeholder":
        campaign["message"]["message"] = urllib.parse.quote(base64.b64encode(f"Hi <a {text}>".encode()), safe="")
    elif where == "link":
        campaign["message"]["message"] = urllib.parse.quote(
            base64.b64encode(f"See https://{text}.example.com/{text}".encode()), safe="")
    elif where == "key":
        campaign[text] = 1
    elif where == "nested key":
        campaign["dialingStrategy"]["callerId"][text] = {text: text}
    elif where == "caller ID":
        campaign["dialingStrategy"]["callerId"]["phoneNumber"] = text
    elif where == "time zone":
        campaign["dialingStrategy"]["callingHours"]["timezone"] = text
    elif where == "day":
        campaign["dialingStrategy"]["callingHours"]["days"][0]["day"] = text
    elif where == "time":
        campaign["dialingStrategy"]["callingHours"]["days"][0]["start"] = text
    elif where == "format":
        campaign["message"]["format"] = campaign["format"] = text
    elif where == "priority":
        campaign["priority"] = text
    else:
        raise KeyError(where)
    return campaign


WITHIN = ["name", "description", "contact list", "dnc list", "template", "message", "message, not encoded",
          "placeholder", "link", "key", "nested key", "caller ID", "time zone", "day", "time", "format", "priority"]


@pytest.mark.parametrize("where", WITHIN)
def test_a_number_within_the_campaign_is_hidden(gateway, where):
    for text in SPELLINGS.values():
        gateway.post(place_in(seed_campaign(), where, text))
    assert len(gateway.decisions()) == len(SPELLINGS)
    expect_hidden(gateway)


def ascii_spellings():
    return [text.replace(" ", "%20") for text in SPELLINGS.values() if text.isascii()]


@pytest.mark.parametrize("where", ["path", "stream", "segment", "query", "account", "method", "header name",
                                   "header value", "auth", "api key", "host", "body", "json string", "version"])
def test_a_number_around_the_campaign_is_hidden(gateway, where):
    for text in ascii_spellings():
        token = "".join(c for c in text if c.isalnum() or c in "%+-_")
        body = seed_campaign()
        data = {
            "path": lambda: request(body, target=f"/{text}?accountId=1"),
            "stream": lambda: request(body, target=TARGET.replace(STREAM, token)),
            "segment": lambda: request(body, target=f"{PATH}/{text}?campaignType=sms"),
            "query": lambda: request(body, target=f"{TARGET}&{text}={text}"),
            "account": lambda: request(body, target=f"{PATH}?accountId={text}&campaignType=sms"),
            "method": lambda: request(body, method=token),
            "header name": lambda: request(body, headers=[("x-" + token, "1")]),
            "header value": lambda: request(body, headers=[("x-phone", text), ("content-language", text)]),
            "auth": lambda: request(body, auth=text),
            "api key": lambda: request(body, headers=[("x-api-key", text)]),
            "host": lambda: request(body, host=token),
            "body": lambda: request(text.encode(), content_type="text/plain; charset=" + token),
            "json string": lambda: request(json.dumps(text).encode()),
            "version": lambda: request(body).replace(b"HTTP/1.1", b"HTTP/" + token.encode()),
        }[where]()
        with gateway.client() as client:
            client.send(data)
            try:
                client.read()
            except EOFError:
                pass
    expect_hidden(gateway)


def test_numbers_are_told_to_be_the_same(gateway):
    """What is hidden can still be compared, and found: a name and a caller ID with one number."""
    gateway.post(place_in(seed_campaign(), "name", f"Call {NUMBER}"))
    campaign = gateway.decisions()[0]["campaign"]
    assert campaign["name"] == "Call {" + campaign["caller_id"] + "}"


def test_the_tenants_own_ids_and_dates_stay(gateway):
    gateway.post(place_in(seed_campaign(), "name", "Diwali 2026-11-08, batch 20261108"))
    decision = gateway.decisions()[0]
    assert decision["campaign"]["name"] == "Diwali 2026-11-08, batch 20261108"
    assert decision["stream_id"] == STREAM and decision["path"] == PATH
    assert decision["account_id"] == "67777ce93e25326494e00000" and decision["route"] == "create-campaign"


def test_a_sender_id_stays_readable(make_gateway):
    policy = POLICY.replace(f'["{NUMBER}"]', '["AD-ACME", "56161"]')
    gateway = make_gateway(policy=policy, extra="contract: {sender_ids: [AD-ACME, '56161']}")
    for sender in ["AD-ACME", "56161"]:
        assert gateway.post(place_in(seed_campaign(), "caller ID", sender)).status == 200
    assert [d["campaign"]["caller_id"] for d in gateway.decisions()] == ["AD-ACME", "56161"]
    assert "calling_code" not in gateway.decisions()[0]["campaign"]


def test_what_the_upstream_says_is_hidden_too(gateway, kore):
    kore.script.append(Answer(body=json.dumps({
        "status": f"failed for {NUMBER}", "data": {"_id": NUMBER, "createdAt": NUMBER}}).encode()))
    gateway.post(seed_campaign())
    upstream = next(iter(gateway.outcomes().values()))["upstream"]
    assert upstream["campaign_id"].startswith("{hmac:") and upstream["answer"].startswith("failed for {hmac:")
    expect_hidden(gateway)


def test_in_the_clear_numbers_are_written(make_gateway):
    """The other way round, so that the tests above cannot pass for want of a record."""
    gateway = make_gateway(audit="audit, phone_numbers: clear")
    gateway.audit = gateway.directory / "audit"
    gateway.post(place_in(seed_campaign(), "name", f"Call {NUMBER}"))
    decision, = gateway.decisions()
    assert decision["campaign"]["caller_id"] == NUMBER and decision["campaign"]["name"] == f"Call {NUMBER}"
    assert len(decision["body_sha256"]) == 64 and "body_hmac" not in decision
    assert not (gateway.audit / "hash-keys").exists()


# ---- what the record tells instead ----

def test_the_record_tells_what_rules_ask(gateway):
    text = "Dear <First Name>, pay at https://acme.com/t/4711 – Acme"
    campaign = seed_campaign()
    campaign["message"]["message"] = urllib.parse.quote(base64.b64encode(text.encode()), safe="")
    gateway.post(campaign)
    message = gateway.decisions()[0]["message"]
    assert message == {"chars": len(text), "encoding": "ucs2", "units": len(text), "segments": 1,
                       "placeholders": ["First Name"], "placeholder_count": 1, "bare_encoding": "ucs2",
                       "bare_units": len(text) - len("<First Name>"),
                       "links": [{"host": "acme.com", "scheme": "https"}]}
    assert gateway.decisions()[0]["campaign"]["description_chars"] == len(campaign["description"])


def test_the_body_is_found_by_its_hash(gateway, tmp_path):
    body = json.dumps(seed_campaign()).encode()
    gateway.post(body)
    (tmp_path / "body").write_bytes(body)
    shown = json.loads(audit("hash", "--config", gateway.config, "--body", tmp_path / "body", "--format", "json").stdout)
    assert gateway.decisions()[0]["body_hmac"] in shown["bodies"][0]["hashes"]
    (tmp_path / "body").write_bytes(body + b" ")
    shown = json.loads(audit("hash", "--config", gateway.config, "--body", tmp_path / "body", "--format", "json").stdout)
    assert gateway.decisions()[0]["body_hmac"] not in shown["bodies"][0]["hashes"]


# ---- looking for a number ----

@pytest.mark.parametrize("spelling", [NUMBER, DIGITS, "00" + DIGITS, "+91 (0) 9561-612345"])
def test_hash_finds_a_number_however_it_is_written(gateway, spelling):
    gateway.post(seed_campaign())
    shown = json.loads(audit("hash", "--config", gateway.config, "--format", "json", spelling).stdout)
    assert shown["recorded"] is True and shown["numbers"][0]["number"] == spelling
    assert gateway.decisions()[0]["campaign"]["caller_id"] in shown["numbers"][0]["hashes"]


def test_a_lookup_is_recorded_and_the_number_is_not(gateway):
    done = audit("hash", "--config", gateway.config, NUMBER)
    assert hash_of(gateway) in done.stdout and done.stderr == ""
    record, = [r for r in gateway.journal() if r["kind"] == "looked_up"]
    assert hash_of(gateway) in record["hashes"] and record["by"] and record["time"].startswith(MONTH)
    expect_hidden(gateway)


def test_a_lookup_without_a_running_gateway_is_recorded_too(gateway):
    gateway.stop()
    audit("hash", "--config", gateway.config, NUMBER)
    assert [r["kind"] for r in gateway.journal()][-1:] != ["shutdown"]
    assert len([r for r in gateway.journal() if r["kind"] == "looked_up"]) == 1


def test_a_lookup_that_cannot_be_recorded_says_so(gateway):
    gateway.stop()
    journal = gateway.audit
    keys_directory = gateway.directory / "keys"
    (journal / "hash-keys").rename(keys_directory)
    journal.rename(gateway.directory / "elsewhere")
    journal.write_text("in the way")
    done = audit("hash", "--config", gateway.config, "--keys-directory", keys_directory, NUMBER, code=1)
    assert "COULD NOT BE RECORDED" in done.stderr and "hmac:" in done.stdout
    done = audit("hash", "--keys-directory", keys_directory, NUMBER)
    assert "not recorded" in done.stderr and "hmac:" in done.stdout
    assert json.loads(audit("hash", "--keys-directory", keys_directory, "--format", "json", NUMBER).stdout)["recorded"] is False


def test_numbers_can_stay_out_of_the_command_line(gateway):
    done = audit("hash", "--config", gateway.config, "-", input=f"{NUMBER}\n\n+14155550100\n")
    assert hash_of(gateway) in done.stdout and hash_of(gateway, "+14155550100") in done.stdout


def test_the_search_is_spelt_out(gateway):
    """Without the number, and for somebody without the keys."""
    gateway.post(seed_campaign())
    done = audit("hash", "--config", gateway.config, "--search", NUMBER)
    command, = [line for line in done.stdout.splitlines() if hash_of(gateway).split(":")[2] in line]
    assert DIGITS not in done.stdout
    words = shlex.split(command)
    assert words[:3] == ["campaign-gateway", "audit", "search"]
    assert gateway.decisions()[0]["id"] in audit(*words[2:], "--format", "json").stdout


def test_search_finds_a_number_by_itself(gateway):
    gateway.post(place_in(seed_campaign(), "name", f"Call {NUMBER}"))
    name, = [decision["id"] for decision in gateway.decisions()]
    for option in ["--number", "--caller-id"]:
        assert name in audit("search", "--config", gateway.config, option, NUMBER, "--format", "json").stdout
    audit("search", "--config", gateway.config, "--number", "+919561612346", code=1)


def test_what_cannot_be_hashed_is_told(gateway, tmp_path):
    assert "is no number" in audit("hash", "--config", gateway.config, "ACME", code=2).stderr
    assert "give a NUMBER" in audit("hash", "--config", gateway.config, code=2).stderr
    assert "which journal?" in audit("hash", NUMBER, code=2).stderr
    assert "--keys-directory" in audit("hash", "--directory", tmp_path, NUMBER, code=2).stderr
    assert "cannot open" in audit("hash", "--keys-directory", tmp_path / "no", NUMBER, code=2).stderr
    assert "at most 20" in audit("hash", "--config", gateway.config, *[NUMBER] * 21, code=2).stderr
    assert [r for r in gateway.journal() if r["kind"] == "looked_up"] == []


def test_keys_of_several_gateways_are_tried(gateway, tmp_path):
    (tmp_path / "2026-01.key").write_text("00" * 32 + "\n")
    (tmp_path / "2026-01.key").chmod(0o600)
    done = audit("hash", "--keys-directory", gateway.audit / "hash-keys", "--keys-directory", tmp_path, NUMBER)
    assert hash_of(gateway) in done.stdout and "hmac:2026-01-66687aad:" in done.stdout


def test_a_key_that_cannot_be_read_does_not_hide_the_others(gateway):
    (gateway.audit / "hash-keys/2026-01.key").write_text("rubbish")
    (gateway.audit / "hash-keys/2026-01.key").chmod(0o600)
    done = audit("hash", "--config", gateway.config, NUMBER, code=1)
    assert "2026-01.key' holds no key" in done.stderr
    (gateway.audit / "hash-keys/2026-01.key").unlink()
    assert hash_of(gateway) in done.stdout


# ---- forgetting ----

def last_months_key(gateway):
    """As if the gateway had run then: the record of this month, under a key of that one."""
    path = gateway.audit / "hash-keys/2026-01.key"
    path.write_text("07" * 32 + "\n")
    path.chmod(0o600)
    return path


def test_a_destroyed_key_makes_numbers_unfindable_and_the_chain_holds(gateway):
    gateway.post(seed_campaign())
    path = last_months_key(gateway)
    [old] = [h for h in audit("hash", "--config", gateway.config, NUMBER).stdout.split() if "hmac:2026-01-" in h]
    done = audit("key", "destroy", "--config", gateway.config, "--yes", "2026-01")
    assert done.stdout == "the key of 2026-01 is destroyed\n"
    assert not path.exists() and (gateway.audit / "hash-keys/2026-01.destroyed").exists()
    shown = audit("hash", "--config", gateway.config, NUMBER).stdout
    assert old not in shown and hash_of(gateway) in shown
    record, = [r for r in gateway.journal() if r["kind"] == "erased"]     # which also checks the chain
    assert record["key"].startswith("2026-01-") and record["by"]
    audit("verify", "--directory", gateway.audit)
    assert gateway.post(seed_campaign()).status == 200
    gateway.stop()
    gateway.start()
    assert not path.exists()


def test_destroying_asks_first(gateway):
    path = last_months_key(gateway)
    done = audit("key", "destroy", "--config", gateway.config, "2026-01", code=2)
    assert "cannot be undone" in done.stderr and path.exists()


def test_the_key_in_use_is_not_destroyed(gateway):
    done = audit("key", "destroy", "--config", gateway.config, "--yes", MONTH, code=1)
    assert "is not over" in done.stderr and (gateway.audit / f"hash-keys/{MONTH}.key").exists()
    assert [r for r in gateway.journal() if r["kind"] == "erased"] == []
    assert gateway.post(seed_campaign()).status == 200


def test_what_cannot_be_recorded_is_not_destroyed(gateway):
    path = last_months_key(gateway)
    gateway.stop()
    for segment in gateway.audit.glob("*.jsonl"):
        segment.unlink()
        segment.mkdir()
    done = audit("key", "destroy", "--config", gateway.config, "--yes", "2026-01", code=1)
    assert "could not be recorded" in done.stderr and path.exists()


def test_without_a_configuration_it_is_destroyed_and_said_to_be_unrecorded(gateway):
    path = last_months_key(gateway)
    gateway.stop()
    done = audit("key", "destroy", "--directory", gateway.audit, "--yes", "2026-01")
    assert "not recorded" in done.stdout and not path.exists()
    done = audit("key", "destroy", "--keys-directory", gateway.audit / "hash-keys", "--yes", "2026-02", code=1)
    assert "No such file" in done.stderr


# ---- keys and the gateway's life ----

def test_the_keys_of_two_months_are_there_from_the_start(gateway):
    names = sorted(path.name for path in (gateway.audit / "hash-keys").iterdir())
    assert len(names) == 2 and names[0] == f"{MONTH}.key"
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (gateway.audit / "hash-keys").iterdir())


def test_a_restart_goes_on_with_the_same_key(gateway):
    gateway.post(seed_campaign())
    gateway.stop()
    gateway.start()
    gateway.post(seed_campaign())
    first, second = gateway.decisions()
    assert first["campaign"]["caller_id"] == second["campaign"]["caller_id"]
    assert first["body_hmac"] == second["body_hmac"]


def test_a_broken_key_is_told_at_start(gateway):
    gateway.stop()
    (gateway.audit / f"hash-keys/{MONTH}.key").write_text("rubbish")
    done = subprocess.run([BINARY, "run", "--config", gateway.config], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and f"{MONTH}.key' holds no key" in done.stderr


def test_keys_may_lie_elsewhere(make_gateway, tmp_path):
    gateway = make_gateway(audit=f"audit, hash_keys: {tmp_path}/keys")
    gateway.audit = gateway.directory / "audit"
    gateway.post(seed_campaign())
    name, key = next((n, k) for n, k in keys(tmp_path / "keys").items() if n.startswith(MONTH))
    expected = f"hmac:{name}:{hmac.new(key, DIGITS.encode(), 'sha256').hexdigest()}"
    assert gateway.decisions()[0]["campaign"]["caller_id"] == expected
    assert not (gateway.audit / "hash-keys").exists()


# ---- sealed bodies ----

@pytest.fixture(scope="module", params=["rsa:2048", "ec"])
def auditor(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("auditor")
    algorithm = ["-newkey", request.param] + (["-pkeyopt", "ec_paramgen_curve:P-256"] if request.param == "ec" else [])
    subprocess.run(["openssl", "req", "-x509", *algorithm, "-nodes", "-subj", "/CN=audit", "-days", "30",
                    "-keyout", directory / "audit.key", "-out", directory / "audit.pem"], check=True, capture_output=True)
    return directory


def opened(auditor, path):
    return subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", path, "-binary",
                           "-inkey", auditor / "audit.key"], check=True, capture_output=True).stdout


def test_a_sealed_body_opens_with_the_auditors_key(make_gateway, auditor):
    gateway = make_gateway(audit=f"audit, capture_certificate: {auditor}/audit.pem")
    gateway.audit = gateway.directory / "audit"
    refused = dict(seed_campaign(), priority="9")
    bodies = [json.dumps(seed_campaign()).encode(), json.dumps(refused).encode(), b"no JSON, \xff\x00 at all"]
    for body in bodies:
        gateway.post(body)
    decisions = gateway.decisions()
    assert [d["verdict"] for d in decisions] == ["allow", "deny", "deny"]
    for decision, body in zip(decisions, bodies):
        path = gateway.audit / decision["capture"]["file"]
        assert decision["capture"]["file"] == f"captures/{decision['time'][:10]}/{decision['id']}.cms"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == decision["capture"]["sha256"]
        assert path.stat().st_mode & 0o777 == 0o600
        assert opened(auditor, path) == body
    assert len(list(gateway.audit.glob("captures/*/*"))) == 3
    expect_hidden(gateway)


def test_without_a_body_nothing_is_sealed(make_gateway, auditor):
    gateway = make_gateway(audit=f"audit, capture_certificate: {auditor}/audit.pem")
    gateway.audit = gateway.directory / "audit"
    with gateway.client() as client:
        client.send(request(b"", target="/nowhere", method="GET", content_type=None, length=False))
        assert client.read().status == 404
    assert "capture" not in gateway.decisions()[0] and not (gateway.audit / "captures").exists()


def test_a_body_that_cannot_be_kept_is_refused(make_gateway, auditor, kore):
    gateway = make_gateway(audit=f"audit, capture_certificate: {auditor}/audit.pem")
    gateway.audit = gateway.directory / "audit"
    (gateway.audit / "captures").write_text("in the way")
    response = gateway.post(seed_campaign())
    assert response.status == 503 and response.json()["created"] == "no" and kore.requests == []
    (gateway.audit / "captures").unlink()
    assert gateway.post(seed_campaign()).status == 200


def test_check_tells_what_is_wrong_with_the_certificate(make_gateway, auditor, tmp_path):
    gateway = make_gateway(audit=f"audit, capture_certificate: {auditor}/audit.key", start=False)
    done = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "gateway.yaml:9:48: " in done.stderr and "holds no PEM certificate" in done.stderr


def test_a_renewed_certificate_is_taken_up(make_gateway, auditor, tmp_path):
    certificate = tmp_path / "audit.pem"
    shutil.copy(auditor / "audit.pem", certificate)
    gateway = make_gateway(audit=f"audit, capture_certificate: {certificate}")
    gateway.audit = gateway.directory / "audit"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=next",
                    "-keyout", tmp_path / "audit.key", "-out", certificate], check=True, capture_output=True)
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.events("reloaded"), "the reload")
    body = json.dumps(seed_campaign()).encode()
    wait_for(lambda: gateway.post(body).status == 200, "an answer")
    path = gateway.audit / gateway.decisions()[-1]["capture"]["file"]
    assert opened(tmp_path, path) == body

"""Who is calling: client certificates and API keys lead to a team, everybody else is turned away."""
import hashlib
import re
import ssl

import pytest

from authority import Authority
from harness import POLICY, request, seed_campaign, wait_for
from test_lifecycle import refused_start

TEAMS = POLICY + """  marketing:
    caller_ids: ["+15551234567"]
"""
GOOD, OLD, MARKETING = "good-key-0123456789abcdef", "old-key-0123456789abcdef", "marketing-key-0123456789"
BILLING_URI = "spiffe://example.org/team/billing"


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


CALLERS = f"""certificates:
  - {{uri: "{BILLING_URI}", team: billing}}
  - {{uri: "spiffe://example.org/team/marketing", team: marketing}}
  - {{dns: billing.apps.example.org, team: billing}}
  - {{common_name: billing app, team: billing}}
api_keys:
  - {{id: billing-1, team: billing, sha256: {digest(GOOD)}, expires: 2999-12-31}}
  - {{id: billing-0, team: billing, sha256: {digest(OLD)}, expires: 2020-01-31}}
  - {{id: marketing-1, team: marketing, sha256: {digest(MARKETING).upper()}}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def central(make_gateway, authority, tmp_path):
    """A central gateway; `mode` is how it asks for client certificates."""
    def make(mode="optional", callers=CALLERS, team=None, tls="", **options):
        (tmp_path / "callers.yaml").write_text(callers)
        tls = f", client_certificates: {mode}, client_ca: {authority.pem}{tls}" if mode != "off" else ""
        extra = f"callers: {tmp_path}/callers.yaml" if not team else ""
        return make_gateway(team=team, policy=TEAMS, tls=tls, extra=extra, **options)
    return make


def ask(gateway, certificate=None, headers=(), campaign=None, **options):
    with gateway.client(certificate=certificate, **options) as client:
        client.send(request(campaign or seed_campaign(), headers=headers))
        return client.read()


def refused_by_tls(gateway, certificate=None, **options):
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        ask(gateway, certificate, **options)
    return True


@pytest.mark.parametrize("issue, caller", [
    ({"san": f"URI:{BILLING_URI}"}, f"uri:{BILLING_URI}"),
    ({"san": f"DNS:else.example.org,URI:{BILLING_URI}"}, f"uri:{BILLING_URI}"),
    ({"san": "DNS:billing.apps.example.org"}, "dns:billing.apps.example.org"),
    ({"subject": "/O=Example/CN=billing app"}, "cn:billing app"),
])
@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_certificate_leads_to_a_team(central, authority, mode, issue, caller):
    gateway = central(mode)
    assert ask(gateway, authority.issue(**issue)).status == 200
    decision, = gateway.decisions()
    assert (decision["team"], decision["caller"]) == ("billing", caller)


@pytest.mark.parametrize("issue, code", [
    ({"san": "URI:spiffe://example.org/team/billing2"}, "caller-without-team"),
    ({"san": "URI:spiffe://example.org/team/Billing"}, "caller-without-team"),
    ({"san": f"DNS:{BILLING_URI.replace('/', '.').replace(':', '')}"}, "caller-without-team"),
    # the common name counts only where there is no other name
    ({"san": "DNS:other.example.org", "subject": "/CN=billing app"}, "caller-without-team"),
    ({"subject": "/CN=billing app/CN=billing app"}, "caller-without-team"),
    ({"subject": f"/CN={BILLING_URI.replace('/', chr(92) + '/')}"}, "caller-without-team"),
    ({"subject": "/CN=uri:x", "san": "email:billing@example.org"}, "caller-without-team"),
    ({"san": f"URI:{BILLING_URI},URI:spiffe://example.org/team/marketing"}, "caller-ambiguous"),
])
def test_a_certificate_without_one_team_is_turned_away(central, kore, authority, issue, code):
    gateway = central()
    response = ask(gateway, authority.issue(**issue))
    assert (response.status, response.codes()) == (403, [code])
    decision, = gateway.decisions()
    assert (decision["verdict"], decision["type"], decision["team"]) == ("deny", "identity", "")
    assert kore.requests == []


def test_nobody_gets_in_with_nothing(central, kore):
    gateway = central()
    response = ask(gateway)
    assert (response.status, response.codes()) == (401, ["caller-absent"])
    assert 'header="x-api-key"' in response.header("www-authenticate")
    assert [(d["status"], d["code"], d["team"]) for d in gateway.decisions()] == [(401, "caller-absent", "")]
    assert kore.requests == []


def test_a_required_certificate_is_asked_for_in_the_handshake(central, authority, tmp_path):
    gateway = central("required")
    rogue = Authority(tmp_path / "rogue", "test CA")      # the same name is not the same CA
    assert refused_by_tls(gateway)
    assert refused_by_tls(gateway, rogue.issue(san=f"URI:{BILLING_URI}"))
    assert refused_by_tls(gateway, authority.issue(san=f"URI:{BILLING_URI}", days="-1"))
    assert refused_by_tls(gateway, authority.issue(san=f"URI:{BILLING_URI}", usage="serverAuth"))
    assert gateway.decisions() == []
    for reason in ("peer did not return a certificate", "unable to get local issuer certificate", "certificate has expired",
                   "unsuitable certificate purpose"):
        wait_for(lambda: any(reason in event["reason"] for event in gateway.events("handshake-failed")), reason)


def test_an_optional_certificate_must_be_good(central, tmp_path):
    rogue = Authority(tmp_path / "rogue", "another CA")
    assert refused_by_tls(central(), rogue.issue(san=f"URI:{BILLING_URI}"))


def test_a_revoked_certificate_is_refused(central, authority):
    revoked, fine = (authority.issue(san=f"URI:{BILLING_URI}") for _ in range(2))
    gateway = central("required", tls=f", client_crl: {authority.revoke(revoked[0])}")
    assert refused_by_tls(gateway, revoked)
    assert ask(gateway, fine).status == 200


@pytest.mark.parametrize("key, status, codes, caller", [
    (GOOD, 200, None, "key:billing-1"),
    (OLD, 401, ["api-key-expired"], "key:billing-0"),
    (GOOD + "0", 401, ["api-key-unknown"], None),
    (GOOD[:-1], 401, ["api-key-unknown"], None),
    (GOOD.upper(), 401, ["api-key-unknown"], None),
    (digest(GOOD), 401, ["api-key-unknown"], None),
    ("", 401, ["api-key-unknown"], None),
    ("a" * 600, 401, ["api-key-unknown"], None),
    (f"{GOOD}, {GOOD}", 401, ["api-key-unknown"], None),
])
def test_an_api_key_leads_to_a_team(central, kore, key, status, codes, caller):
    gateway = central("off")
    response = ask(gateway, headers=[("X-Api-Key", key)])
    assert response.status == status and (codes is None or response.codes() == codes)
    assert gateway.decisions()[0].get("caller") == caller
    assert [seen.header("x-api-key") for seen in kore.requests] == ([[]] if status == 200 else [])
    written = (gateway.audit / "00000000000000000001.jsonl").read_text() + gateway.stderr()
    assert len(key) < 8 or key not in written


def test_two_keys_are_no_key(central):
    response = ask(central("off"), headers=[("x-api-key", GOOD), ("X-API-KEY", GOOD)])
    assert (response.status, response.codes()) == (401, ["api-key-unknown"])


def test_another_header_may_carry_the_key(central, kore):
    gateway = central("off", limits=" }\napi_key_header: X-Team-Key\nlog: {level: info")
    assert ask(gateway, headers=[("x-api-key", GOOD)]).status == 401
    assert ask(gateway, headers=[("x-team-key", GOOD)]).status == 200
    assert kore.requests[0].header("x-team-key") == []


def test_certificate_and_key_must_agree(central, authority):
    gateway = central()
    billing, mesh = authority.issue(san=f"URI:{BILLING_URI}"), authority.issue(san="DNS:mesh.example.org")
    assert ask(gateway, billing, [("x-api-key", GOOD)]).status == 200
    assert ask(gateway, mesh, [("x-api-key", GOOD)]).status == 200
    response = ask(gateway, billing, [("x-api-key", MARKETING)])
    assert (response.status, response.codes()) == (403, ["caller-ambiguous"])
    assert ask(gateway, billing, [("x-api-key", "wrong")]).status == 401


def test_the_team_found_is_the_team_judged(central):
    gateway = central("off")
    theirs = seed_campaign()
    theirs["dialingStrategy"]["callerId"]["phoneNumber"] = "+15551234567"
    assert ask(gateway, headers=[("x-api-key", GOOD)], campaign=theirs).status == 403
    assert ask(gateway, headers=[("x-api-key", MARKETING)]).status == 403
    assert ask(gateway, headers=[("x-api-key", MARKETING)], campaign=theirs).status == 200
    assert [d["team"] for d in gateway.decisions()] == ["billing", "marketing", "marketing"]


def test_the_client_does_not_say_who_it_is(central, kore):
    gateway = central("off")
    forged = [("x-campaign-team", "marketing"), ("X-Forwarded-Client-Cert", f"URI={BILLING_URI}"),
              ("x-ssl-client-verify", "SUCCESS"), ("x-decision-id", "mine"), ("x_decision_id", "mine"),
              ("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=10.0.0.1"), ("iid", "other"), ("accountid", "x")]
    assert ask(gateway, headers=forged).status == 401
    assert ask(gateway, headers=[*forged, ("x-api-key", GOOD)]).status == 200
    names = {name.lower() for name, _ in kore.requests[0].headers}
    assert not names & {name.lower() for name, _ in forged} - {"iid", "accountid"}
    assert gateway.decisions()[1]["team"] == "billing"


def test_bytes_that_are_not_http_are_recorded_with_their_sender(central, authority):
    gateway = central("required")
    with gateway.client(certificate=authority.issue(san=f"URI:{BILLING_URI}")) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert client.read().status == 400
    decision, = gateway.decisions()
    assert (decision["code"], decision["team"], decision["caller"]) == ("host-duplicate", "billing", f"uri:{BILLING_URI}")


def test_a_sidecar_may_ask_for_certificates_too(central, authority):
    gateway = central("required", team="billing")
    assert refused_by_tls(gateway)
    assert ask(gateway, authority.issue(san="DNS:app.example.org")).status == 200
    decision, = gateway.decisions()
    assert (decision["team"], decision["caller"]) == ("billing", "dns:app.example.org")


@pytest.mark.parametrize("callers, expected", [
    ("certificates: []\napi_keys: []\nothers: []", r"callers.yaml:3:1: unknown key 'others'"),
    ("certificates:\n  - {uri: a, team: sales}", r"callers.yaml:2:20: the policy knows no team 'sales'"),
    ("certificates:\n  - {uri: a}", r"callers.yaml:2:5: the caller has no 'team'"),
    ("certificates:\n  - {team: billing}", r"callers.yaml:2:5: a certificate is named by exactly one"),
    ("certificates:\n  - {uri: a, dns: b, team: billing}", r"callers.yaml:2:5: a certificate is named by"),
    ("certificates:\n  - {uri: a, team: billing}\n  - {uri: a, team: billing}", r"callers.yaml:3:11: 'a' is given twice"),
    ("certificates:\n  - {uri: '', team: billing}", r"callers.yaml:2:11: 'uri' must be one line and not empty"),
    ("api_keys:\n  - {id: k, team: billing, sha256: abc}", r"callers.yaml:2:36: 'sha256' must be the 64 hex digits"),
    (f"api_keys:\n  - {{id: k, team: billing, sha256: {digest('a')}, expires: 2027-02-29}}",
     r"callers.yaml:2:\d+: '2027-02-29' is not a day"),
    (f"api_keys:\n  - {{team: billing, sha256: {digest('a')}}}", r"callers.yaml:2:5: the caller has no 'id'"),
    (f"api_keys:\n  - {{id: k, team: billing, sha256: {digest('a')}}}\n  - {{id: l, team: billing, sha256: {digest('a')}}}",
     r"callers.yaml:3:\d+: this key is given twice"),
    (f"api_keys:\n  - {{id: k, team: billing, key: secret, sha256: {digest('a')}}}", r"callers.yaml:2:\d+: unknown key 'key'"),
    (f"api_keys:\n  - {{id: k, team: billing, sha256: {digest('')}}}", r"callers.yaml:2:\d+: this is the SHA-256 of an empty text"),
    (f"api_keys:\n  - {{id: k, team: billing, sha256: {digest('a')}}}\n  - {{id: k, team: billing, sha256: {digest('b')}}}",
     r"callers.yaml:3:\d+: the id 'k' is given twice"),
    ("api_keys: {}", r"callers.yaml:1:11: api_keys must be a list"),
    ("- a", r"callers.yaml:1:1: a file of callers must be a mapping"),
])
def test_wrong_callers_are_one_sentence(central, callers, expected):
    gateway = central("off", callers=callers, start=False)
    assert re.search(expected, refused_start(gateway))


@pytest.mark.parametrize("team, extra, tls, expected", [
    ("billing", "callers: callers.yaml", "", r"there are both 'team' and 'callers'"),
    (None, "", "", r"'team' is missing"),
    ("billing", "", ", client_certificates: required", r"client certificates need 'client_ca'"),
    ("billing", "", ", client_ca: CA", r"'client_ca' has no effect"),
    ("billing", "", ", client_certificates: required, client_ca: none.pem", r":3:\d+: cannot read the file of client CAs"),
    ("billing", "", ", client_certificates: required, client_ca: CA, client_crl: none.crl", r":3:\d+: cannot read the CRL"),
    ("billing", "", ", client_certificates: required, client_ca: CA, client_crl: CA", r":3:\d+: .* holds no PEM CRL"),
    ("billing", "", ", client_certificates: maybe", r"'maybe' is not one of: off, optional, required"),
    ("billing", "api_key_header: auth", "", r"'auth' cannot be the name"),
    ("billing", "api_key_header: 'a b'", "", r"'a b' cannot be the name"),
])
def test_settings_that_do_not_fit_together(make_gateway, authority, tmp_path, team, extra, tls, expected):
    gateway = make_gateway(team=team, extra=extra, tls=tls.replace("CA", str(authority.pem)), start=False)
    assert re.search(expected, refused_start(gateway))

"""The main job: what passes, what is refused, and what the upstream gets to see."""
import copy
import json

import pytest

from harness import ACCOUNT, AUTH, PATH, STREAM, TARGET, request, seed_campaign


def days(campaign):
    return campaign["dialingStrategy"]["callingHours"]["days"]


def expect_problem(response, status, type_end):
    assert response.status == status, response.body
    assert response.header("content-type") == "application/problem+json"
    problem = response.json()
    assert problem["type"].endswith(type_end)
    assert problem["status"] == status
    assert problem["decision_id"] == response.header("x-decision-id")
    assert problem["instance"].endswith(problem["decision_id"])
    assert problem["policy"]["revision"] == "2026-11-23.1"
    assert len(problem["policy"]["digest"]) == 64
    assert problem["errors"] and all(e["msg"] and e["code"] for e in problem["errors"])
    return problem


def test_the_seeds_campaign_passes_unchanged(gateway, kore):
    body = json.dumps(seed_campaign(), indent=3).encode()
    response = gateway.post(body)
    assert response.status == 200
    assert response.json()["status"] == "success"
    assert response.header("x-campaign-gateway") == "allow"
    assert response.header("x-decision-id")
    assert response.header("x-kore") == "stand-in"
    seen, = kore.requests
    assert seen.problems == []
    assert seen.body == body
    assert seen.target == TARGET


def test_headers_are_injected_dropped_and_rebuilt(gateway, kore):
    headers = [("AccountID", "evil"), ("accountid", "evil"), ("IID", "evil"), ("iId", "evil"),
               ("Connection", "x-private"), ("X-Private", "1"), ("Keep-Alive", "5"),
               ("TE", "trailers"), ("Upgrade", "h2c"), ("Proxy-Authorization", "x"),
               ("X-HTTP-Method-Override", "DELETE"), ("X-Kept", "yes"), ("User-Agent", "app/1")]
    assert gateway.post(seed_campaign(), headers=headers, host="gateway.example").status == 200
    seen, = kore.requests
    assert seen.header("accountid") == [ACCOUNT]
    assert seen.header("iid") == [STREAM]
    assert seen.header("host") == [f"localhost:{kore.port}"]
    assert seen.header("x-kept") == ["yes"] and seen.header("user-agent") == ["app/1"]
    assert len(seen.header("auth")) == 1 and len(seen.header("content-length")) == 1
    for name in ("connection", "x-private", "keep-alive", "te", "upgrade", "proxy-authorization",
                 "x-http-method-override", "transfer-encoding", "expect"):
        assert seen.header(name) == [], name


def test_account_id_is_added_when_absent(gateway, kore):
    assert gateway.post(seed_campaign(), target=f"{PATH}?campaignType=sms").status == 200
    assert kore.requests[0].target == f"{PATH}?campaignType=sms&accountId={ACCOUNT}"


@pytest.mark.parametrize("query, status, code", [
    (f"accountId=other&campaignType=sms", 403, "tenant-mismatch"),
    (f"accountId={ACCOUNT}&accountId={ACCOUNT}&campaignType=sms", 422, "query-duplicate"),
    (f"accountid={ACCOUNT}&campaignType=sms", 422, "query-unknown"),
    (f"accountId={ACCOUNT}&campaignType=voice", 422, "query-value"),
    (f"accountId={ACCOUNT}&campaignType=sm%73", 422, "query-value"),
    (f"accountId={ACCOUNT}&campaignType=sms&campaignType=sms", 422, "query-duplicate"),
    (f"accountId={ACCOUNT}&campaign%54ype=sms", 422, "query-unknown"),
    (f"accountId={ACCOUNT}", 422, "query-missing"),
    (f"campaignType=sms&extra=1", 422, "query-unknown"),
    ("campaignType=sms&", 422, "query-unknown"),
    ("", 422, "query-missing"),
])
def test_the_query_must_be_exact(gateway, kore, query, status, code):
    response = gateway.post(seed_campaign(), target=f"{PATH}?{query}")
    assert response.status == status and code in response.codes()
    assert kore.requests == []


def test_another_tenants_stream_is_refused(gateway, kore):
    target = TARGET.replace(STREAM, "st-another")
    problem = expect_problem(gateway.post(seed_campaign(), target=target), 403, "policy")
    assert problem["errors"][0]["code"] == "tenant-mismatch"
    assert kore.requests == []


def test_every_violation_comes_back_at_once(gateway, kore):
    bad = seed_campaign()
    bad["name"] = "n" * 49
    del bad["description"]
    bad["contactLists"] = ["a", "a", 7]
    bad["priority"] = 5
    bad["format"] = "rich"
    bad["message"]["message"] = "%xxxxx"
    bad["dialingStrategy"]["callerId"]["phoneNumber"] = "+9195616xxxxx"
    days(bad)[0]["start"] = "09:00"
    days(bad)[1]["end"] = "8:00 AM"
    days(bad)[2]["day"] = "we"
    days(bad)[4]["end"] = "9:30 PM"
    days(bad).append({"day": "FR", "start": "5:00 PM", "end": "7:00 PM"})
    bad["urgent"] = True
    response = gateway.post(bad)
    expect_problem(response, 422, "contract")
    assert response.pointers() == [
        ("field-too-long", "/name"),
        ("field-missing", "/description"),
        ("list-duplicate", "/contactLists/1"),
        ("field-type", "/contactLists/2"),
        ("field-type", "/priority"),
        ("field-value", "/format"),
        ("message-encoding", "/message/message"),
        ("phone-number", "/dialingStrategy/callerId/phoneNumber"),
        ("time-format", "/dialingStrategy/callingHours/days/0/start"),
        ("window-order", "/dialingStrategy/callingHours/days/1"),
        ("day-unknown", "/dialingStrategy/callingHours/days/2/day"),
        ("window-overlap", "/dialingStrategy/callingHours/days/5"),
        ("field-unknown", "/urgent"),
        ("outside-hours", "/dialingStrategy/callingHours/days/4"),
    ]
    assert kore.requests == []


def test_the_policy_speaks_with_rule_and_team(gateway, kore):
    bad = seed_campaign()
    bad["dialingStrategy"]["callerId"]["phoneNumber"] = "+919561600000"
    bad["dialingStrategy"]["callingHours"]["timezone"] = "Europe/London"
    response = gateway.post(bad)
    problem = expect_problem(response, 403, "policy")
    assert [(e["code"], e["rule"], e.get("team")) for e in problem["errors"]] == [
        ("caller-id-not-allowed", "caller_ids", "billing"),
        ("timezone-not-allowed", "timezones", None),
        *[("outside-hours", "business_hours", None)] * 5,
    ]
    assert "+919561600000" not in response.body.decode()
    assert response.header("x-campaign-gateway") == "deny"
    assert kore.requests == []


@pytest.mark.parametrize("zone", ["Asia/Calcutta", "Asia/Kolkata"])
def test_links_of_a_zone_count_as_the_zone(gateway, kore, zone):
    campaign = seed_campaign()
    campaign["dialingStrategy"]["callingHours"]["timezone"] = zone
    assert gateway.post(campaign).status == 200
    assert zone.encode() in kore.requests[0].body


@pytest.mark.parametrize("start, end, status", [
    ("9:00 AM", "8:00 PM", 200), ("8:59 AM", "8:00 PM", 403), ("9:00 AM", "8:01 PM", 403),
    ("12:00 AM", "12:00 PM", 403), ("12:00 PM", "12:01 PM", 200), ("9:00 AM", "12:00 AM", 422),
    ("09:00 AM", "08:00 PM", 200), ("9:00 am", "8:00 PM", 422), ("0:30 AM", "8:00 PM", 422),
    ("13:00 PM", "8:00 PM", 422), ("9:00AM", "8:00 PM", 422), ("9 AM", "8:00 PM", 422),
])
def test_edges_of_the_business_hours(gateway, start, end, status):
    campaign = seed_campaign()
    campaign["dialingStrategy"]["callingHours"]["days"] = [{"day": "SA", "start": start, "end": end}]
    assert gateway.post(campaign).status == status


def test_daily_is_judged_on_every_day(gateway):
    campaign = seed_campaign()
    campaign["dialingStrategy"]["callingHours"]["frequency"] = "DAILY"
    response = gateway.post(campaign)
    assert response.status == 403 and set(response.codes()) == {"outside-hours"}


@pytest.mark.parametrize("body, code, line, column", [
    (b'{"name": "a",\n "name": "b"}', "json-duplicate-key", 2, 2),
    (b'{"n\\u0061me": 1, "name": 2}', "json-duplicate-key", 1, 18),
    (b'{"a": "b\\u0000"}', "json-nul", 1, 9),
    (b'{"a": "\xff"}', "json-utf8", 1, 8),
    (b'{"a": "\\ud800"}', "json-lone-surrogate", 1, 8),
    (b'{} x', "json-trailing-bytes", 1, 4),
    (b'\xef\xbb\xbf{}', "json-byte-order-mark", 1, 1),
    (b'{"a": 01}', "json-number", 1, 8),
    (b'{"a": ', "json-truncated", 1, 7),
    (b'   ', "json-empty", 1, 4),
    (b'[' * 40, "json-too-deep", 1, 33),
])
def test_what_is_not_strict_json(gateway, kore, body, code, line, column):
    problem = expect_problem(gateway.post(body), 400, "json")
    error = problem["errors"][0]
    assert (error["code"], error["line"], error["column"]) == (code, line, column)
    assert "offset" in error
    assert kore.requests == []


@pytest.mark.parametrize("options", [
    {"content_type": "text/plain"}, {"content_type": None},
    {"content_type": "application/json; charset=latin-1"},
    {"content_type": "multipart/form-data; boundary=x"},
    {"headers": [("Content-Type", "application/json")]},
    {"headers": [("Content-Encoding", "gzip")]},
])
def test_only_plain_json_is_read(gateway, options):
    expect_problem(gateway.post(seed_campaign(), **options), 415, "content-type")


def test_json_with_charset_is_fine(gateway):
    assert gateway.post(seed_campaign(), content_type="Application/JSON; charset=UTF-8").status == 200


@pytest.mark.parametrize("target", [
    "/", "/campaign", TARGET.replace("/campaign/", "/Campaign/"), TARGET.replace("/api", "//api"),
    TARGET.replace("campaign?", "campaign/?"), TARGET.replace("/public/", "/x/../public/"),
    TARGET.replace("/v2/", "/%762/"), TARGET.replace("campaign?", "campaign;a=b?"),
    f"/api/v2/public/{STREAM}/campaign?campaignType=sms",
])
def test_everything_else_is_not_found(gateway, kore, target):
    expect_problem(gateway.post(seed_campaign(), target=target), 404, "route")
    assert kore.requests == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_on_the_route(gateway, method):
    response = gateway.post(seed_campaign(), method=method)
    expect_problem(response, 405, "route")
    assert response.header("allow") == "POST"


def test_the_token_is_required_once(gateway, kore):
    assert gateway.post(seed_campaign(), auth=None).codes() == ["header-missing"]
    assert gateway.post(seed_campaign(), headers=[("Auth", "b")]).codes() == ["header-duplicate"]
    assert kore.requests == []


def test_a_chunked_upload_is_forwarded_with_a_length(gateway, kore):
    body = json.dumps(seed_campaign()).encode()
    chunks = b"".join(b"%X;x=\"y\"\r\n%s\r\n" % (len(p), p)
                      for p in (body[i:i + 97] for i in range(0, len(body), 97)))
    with gateway.client() as client:
        client.send(request(b"", length=False, headers=[("Transfer-Encoding", "chunked")]))
        client.send(chunks + b"0\r\nX-Trailer: dropped\r\n\r\n")
        assert client.read().status == 200
    assert kore.requests[0].body == body
    assert kore.requests[0].header("content-length") == [str(len(body))]


def test_expect_100_continue(gateway):
    body = json.dumps(seed_campaign()).encode()
    with gateway.client() as client:
        client.send(request(b"", length=False, headers=[("Content-Length", str(len(body))),
                                                        ("Expect", "100-continue")]))
        assert client.read().status == 100
        client.send(body)
        assert client.read().status == 200


def test_pipelined_requests_are_answered_in_order(gateway, kore):
    good, bad = seed_campaign(), seed_campaign()
    bad["priority"] = "9"
    with gateway.client() as client:
        client.send(b"".join(request(c) for c in (good, bad, good, bad)))
        assert [client.read().status for _ in range(4)] == [200, 422, 200, 422]
    assert len(kore.requests) == 2


def test_bytes_may_come_one_by_one(gateway, kore):
    with gateway.client() as client:
        for byte in request(seed_campaign()):
            client.send(bytes([byte]))
        assert client.read().status == 200


def test_unknown_fields_can_be_allowed(make_gateway, kore):
    campaign = seed_campaign()
    campaign["new"] = {"a": 1}
    gateway = make_gateway(extra="contract: {allow_unknown_fields: true, sender_ids: [ACME]}")
    assert gateway.post(campaign).status == 200
    assert gateway.post(dict(campaign, data={})).pointers() == [("field-unknown", "/data")]
    campaign["dialingStrategy"]["callerId"]["phoneNumber"] = "ACME"
    assert gateway.post(campaign).codes() == ["caller-id-not-allowed"]

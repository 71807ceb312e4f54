"""The journal: what it holds, and what it must never hold. That it survives: test_durability.py."""
import base64
import threading
import urllib.parse

import pytest

from harness import AUTH, STREAM, Gateway, request, seed_campaign
from kore import Answer


def test_an_allowed_campaign_leaves_decision_and_outcome(gateway, kore):
    response = gateway.post(seed_campaign())
    decision, = gateway.decisions()
    outcome = gateway.outcomes()[decision["id"]]
    assert decision["id"] == response.header("x-decision-id")
    assert decision["verdict"] == "allow" and decision["team"] == "billing"
    assert decision["stream_id"] == STREAM and decision["peer"].startswith("127.0.0.1:")
    campaign = decision["campaign"]
    assert campaign["name"] == seed_campaign()["name"] and campaign["timezone"] == "Asia/Kolkata"
    assert campaign["blocks"][0] == {"day": "MO", "start_min": 540, "end_min": 1080, "index": 0}
    assert campaign["contact_lists"] == ["CL Only 2020 Dec 4"] and campaign["template"] == "Welcome"
    assert decision["body_hmac"].startswith("hmac:20") and len(campaign["message_sha256"]) == 64
    assert decision["policy"]["revision"] == "2026-11-23.1"
    assert outcome["outcome"] == "created" and outcome["upstream"]["status"] == 200
    assert outcome["upstream"]["campaign_id"] == response.json()["data"]["_id"]
    assert outcome["upstream"]["template_id"] == response.json()["data"]["message"]["templateId"]
    assert outcome["upstream"]["stored_message_sha256"] != campaign["message_sha256"]


def test_a_refused_campaign_leaves_its_violations(gateway):
    bad = seed_campaign()
    bad["priority"] = "9"
    response = gateway.post(bad)
    decision, = gateway.decisions()
    assert decision["verdict"] == "deny" and decision["status"] == 422
    assert decision["violations"] == [{"code": "field-value", "pointer": "/priority"}]
    assert decision["id"] == response.header("x-decision-id") and gateway.outcomes() == {}


def test_token_and_message_are_never_written(gateway):
    campaign = seed_campaign()
    gateway.post(campaign)
    campaign["priority"] = "9"
    gateway.post(campaign)
    gateway.stop()
    text = base64.b64decode(urllib.parse.unquote(campaign["message"]["message"]))
    written = b"".join(p.read_bytes() for p in gateway.directory.rglob("*") if p.is_file())
    for secret in (AUTH.encode(), text[:30], campaign["message"]["message"][:40].encode()):
        assert secret not in written.replace(gateway.config.read_bytes(), b"")


def test_the_decision_is_there_before_the_upstream_knows(gateway, kore):
    seen = []

    def look(received):
        seen.extend(gateway.decisions())
        return Answer()
    kore.script.append(look)
    assert gateway.post(seed_campaign()).status == 200
    assert [d["verdict"] for d in seen] == ["allow"]


def test_a_full_segment_is_followed_by_another(make_gateway):
    gateway = make_gateway(audit="audit, segment_size: 4KiB")
    gateway.audit = gateway.directory / "audit"
    for _ in range(10):
        assert gateway.post(seed_campaign()).status == 200
    gateway.stop()
    assert len(list(gateway.audit.glob("*.jsonl"))) > 3
    kinds = [record["kind"] for record in gateway.journal()]
    assert kinds.count("decision") == kinds.count("outcome") == 10


def test_two_gateways_cannot_share_a_journal(gateway, certs, tmp_path):
    second = Gateway(tmp_path, certs, 1, audit=str(gateway.audit), start=False)
    with pytest.raises(AssertionError, match="belongs to a gateway that is running"):
        second.start()
    assert second.process.wait(10) == 2


def test_a_torn_tail_is_kept_aside_cut_and_reported(gateway):
    gateway.post(seed_campaign())
    gateway.kill()
    segment, = gateway.audit.glob("*.jsonl")
    with open(segment, "ab") as file:
        file.write(b'{"seq":4,"prev":"')
    gateway.start()
    assert gateway.events("journal-torn")[0]["bytes"] == 17
    assert gateway.post(seed_campaign()).status == 200
    records = gateway.journal()
    assert [r["torn_bytes"] for r in records if r["kind"] == "started" and "torn_bytes" in r] == [17]
    assert next(gateway.audit.glob("*.torn-*")).read_bytes() == b'{"seq":4,"prev":"'


@pytest.mark.concurrency
def test_many_clients_at_once(make_gateway, kore):
    gateway = make_gateway(workers=4)
    statuses = []

    def load(good):
        campaign = seed_campaign()
        if not good:
            campaign["priority"] = "9"
        with gateway.client() as client:
            for _ in range(20):
                client.send(request(campaign))
                statuses.append((good, client.read().status))

    threads = [threading.Thread(target=load, args=(i % 2 == 0,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(statuses)) == [(False, 422), (True, 200)] and len(statuses) == 320
    gateway.stop()
    assert len(gateway.decisions()) == 320 and len(gateway.outcomes()) == 160
    assert len(kore.requests) == 160

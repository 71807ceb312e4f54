"""The stand-in host is as strict as the tests believe it to be."""
import json

import pytest

from harness import ACCOUNT, AUTH, STREAM, TARGET, Client, request, seed_campaign
from kore import KoreHost

INJECTED = [("accountid", ACCOUNT), ("iid", STREAM)]


@pytest.fixture
def host(certs, tmp_path):
    with KoreHost(certs / "kore.pem", certs / "kore.key", log=tmp_path / "kore.log") as host:
        yield host


def ask(host, certs, body, headers=INJECTED, **options):
    with Client(host.port, certs / "ca.pem") as client:
        client.send(request(body, headers=headers, **options))
        return client.read()


def test_the_seeds_campaign_is_created(host, certs):
    answer = ask(host, certs, seed_campaign()).json()
    assert answer["status"] == "success"
    assert answer["message"] == f"Campaign {seed_campaign()['name']} creation in progress"
    assert answer["data"]["_id"].startswith("cd-")
    assert answer["data"]["message"]["templateId"].startswith("cmt-")
    assert answer["data"]["message"]["message"] != seed_campaign()["message"]["message"]


@pytest.mark.parametrize("options, status", [
    ({"auth": None}, 401),
    ({"headers": []}, 401),
    ({"headers": INJECTED + [("IID", STREAM)]}, 401),
    ({"headers": [("accountid", "another"), ("iid", STREAM)]}, 401),
    ({"headers": [("accountid", ACCOUNT), ("iid", "another")]}, 401),
    ({"content_type": "text/plain"}, 400),
    ({"target": TARGET.replace("=sms", "=voice")}, 400),
    ({"target": TARGET + "&extra=1"}, 400),
    ({"target": "/"}, 404),
    ({"method": "PUT"}, 404),
])
def test_what_the_real_host_would_refuse(host, certs, options, status):
    answer = ask(host, certs, seed_campaign(), **options)
    assert answer.status == status
    assert answer.json()["errors"][0]["code"] == status and answer.json()["errors"][0]["msg"]
    assert host.requests[0].problems


@pytest.mark.parametrize("body", [b"{", b"7", [], {}, dict(seed_campaign(), message={}),
                                  dict(seed_campaign(), name=7), dict(seed_campaign(), priority=5)])
def test_bodies_the_real_host_would_refuse(host, certs, body):
    assert ask(host, certs, body).status == 400
    assert host.broken == []


def test_the_log_holds_what_came_but_not_the_token(host, certs, tmp_path):
    ask(host, certs, {})
    text = (tmp_path / "kore.log").read_text()
    assert AUTH not in text
    logged = json.loads(text)
    assert (logged["connection"], logged["target"]) == (1, TARGET)
    assert logged["problems"] == host.requests[0].problems != []

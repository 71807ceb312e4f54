"""upstream.resolve: who is asked where the upstream is, and what is made of the answers. On a host of its own, whose
/etc/hosts leads the upstream's name to the gateway, as hostAliases of a pod do."""
import re
import time

import pytest

from authority import Authority
from harness import Gateway, seed_campaign, wait_for
from kore import KoreHost
from netns import Host, NameServer

pytestmark = pytest.mark.mounts

NAME = "platform.kore.test"
DNS = ", resolve: dns"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    host = Host(tmp_path_factory.mktemp("host"), "alone", 9)
    host.etc("hosts", f"127.0.0.1 localhost {NAME}\n")
    host.etc("resolv.conf", "nameserver 127.0.0.1\nsearch wrong.test\noptions ndots:5\n")
    for number in range(2, 30):
        host.run("ip", "addr", "add", f"10.9.0.{number}/32", "dev", "lo")
    yield host
    host.stop()


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    for name in ("gateway", "kore"):
        authority.issue(f"DNS:{NAME},DNS:localhost,IP:127.0.0.1", usage="serverAuth", path=authority.directory / name)
    return authority.directory


@pytest.fixture
def dns(host):
    server = NameServer(host, "127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def kore(host, secrets):
    with host.inside():
        kore = KoreHost(secrets / "kore.pem", secrets / "kore.key", port=443, address="10.9.0.2")
    yield kore
    kore.stop()
    assert kore.broken == []


@pytest.fixture
def make(host, secrets, tmp_path):
    """Starts gateways on the host; what they post goes through its network."""
    made = []

    def make(upstream=DNS, listen="127.0.0.1:0", port=443, start=True, **options):
        directory = tmp_path / f"gateway-{len(made)}"
        directory.mkdir()
        gateway = Gateway(directory, secrets, port, upstream_host=options.pop("name", NAME), upstream=upstream, workers=1,
                          start=False, environment={"CAMPAIGN_GATEWAY_LISTEN": listen}, **options)
        gateway.prefix = host.prefix
        made.append(gateway)
        return gateway.start() if start else gateway

    yield make
    for gateway in made:
        gateway.stop()


def post(host, gateway):
    with host.inside():
        return gateway.post(seed_campaign())


def expect(host, gateway, *statuses):
    assert [post(host, gateway).status for _ in statuses] == list(statuses)


def test_dns_alone_is_asked(host, dns, kore, make):
    dns.names[NAME] = ["10.9.0.2"]
    gateway = make()
    expect(host, gateway, 200)
    assert {name for name, _, _ in dns.asked} == {NAME}    # neither a search domain nor anything else
    assert {kind for _, kind, _ in dns.asked} == {1, 28}


def test_the_system_reads_etc_hosts(host, dns, kore, make):
    """The control: without it the pod's own /etc/hosts leads back to the gateway."""
    dns.names[NAME] = ["10.9.0.2"]
    gateway = make(upstream=", resolve: system", listen="127.0.0.1:443")
    answer = post(host, gateway)
    assert answer.status == 502 and answer.codes() == ["self-call"] and answer.json()["created"] == "no"
    assert gateway.events("upstream-is-self")[0]["host"] == NAME
    assert len(gateway.decisions()) == 1 and dns.asked == [] and kore.requests == []


@pytest.mark.parametrize("listen", ["127.0.0.1:443", "0.0.0.0:443", "[::]:443"])
def test_dns_that_leads_to_the_gateway_itself(host, dns, make, listen):
    dns.names[NAME] = ["127.0.0.1"] if "127" in listen else ["10.9.0.7"]
    gateway = make(listen=listen)
    expect(host, gateway, 502)
    assert len(gateway.decisions()) == 1 and len(gateway.events("upstream-is-self")) == 1


def test_only_the_gateways_own_address_is_left_out(host, dns, kore, make):
    dns.names[NAME] = ["127.0.0.1", "10.9.0.2"]
    gateway = make(listen="127.0.0.1:443")
    expect(host, gateway, 200)
    assert gateway.events("upstream-is-self") and len(gateway.decisions()) == 1


def test_another_port_of_this_host_is_somebody_else(host, dns, kore, make):
    dns.names[NAME] = ["10.9.0.2"]
    expect(host, make(listen="0.0.0.0:8443"), 200)


@pytest.mark.parametrize("follows", [True, False], ids=["one-answer", "answer-by-answer"])
def test_aliases_are_followed(host, dns, kore, make, follows):
    dns.follows = follows
    dns.names.update({NAME: "edge.kore.test", "edge.kore.test": "a.cdn.test", "a.cdn.test": ["10.9.0.2"]})
    expect(host, make(), 200)


def test_aliases_in_a_circle(host, dns, make):
    dns.names.update({NAME: "a.test", "a.test": NAME})
    answer = post(host, make())
    assert (answer.status, answer.codes()) == (502, ["resolve"])


def test_a_long_answer_comes_over_tcp(host, dns, kore, make):
    dns.names[NAME] = ["10.9.0.2"] + [f"10.9.1.{number}" for number in range(60)]
    expect(host, make(), 200)
    assert (NAME, 1, "tcp") in dns.asked


def test_ipv6_without_a_route_is_left_out(host, dns, kore, make):
    dns.names[NAME] = ["2001:db8::1", "10.9.0.2"]
    begun = time.monotonic()
    expect(host, make(), 200)
    assert time.monotonic() - begun < 4    # no connect timeout was waited for


def test_the_last_good_answer_is_kept(host, dns, kore, make):
    dns.names[NAME] = ["10.9.0.2"]
    gateway = make()
    expect(host, gateway, 200)
    for code in (2, 3, 5):    # SERVFAIL, NXDOMAIN, REFUSED
        dns.broken[NAME] = code
        dns.wait_until_asked(NAME)
        expect(host, gateway, 200, 200)
    wait_for(lambda: gateway.events("upstream-unresolved"), "the failure to be told")
    dns.broken.clear()
    wait_for(lambda: gateway.events("upstream-resolved"), "its end to be told")
    assert len(gateway.events("upstream-unresolved")) == 1


def test_a_name_that_appears_later(host, dns, kore, make):
    gateway = make()
    answer = post(host, gateway)
    assert (answer.status, answer.codes()) == (502, ["resolve"])
    dns.names[NAME] = ["10.9.0.2"]
    wait_for(lambda: gateway.events("upstream-resolved"), "the name to be found")
    expect(host, gateway, 200)


def test_another_address_is_found(host, secrets, dns, kore, make):
    dns.names[NAME] = ["10.9.0.2"]
    gateway = make()
    expect(host, gateway, 200)
    with host.inside():
        other = KoreHost(secrets / "kore.pem", secrets / "kore.key", port=443, address="10.9.0.3")
    dns.names[NAME] = ["10.9.0.3"]
    wait_for(lambda: post(host, gateway).status == 200 and other.requests, "the other to be asked")
    expect(host, gateway, 200)    # and no kept connection leads to the old one
    before = len(kore.requests)
    expect(host, gateway, 200, 200)
    assert len(kore.requests) == before
    other.stop()


def test_a_silent_name_server_holds_nothing_up(host, dns, make):
    dns.silent = True
    gateway = make()
    answer = post(host, gateway)
    assert (answer.status, answer.codes()) == (502, ["resolve"])
    begun = time.monotonic()
    gateway.stop()
    assert time.monotonic() - begun < 2


def test_an_address_needs_no_dns(host, dns, secrets, make):
    with host.inside():
        kore = KoreHost(secrets / "kore.pem", secrets / "kore.key", port=9443)
    gateway = make(name="127.0.0.1", port=9443)
    expect(host, gateway, 200)
    assert dns.asked == []
    kore.stop()


def test_only_two_ways_are_known(make):
    gateway = make(upstream=", resolve: hosts", start=False)
    with pytest.raises(AssertionError) as refusal:
        gateway.start()
    assert re.search(r"gateway.yaml:4:\d+: 'hosts' is not one of: system, dns", str(refusal.value))
    gateway.stop(expected=(2,))

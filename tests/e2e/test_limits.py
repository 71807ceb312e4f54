"""Every limit stops what it should, says so, is counted under its own name, and harms nobody else."""
import json
import re
import socket
import ssl
import threading
import time
import urllib.request

import pytest

from harness import ADMIN, DEADLINE, TARGET, request, seed_campaign, wait_for
from kore import Answer
from test_rough_clients import served

@pytest.fixture
def limited(make_gateway):
    """A gateway with limits and metrics."""
    def make(limits, **options):
        return make_gateway(limits=", " + limits, extra=ADMIN, **options)
    return make


def get(gateway, path):
    return gateway.admin(path)


def metric(gateway, name):
    return gateway.metric(name)


def hits(gateway, limit):
    return metric(gateway, f'limit_hits_total{{limit="{limit}"}}')


def raw_connect(gateway, address="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE, source_address=(address, 0))


def is_cut(sock):
    try:
        return sock.recv(1) == b""
    except (ConnectionResetError, ssl.SSLError):
        return True


# ---- time ----

def test_a_handshake_has_its_time(limited):
    gateway = limited("handshake_timeout: 200ms")
    with raw_connect(gateway) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")     # the beginning of a ClientHello
        assert is_cut(sock)
    assert hits(gateway, "handshake_timeout") == 1
    assert gateway.events("handshake-failed")[0]["reason"] == "not done in time"


def drip(client, data, until):
    """A byte every 20 ms until the gateway has had enough."""
    for i in range(len(data)):
        try:
            client.send(data[i:i + 1])
        except OSError:
            return
        assert time.monotonic() < until, "byte after byte is still being taken"
        client.sock.settimeout(0.02)
        try:
            client._more()
            return
        except (TimeoutError, ssl.SSLWantReadError):
            pass
        except (OSError, EOFError):
            return
        finally:
            client.sock.settimeout(DEADLINE)
    raise AssertionError("everything was taken")


@pytest.mark.parametrize("limits, begin, rest, code, limit", [
    ("head_timeout: 300ms", b"", request({}, headers=[("x", "y" * 5000)]), "request-timeout", "head_timeout"),
    ("body_timeout: 300ms", request({"a": "b" * 5000})[:-5000], b"b" * 5000, "request-timeout", "body_timeout"),
    ("body_rate: 1KiB, body_grace: 200ms", request({"a": "b" * 5000})[:-5000], b"b" * 5000, "body-too-slow", "body_rate"),
    ("request_timeout: 300ms", b"", request({}, headers=[("x", "y" * 5000)]), "request-timeout", "request_timeout"),
    ("request_timeout: 300ms", request({"a": "b" * 5000})[:-5000], b"b" * 5000, "request-timeout", "request_timeout"),
    ("body_rate: 1KiB, body_grace: 200ms",
     b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".replace(
         b"POST /", f"POST {TARGET}".encode()), b"1\r\na\r\n" * 1000, "body-too-slow", "body_rate"),
])
def test_a_byte_now_and_then_buys_no_time(limited, limits, begin, rest, code, limit):
    gateway = limited(limits)
    with gateway.client() as client:
        client.send(begin)
        drip(client, rest, time.monotonic() + DEADLINE)
        response = client.read()
        assert (response.status, response.codes(), response.header("connection")) == (408, [code], "close")
        assert client.at_end()
    assert hits(gateway, limit) == 1
    assert gateway.decisions()[0]["code"] == code
    assert gateway.post(seed_campaign()).status == 200


def test_a_fast_body_is_not_measured_too_harshly(limited):
    gateway = limited("body_rate: 1KiB, body_grace: 1s")
    data = request(seed_campaign())
    with gateway.client() as client:
        client.send(data[:-1500])
        time.sleep(0.3)          # within the grace
        client.send(data[-1500:])
        assert client.read().status == 200


def test_the_whole_request_has_its_time_too(limited, kore):
    kore.script.append(Answer(silent=True))
    gateway = limited("request_timeout: 500ms")
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        response = client.read()
        assert (response.status, response.codes(), response.json()["created"]) == (504, ["request-timeout"], "unknown")
        assert client.at_end()
    assert hits(gateway, "request_timeout") == 1
    outcome = wait_for(lambda: list(gateway.outcomes().values()), "the outcome")[0]
    assert outcome["created"] == "unknown"
    assert len(kore.requests) == 1


def test_an_idle_connection_has_its_time(limited):
    gateway = limited("idle_timeout: 200ms")
    with gateway.client() as client:
        assert client.at_end()
    wait_for(lambda: hits(gateway, "idle_timeout") == 1, "the count")


def test_a_reader_that_does_not_read_is_cut(limited, kore):
    kore.default = Answer(body=json.dumps({"pad": "x" * 1_000_000}).encode())
    gateway = limited("write_timeout: 500ms")
    with gateway.client() as client:
        client.send(request(seed_campaign()) * 8)
        wait_for(lambda: hits(gateway, "write_timeout") == 1, "the cut")


# ---- size ----

@pytest.mark.parametrize("limits, data, status", [
    ("line: 1KiB", request({}, headers=[("x", "y" * 1100)]), 431),
    ("line: 1KiB", request({}, target="/" + "y" * 1100), 414),
    ("head: 9000", request({}, headers=[("x", "y" * 5000), ("z", "y" * 5000)]), 431),
    ("head: 2KiB", request({}, headers=[("x", "y" * 3000)]), 431),
    ("headers: 8", request({}, headers=[(f"x{n}", "y") for n in range(9)]), 431),
    ("body: 100", request({"a": "b" * 100}), 413),
])
def test_sizes_can_be_tightened(limited, limits, data, status):
    gateway = limited(limits)
    with gateway.client() as client:
        client.send(data)
        assert client.read().status == status
    assert hits(gateway, "request_size") == 1


@pytest.mark.parametrize("limits, expected", [
    ("line: 100", "'100' is out of bounds; it can be 512 to 65536"), ("headers: 5000", "out of bounds"),
    ("connections: 0", "not a whole number"), ("buffers: 1KiB", "out of bounds"), ("body_rate: fast", "not a size"),
])
def test_limits_have_limits(make_gateway, limits, expected):
    from test_lifecycle import refused_start
    assert expected in refused_start(make_gateway(limits=", " + limits, start=False))


# ---- how many ----

def test_connections_are_counted_over_all_workers(limited):
    gateway = limited("connections: 20", workers=4)
    socks = [raw_connect(gateway) for _ in range(20)]
    wait_for(lambda: metric(gateway, "open_connections") == 20, "all to be accepted")
    more = [raw_connect(gateway) for _ in range(10)]
    assert all(is_cut(sock) for sock in more)       # nobody has waited for a second yet
    assert hits(gateway, "connections") == 10
    time.sleep(1.1)
    wait_for(lambda: served(gateway), "the longest one to make room")
    assert hits(gateway, "connections_made_room") >= 1
    for sock in socks:
        sock.close()
    wait_for(lambda: metric(gateway, "open_connections") == 0, "the count to fall back")


def test_an_idle_client_is_spared_while_strangers_dawdle(limited):
    gateway = limited("connections: 10", workers=1)
    with gateway.client() as known:
        known.send(request(seed_campaign()))
        assert known.read().status == 200
        crowd = [raw_connect(gateway) for _ in range(9)]
        wait_for(lambda: metric(gateway, "open_connections") == 10, "the crowd to be accepted")
        time.sleep(1.1)
        for _ in range(5):
            assert gateway.post(seed_campaign()).status == 200
        known.send(request(seed_campaign()))
        assert known.read().status == 200
        for sock in crowd:
            sock.close()


def test_one_client_cannot_take_all_connections(limited):
    gateway = limited("connections: 100, connections_per_client: 5", workers=3)
    mine = [raw_connect(gateway, "127.0.0.2") for _ in range(5)]
    wait_for(lambda: metric(gateway, "open_connections") == 5, "five to be accepted")
    extra = [raw_connect(gateway, "127.0.0.2") for _ in range(5)]
    assert all(is_cut(sock) for sock in extra)
    assert hits(gateway, "connections_per_client") == 5
    assert gateway.post(seed_campaign()).status == 200      # from another address
    mine.pop().close()
    wait_for(lambda: metric(gateway, "open_connections") == 4, "one to be gone")
    with raw_connect(gateway, "127.0.0.2") as sock:
        wait_for(lambda: metric(gateway, "open_connections") == 5, "another one to be let in")
    for sock in mine:
        sock.close()


def test_handshakes_are_counted_by_themselves(limited):
    gateway = limited("handshakes: 5", workers=2)
    clients = [gateway.client() for _ in range(8)]          # done with theirs
    crowd = [raw_connect(gateway) for _ in range(20)]
    wait_for(lambda: hits(gateway, "handshakes") > 0, "the gateway to wait for them")
    assert metric(gateway, "open_connections") < 8 + 20     # the others wait in the kernel
    assert gateway.post(seed_campaign()).status == 200      # the crowd dawdles, so one comes through
    for client in clients:
        client.send(request(seed_campaign()))
        assert client.read().status == 200
    for sock in crowd:
        sock.close()


def test_a_burst_of_handshakes_is_served_to_the_last(limited):
    gateway = limited("handshakes: 4", workers=2)
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(gateway.post(seed_campaign()).status)) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 60


@pytest.mark.concurrency
def test_too_many_requests_are_told_at_once_and_harm_no_others(limited, kore):
    gateway = limited("requests: 4", workers=2)
    kore.default = Answer(delay=1.5)
    with_answers = [gateway.client() for _ in range(4)]
    for client in with_answers:
        client.send(request(seed_campaign()))
    wait_for(lambda: len(kore.requests) == 4, "all four to be under way")
    began = time.monotonic()
    for _ in range(10):
        response = gateway.post(seed_campaign())
        assert (response.status, response.codes(), response.header("retry-after")) == (503, ["overloaded"], "1")
        assert (response.header("x-campaign-gateway"), response.json()["created"]) == ("error", "no")
    assert get(gateway, "/livez") == "ok\n" and get(gateway, "/readyz") == "ok\n"
    assert len(kore.requests) == 4 and time.monotonic() - began < DEADLINE
    for client in with_answers:
        assert client.read().status == 200
    kore.default = Answer()
    assert gateway.post(seed_campaign()).status == 200
    assert hits(gateway, "requests") == 10
    gateway.stop()
    codes = [decision.get("code") for decision in gateway.decisions()]
    assert sorted(map(str, codes)) == ["None"] * 5 + ["overloaded"] * 10      # all of them are recorded


def test_an_overloaded_connection_goes_on(limited, kore):
    gateway = limited("requests: 1", workers=1)
    kore.script.append(Answer(delay=0.5))
    with gateway.client() as first, gateway.client() as second:
        first.send(request(seed_campaign()))
        wait_for(lambda: kore.requests, "the first to be under way")
        second.send(request(seed_campaign()) * 3)
        assert [second.read().status for _ in range(3)] == [503] * 3
        assert first.read().status == 200
        second.send(request(seed_campaign()))
        assert second.read().status == 200


def test_what_is_held_for_clients_is_bounded(limited):
    gateway = limited("buffers: 1MiB, body: 256KiB")
    big = request({"a": "b" * 200_000})
    crowd = [gateway.client() for _ in range(8)]
    sent = 0
    for client in crowd:
        try:
            client.send(big[:-10])
            sent += 1
        except OSError:
            pass
    wait_for(lambda: metric(gateway, "buffer_bytes") > 700_000, "the buffers to fill")
    assert metric(gateway, "buffer_bytes") <= 1024 * 1024
    statuses = []
    with gateway.client() as client:
        try:
            client.send(request(seed_campaign()))
            statuses.append(client.read().status)
        except (OSError, EOFError):
            statuses.append(None)      # not even room to say so
    assert statuses in ([503], [None])
    for client in crowd:
        client.sock.close()
    wait_for(lambda: metric(gateway, "buffer_bytes") < 400_000, "the buffers to be given back")
    assert gateway.post(seed_campaign()).status == 200
    assert hits(gateway, "buffers") + hits(gateway, "requests") >= 1


# ---- probes and metrics ----

def test_probes(limited):
    gateway = limited("idle_timeout: 60s")
    assert (get(gateway, "/livez"), get(gateway, "/readyz")) == ("ok\n", "ok\n")
    for path, method, status in (("/nothing", "GET", 404), ("/livez", "POST", 405), ("/livez/", "GET", 404)):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(urllib.request.Request(gateway.admin_url() + path, method=method,
                                                          data=b"" if method == "POST" else None))
        assert error.value.code == status


def test_a_draining_gateway_is_not_ready(limited, kore):
    gateway = limited("idle_timeout: 60s")
    kore.script.append(Answer(delay=1))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        wait_for(lambda: kore.requests, "the request to arrive upstream")
        gateway.term()
        wait_for(lambda: gateway.events("draining"), "the drain to begin")
        with pytest.raises(urllib.error.HTTPError) as error:
            get(gateway, "/readyz")
        assert error.value.code == 503 and get(gateway, "/livez") == "ok\n"
        assert client.read().status == 200


def test_the_connections_fit_the_descriptors(make_gateway):
    import resource
    import subprocess
    from harness import BINARY
    gateway = make_gateway(start=False)
    with open(gateway.stderr_path, "ab") as stderr:
        gateway.process = subprocess.Popen([BINARY, "run", "--config", gateway.config], stdin=subprocess.DEVNULL, stderr=stderr,
                                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048)))
    gateway.port = int(wait_for(lambda: gateway.events("listening"), "the start")[0]["address"].rsplit(":", 1)[1])
    lowered, = gateway.events("connections-lowered")
    assert (lowered["descriptors"], 500 < lowered["connections"] < 2048) == (2048, True)
    assert gateway.post(seed_campaign()).status == 200

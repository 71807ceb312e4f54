"""The gate on a real connection: refusals are readable, then the connection ends."""
import pytest

from harness import TARGET, request, seed_campaign


def raw(head, body=b""):
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


POST = f"POST {TARGET} HTTP/1.1\nHost: localhost\nauth: x\nContent-Type: application/json\n"


@pytest.mark.parametrize("data, status, code", [
    (raw(POST + "Content-Length: 5\nContent-Length: 5"), 400, "content-length-duplicate"),
    (raw(POST + "Content-Length: 5\nTransfer-Encoding: chunked"), 400, "length-and-chunked"),
    (raw(POST + "Transfer-Encoding: gzip, chunked"), 501, "transfer-encoding"),
    (raw(POST + "Transfer-Encoding: xchunked"), 501, "transfer-encoding"),
    (raw(POST + "Content-Length : 5"), 400, "header-name"),
    (raw(POST + "Content-Length: +5"), 400, "content-length"),
    (raw(POST + "Content-Length: 99999999999999999999"), 400, "content-length"),
    (raw(POST + "X: a\n b\nContent-Length: 0"), 400, "line-folding"),
    (raw(POST), 411, "length-required"),
    (raw(POST + "Content-Length: 300000"), 413, "body-too-large"),
    (raw(POST + "Expect: a-cake\nContent-Length: 0"), 417, "expectation"),
    (raw("GET / HTTP/1.1"), 400, "host-missing"),
    (raw("GET / HTTP/1.1\nHost: a\nHost: a"), 400, "host-duplicate"),
    (raw("GET / HTTP/1.1\nHost: a b"), 400, "host-invalid"),
    (raw("GET http://b/ HTTP/1.1\nHost: a"), 400, "authority"),
    (raw("GET / HTTP/1.2\nHost: a"), 505, "version"),
    (raw("GET /"), 400, "request-line"),
    (raw("BREW / HTTP/1.1\nHost: a"), 501, "method-unknown"),
    (raw("GET /a\"b HTTP/1.1\nHost: a"), 400, "target"),
    (raw("GET /\xff HTTP/1.1\nHost: a"), 400, "target"),
    (b"GET / HTTP/1.1\nHost: a\n\n", 400, "bare-line-feed"),
    (b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, "bare-carriage-return"),
    (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 400, "control-character"),
    (raw("GET /" + "a" * 9000 + " HTTP/1.1\nHost: a"), 414, "target-too-long"),
    (raw("GET / HTTP/1.1\nHost: a\nX: " + "a" * 9000), 431, "header-too-long"),
    (raw("GET / HTTP/1.1\nHost: a" + "\nX: y" * 101), 431, "too-many-headers"),
    (raw(POST + "Transfer-Encoding: chunked", b"5\r\nabcdeX"), 400, "chunk"),
    (raw(POST + "Transfer-Encoding: chunked", b"10000000000000005\r\n"), 400, "chunk"),
    (raw(POST + "Transfer-Encoding: chunked", b"0\r\nContent-Length: 5\r\n\r\n"), 400, "trailer"),
    (raw(POST + "Transfer-Encoding: chunked", b"50000\r\n"), 413, "body-too-large"),
])
def test_refused_readably_then_closed(gateway, kore, data, status, code):
    with gateway.client() as client:
        client.send(data)
        response = client.read()
        assert (response.status, response.codes()) == (status, [code])
        assert response.header("content-type") == "application/problem+json"
        assert response.header("connection") == "close"
        assert client.at_end()
    assert kore.requests == []
    assert [d["code"] for d in gateway.decisions()] == [code]


@pytest.mark.parametrize("head, status", [
    (POST + "Content-Length: 5000000", 413), (POST + "Content-Length: 5\nX : y", 400)])
def test_a_refusal_is_readable_while_the_client_keeps_sending(gateway, head, status):
    with gateway.client() as client:
        client.send(raw(head))
        try:
            for _ in range(100):
                client.send(b"x" * 20000)
        except OSError:
            pass  # the gateway may have finished with us by then
        assert client.read().status == status


def test_the_bytes_behind_a_refusal_are_not_a_request(gateway, kore):
    smuggled = request(seed_campaign())
    with gateway.client() as client:
        client.send(raw(POST + "Content-Length: 5\nTransfer-Encoding: chunked", smuggled))
        assert client.read().status == 400
        assert client.at_end()
    assert kore.requests == []


def test_a_slow_head_is_cut_at_its_deadline(make_gateway):
    gateway = make_gateway(limits=", head_timeout: 300ms")
    with gateway.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHo")
        response = client.read()
        assert (response.status, response.codes()) == (408, ["request-timeout"])
        assert client.at_end()


def test_a_slow_body_is_cut_at_its_deadline(make_gateway):
    gateway = make_gateway(limits=", body_timeout: 300ms")
    with gateway.client() as client:
        client.send(request(seed_campaign())[:-10])
        assert client.read().status == 408


def test_an_idle_connection_is_closed_without_a_word(make_gateway):
    gateway = make_gateway(limits=", idle_timeout: 200ms")
    with gateway.client() as client:
        assert client.at_end()
    assert gateway.decisions() == []


def test_http_1_0_is_served_and_closed(gateway):
    with gateway.client() as client:
        client.send(request(seed_campaign()).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert client.read().status == 200
        assert client.at_end()

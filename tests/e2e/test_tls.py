"""The client side's TLS: what is spoken, and what is not."""
import socket
import ssl

import pytest

from harness import request, seed_campaign


def connect(gateway, **settings):
    context = ssl.create_default_context(cafile=gateway.certs / "ca.pem")
    for name, value in settings.items():
        getattr(context, name)(*value) if callable(getattr(context, name)) else setattr(context, name, value)
    raw = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    return context.wrap_socket(raw, server_hostname="localhost")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(gateway, version):
    with gateway.client(minimum_version=version, maximum_version=version) as client:
        client.send(request(seed_campaign()))
        assert client.read().status == 200
        assert client.sock.version() == version.name.replace("v1_", "v1.")
        assert "GCM" in client.sock.cipher()[0] or "CHACHA" in client.sock.cipher()[0]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_older_versions_and_weak_ciphers_are_not(gateway):
    for settings in ({"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1},
                     {"maximum_version": ssl.TLSVersion.TLSv1_2, "set_ciphers": ("AES128-SHA:ECDHE-ECDSA-AES128-SHA",)}):
        with pytest.raises((ssl.SSLError, OSError)):
            connect(gateway, **settings)


def test_http_1_1_is_the_protocol(gateway):
    with connect(gateway, set_alpn_protocols=(["h2", "http/1.1"],)) as sock:
        assert sock.selected_alpn_protocol() == "http/1.1"
    with pytest.raises((ssl.SSLError, OSError)):
        connect(gateway, set_alpn_protocols=(["h2"],))


def test_sessions_are_resumed_by_ticket(gateway):
    context = ssl.create_default_context(cafile=gateway.certs / "ca.pem")
    session = None
    for expected in (False, True):
        raw = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as sock:
            sock.sendall(request(seed_campaign()))
            assert sock.recv(100).startswith(b"HTTP/1.1 200")
            assert sock.session_reused == expected
            session = sock.session


def test_plain_http_and_garbage_get_no_answer(gateway):
    for data in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\0" * 1000):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as raw:
            raw.sendall(data)
            try:
                assert not raw.recv(1000).startswith(b"HTTP")
            except ConnectionResetError:
                pass
    assert gateway.post(seed_campaign()).status == 200


def test_a_client_that_never_speaks_is_cut(make_gateway):
    gateway = make_gateway(limits=", handshake_timeout: 200ms")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as raw:
        assert raw.recv(1) == b""

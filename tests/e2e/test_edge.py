"""Corners of the edge, each of which was once wrong."""
import ctypes
import json
import socket
import ssl
import subprocess
import threading
import time
from ctypes.util import find_library

import pytest

from harness import ADMIN, request, seed_campaign, wait_for


def reload_by_hup(gateway):
    before = len(gateway.events("reloaded"))
    gateway.process.send_signal(1)
    wait_for(lambda: len(gateway.events("reloaded")) > before, "the reload")


def sign(certs, directory, name, extension, key=("ecparam", "-name", "prime256v1", "-genkey", "-noout")):
    """A certificate with CN=NAME, signed by the development CA: its path and its key's."""
    pem, pem_key, csr = (directory / f"{name}.{end}" for end in ("pem", "key", "csr"))
    (directory / f"{name}.ext").write_text(f"basicConstraints=critical,CA:FALSE\n{extension}\n")
    subprocess.run(["openssl", *key, "-out", pem_key], check=True, capture_output=True)
    subprocess.run(["openssl", "req", "-new", "-key", pem_key, "-subj", f"/CN={name}", "-out", csr],
                   check=True)
    subprocess.run(["openssl", "x509", "-req", "-in", csr, "-CA", certs / "ca.pem", "-CAkey",
                    certs / "ca.key", "-days", "2", "-set_serial", str(time.time_ns()), "-out", pem,
                    "-extfile", directory / f"{name}.ext"], check=True, capture_output=True)
    return pem, pem_key


def test_a_name_gets_its_own_certificate_though_the_keys_are_of_different_types(
        make_gateway, certs, tmp_path):
    rsa, rsa_key = sign(certs, tmp_path, "b.example", "subjectAltName=DNS:b.example",
                        ("genpkey", "-algorithm", "RSA"))
    gateway = make_gateway(tls=f", more_certificates: [{{certificate: {rsa}, key: {rsa_key}}}]")
    context = ssl.create_default_context(cafile=certs / "ca.pem")
    for name in ("localhost", "b.example"):
        with socket.create_connection(("127.0.0.1", gateway.port)) as raw, \
                context.wrap_socket(raw, server_hostname=name) as sock:
            assert ("DNS", name) in sock.getpeercert()["subjectAltName"]


def test_a_name_may_have_a_certificate_of_each_type(make_gateway, certs, tmp_path):
    rsa, rsa_key = sign(certs, tmp_path, "localhost", "subjectAltName=DNS:localhost", ("genpkey", "-algorithm", "RSA"))
    gateway = make_gateway(tls=f", more_certificates: [{{certificate: {rsa}, key: {rsa_key}}}]")
    context = ssl.create_default_context(cafile=certs / "ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for ciphers in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"):
        context.set_ciphers(ciphers)
        with gateway.client(context=context) as client:
            assert client.sock.cipher()[0] == ciphers


def test_a_file_beside_the_policies_directory_reloads_nothing(gateway):
    (gateway.directory / "unrelated.txt").write_text("x")
    time.sleep(1)  # five times as long as a look is put off
    assert gateway.events("reloaded") == []


def test_a_smaller_body_limit_waits_for_the_restart(make_gateway):
    gateway = make_gateway(limits=", body: 200KiB")
    gateway.config.write_text(gateway.config.read_text().replace("body: 200KiB", "body: 1KiB"))
    reload_by_hup(gateway)
    assert gateway.events("restart-needed")
    assert gateway.post(seed_campaign()).status == 200


def test_names_behind_many_addresses_are_names(make_gateway, certs, tmp_path):
    """The common name counts only when the SAN names nothing, however far behind."""
    names = ",".join(f"IP:10.0.0.{i}" for i in range(40)) + ",URI:spiffe://example.org/other"
    pem, key = sign(certs, tmp_path, "billing", f"extendedKeyUsage=clientAuth\nsubjectAltName={names}")
    callers = tmp_path / "callers.yaml"
    callers.write_text("certificates: [{common_name: billing, team: billing}]")
    gateway = make_gateway(team="", extra=f"callers: {callers}",
                           tls=f", client_certificates: required, client_ca: {certs}/ca.pem")
    context = ssl.create_default_context(cafile=certs / "ca.pem")
    context.load_cert_chain(pem, key)
    with socket.create_connection(("127.0.0.1", gateway.port)) as raw, \
            context.wrap_socket(raw, server_hostname="localhost") as sock:
        sock.sendall(request(seed_campaign()))
        assert sock.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_what_is_kept_for_later_does_not_fill_the_buffers(make_gateway):
    """Else a burst of large bodies would turn everybody away for ever."""
    gateway = make_gateway(workers=1, limits=", buffers: 4MiB",
                           extra=ADMIN)
    large = request(json.dumps(dict(seed_campaign(), description="y" * 33000)).encode())
    clients = [gateway.client() for _ in range(40)]
    for client in clients:
        client.send(large[:-1])
    for client in clients:
        client.send(b"}")
    for client in clients:
        client.read()
        client.sock.close()
    wait_for(lambda: gateway.metric("open_connections") == 0, "quiet")
    assert gateway.metric("buffer_bytes") <= 3 << 19
    assert gateway.post(seed_campaign()).status == 200


def flood_with_key_updates(sock, until):
    """Asks for new keys again and again and never reads (RFC 8446 4.6.3). Python's ssl cannot."""
    tls = ctypes.CDLL(find_library("ssl"))
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(tls, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(tls.SSL_CTX_new(ctypes.c_void_p(tls.TLS_client_method())))
    connection = ctypes.c_void_p(tls.SSL_new(context))
    tls.SSL_set_fd(connection, sock.fileno())
    assert tls.SSL_connect(connection) == 1
    while time.monotonic() < until:
        tls.SSL_key_update(connection, 1)
        if tls.SSL_do_handshake(connection) != 1:
            break
    tls.SSL_free(connection)
    tls.SSL_CTX_free(context)


def test_a_flood_of_key_updates_does_not_hold_the_loop(make_gateway):
    gateway = make_gateway(workers=1, limits=", idle_timeout: 1s, write_timeout: 2s")
    flooded = time.monotonic()
    with socket.create_connection(("127.0.0.1", gateway.port)) as sock:
        thread = threading.Thread(target=flood_with_key_updates, args=(sock, flooded + 15))
        thread.start()
        time.sleep(0.5)
        assert gateway.post(seed_campaign()).status == 200
        thread.join()
    assert time.monotonic() - flooded < 10, "the idle deadline did not end it"


@pytest.mark.concurrency
def test_pipelined_requests_are_judged_once_each(make_gateway):
    """However the answer to one and the bytes of later ones meet in a turn of the loop."""
    gateway = make_gateway(workers=2, limits=", requests: 2")
    train = request(seed_campaign()) * 60

    def pipeline():
        for _ in range(12):
            with gateway.client() as client:
                for at in range(0, len(train), 50000):
                    client.send(train[at:at + 50000])
                for _ in range(60):
                    client.read()

    clients = [threading.Thread(target=pipeline) for _ in range(12)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    decisions = gateway.decisions()
    assert len({each["id"] for each in decisions}) == len(decisions) == 12 * 12 * 60

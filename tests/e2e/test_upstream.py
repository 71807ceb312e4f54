"""Whatever the upstream does, the client and the audit are told the truth, and nothing goes twice."""
import json
import subprocess
import time

import pytest

from harness import ROOT, request, seed_campaign, wait_for
from kore import Answer, KoreHost


def only_outcome(gateway):
    outcome, = gateway.outcomes().values()
    return outcome


def expect_failure(gateway, response, status, created, failure):
    problem = response.json()
    assert (response.status, problem["created"]) == (status, created), problem
    assert problem["type"].endswith("upstream")
    assert response.codes() == [failure]
    assert response.header("x-campaign-gateway") == "error"
    outcome = only_outcome(gateway)
    assert (outcome["created"], outcome["upstream"]["failure"]) == (created, failure)


def test_nobody_listens(make_gateway):
    gateway = make_gateway(upstream_port=1)
    expect_failure(gateway, gateway.post(seed_campaign()), 502, "no", "connect")


def test_the_name_does_not_resolve(make_gateway):
    gateway = make_gateway(upstream_host="no-such-host.invalid")
    expect_failure(gateway, gateway.post(seed_campaign()), 502, "no", "resolve")


@pytest.mark.parametrize("answer, status, failure", [
    (Answer(close_before=True), 502, "reset"),
    (Answer(reset=True), 502, "reset"),
    (Answer(cut_at=10), 502, "reset"),
    (Answer(cut_at=300), 502, "reset"),
    (Answer(framing="chunked", cut_at=400), 502, "reset"),
    (Answer(reset=True, cut_at=50), 502, "reset"),
    (Answer(reset=True, cut_at=300), 502, "reset"),
    (Answer(framing="close", cut_at=100000), 502, "reset"),    # whole, but without close_notify
    (Answer(silent=True), 504, "first-byte-timeout"),
    (Answer(byte_delay=0.05), 504, "total-timeout"),
    (Answer(silent=True, cut_at=20), 504, "total-timeout"),
    (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 502, "malformed-answer"),
    (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"), 502, "malformed-answer"),
    (Answer(raw=b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"), 502, "malformed-answer"),
    (Answer(raw=b"HTTP/1.1 101 Switching\r\n\r\n"), 502, "malformed-answer"),
    (Answer(raw=b"hello"  + b"\r\n\r\n"), 502, "malformed-answer"),
])
def test_an_answer_that_is_none(gateway, kore, answer, status, failure):
    kore.script.append(answer)
    expect_failure(gateway, gateway.post(seed_campaign()), status, "unknown", failure)
    assert len(kore.requests) == 1


def test_an_answer_before_the_body_was_read_is_relayed(gateway, kore):
    kore.script.append(Answer(early=True, status=413, body=b'{"errors":[{"msg":"big","code":413}]}'))
    body = json.dumps(seed_campaign()).encode() + b" " * 200_000
    response = gateway.post(body)
    assert (response.status, response.header("x-campaign-gateway")) == (413, "allow")
    assert only_outcome(gateway)["outcome"] == "refused_upstream"
    assert len(kore.requests) == 1


@pytest.mark.parametrize("answer", [
    Answer(framing="chunked"), Answer(framing="close"),
    Answer(interim=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
    Answer(delay=0.3),
])
def test_answers_of_every_legal_form_are_relayed(gateway, kore, answer):
    kore.script.append(answer)
    response = gateway.post(seed_campaign())
    assert response.status == 200 and response.json()["status"] == "success"
    assert response.header("transfer-encoding") is None
    assert only_outcome(gateway)["outcome"] == "created"


@pytest.mark.parametrize("answer, outcome, created", [
    (Answer(status=400, body=b'{"errors":[{"msg":"no","code":400}]}'), "refused_upstream", "no"),
    (Answer(status=429, body=b"slow down"), "refused_upstream", "no"),
    (Answer(status=500, body=b""), "unknown", "unknown"),
    (Answer(status=200, body=b'{"status":"failure"}'), "unknown", "unknown"),
    (Answer(status=200, body=b"not json"), "unknown", "unknown"),
])
def test_other_answers_pass_unchanged_and_are_classified(gateway, kore, answer, outcome, created):
    kore.script.append(answer)
    response = gateway.post(seed_campaign())
    assert (response.status, response.body) == (answer.status, answer.body)
    assert response.header("x-campaign-gateway") == "allow"
    assert (only_outcome(gateway)["outcome"], only_outcome(gateway)["created"]) == (outcome, created)


def test_connections_are_kept_and_reused(make_gateway, kore):
    gateway = make_gateway(workers=1)
    for _ in range(5):
        assert gateway.post(seed_campaign()).status == 200
    assert kore.connections == 1


def test_bytes_behind_an_answer_end_the_connection(make_gateway, kore):
    gateway = make_gateway(workers=1)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    kore.script.append(Answer(raw=answer + b"{}" + answer + b"[]"))
    assert gateway.post(seed_campaign()).body == b"{}"
    assert gateway.post(seed_campaign()).json()["status"] == "success"
    assert kore.connections == 2


def test_a_connection_that_died_while_idle_costs_nothing(make_gateway, kore):
    gateway = make_gateway(workers=1)
    kore.script.append(Answer(close_after=True))
    for _ in range(3):
        assert gateway.post(seed_campaign()).status == 200
    assert len(kore.requests) == 3


def test_a_foreign_certificate_gets_no_byte(make_gateway, tmp_path):
    other = tmp_path / "other"
    subprocess.run([ROOT / "certs/make-dev-certs", other], check=True, capture_output=True)
    with KoreHost(other / "kore.pem", other / "kore.key") as impostor:
        gateway = make_gateway(upstream_port=impostor.port)
        expect_failure(gateway, gateway.post(seed_campaign()), 502, "no", "connect")
        assert "certificate" in only_outcome(gateway)["upstream"]["detail"]
        assert impostor.requests == []


def make_certificate(certs, directory, name, subject_alt_name, usage="serverAuth"):
    """A certificate of the development CA for whatever is asked."""
    key, csr, pem = (directory / f"{name}.{end}" for end in ("key", "csr", "pem"))
    openssl = ["openssl"]
    subprocess.run(openssl + ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                              "-keyout", key, "-out", csr, "-subj", "/CN=localhost"],
                   check=True, capture_output=True)
    extensions = directory / f"{name}.ext"
    extensions.write_text(f"subjectAltName={subject_alt_name}\nextendedKeyUsage={usage}\n")
    subprocess.run(openssl + ["x509", "-req", "-in", csr, "-CA", certs / "ca.pem", "-CAkey", certs / "ca.key",
                              "-days", "2", "-set_serial", "77", "-extfile", extensions, "-out", pem],
                   check=True, capture_output=True)
    return pem, key


@pytest.mark.parametrize("subject_alt_name, usage, words", [
    ("DNS:other.example", "serverAuth", "hostname mismatch"),   # although its CN is localhost
    ("DNS:*.localhost", "serverAuth", "hostname mismatch"),
    ("IP:127.0.0.1", "serverAuth", "hostname mismatch"),
    ("DNS:localhost", "clientAuth", "unsuitable certificate purpose"),
])
def test_the_certificate_must_be_the_hosts(make_gateway, certs, tmp_path, subject_alt_name, usage, words):
    with KoreHost(*make_certificate(certs, tmp_path, "impostor", subject_alt_name, usage)) as impostor:
        gateway = make_gateway(upstream_port=impostor.port)
        expect_failure(gateway, gateway.post(seed_campaign()), 502, "no", "connect")
        assert words in only_outcome(gateway)["upstream"]["detail"].lower()
        assert impostor.requests == []


def test_an_address_is_matched_against_the_certificates_addresses(make_gateway, certs, tmp_path):
    with KoreHost(*make_certificate(certs, tmp_path, "byaddress", "IP:127.0.0.1")) as host:
        gateway = make_gateway(upstream_port=host.port, upstream_host="127.0.0.1")
        assert gateway.post(seed_campaign()).status == 200
        assert host.requests[0].header("host") == [f"127.0.0.1:{host.port}"]
    with KoreHost(*make_certificate(certs, tmp_path, "byname", "DNS:localhost")) as host:
        gateway = make_gateway(upstream_port=host.port, upstream_host="127.0.0.1")
        assert gateway.post(seed_campaign()).status == 502
        assert host.requests == []


def big_body(size):
    return b'{"status":"success","pad":"' + b"x" * size + b'"}'


def test_a_big_answer_reaches_a_slow_reader_whole(gateway, kore):
    kore.script.append(Answer(body=big_body(900_000)))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        wait_for(lambda: gateway.outcomes(), "the outcome")
        response = client.read()
        assert response.status == 200 and response.body == big_body(900_000)
        client.send(request(seed_campaign()))
        assert client.read().status == 200


def test_a_client_that_does_not_read_is_cut(make_gateway, kore):
    gateway = make_gateway(limits=", write_timeout: 300ms")
    kore.default = Answer(body=big_body(1_000_000))
    with gateway.client() as client:
        for _ in range(20):     # more than the kernel will hold for a client that reads nothing
            client.send(request(seed_campaign()))
        wait_for(lambda: len(gateway.outcomes()) >= 2, "some outcomes")
        time.sleep(1)
        received = 0
        with pytest.raises((EOFError, OSError)):
            while True:
                received += len(client.read().body)
        assert received < 20_000_000
    kore.default = Answer()
    assert gateway.post(seed_campaign()).status == 200


def test_an_answer_beyond_the_limit_is_not_passed_off_as_whole(gateway, kore):
    kore.script.append(Answer(body=big_body(1_100_000)))
    expect_failure(gateway, gateway.post(seed_campaign()), 502, "unknown", "malformed-answer")


def test_a_long_pipeline_is_answered_completely(gateway, kore):
    with gateway.client() as client:
        # one thread: Python's TLS sockets cannot read and write at once; the kernel holds the rest
        client.send(request(seed_campaign()) * 200)
        assert [client.read().status for _ in range(200)] == [200] * 200
    assert len(kore.requests) == 200

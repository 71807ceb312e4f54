"""One trace: the caller's goes on to the upstream, into the journal, the access log and the spans."""
import re
import socket
import subprocess
import time

import pytest

from harness import ADMIN, BINARY, Gateway, request, seed_campaign, wait_for
from kore import Answer
from otlp_collector import Collector

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def sent_on(kore):
    """The trace that the upstream was told: id, parent, flags."""
    parent, = kore.requests[-1].header("traceparent")
    return re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", parent).groups()


def state_sent_on(kore):
    return kore.requests[-1].header("tracestate")


# ---- what a caller may say ----

def traces_in(gateway):
    """The traces of all records of requests, decision and outcome, in order."""
    return [record["trace_id"] for record in gateway.journal() if record["kind"] in ("decision", "outcome")]


VALID = [(PARENT, "01"), (f"00-{TRACE}-{SPAN}-00", "00"), (f"00-{TRACE}-{SPAN}-ff", "01"), (f" \t{PARENT}\t ", "01"),
         (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", "01"), (f"01-{TRACE}-{SPAN}-00-", "00")]


def test_the_callers_trace_goes_on(gateway, kore):
    with gateway.client() as client:
        for parent, flags in VALID:
            client.send(request(seed_campaign(), headers=[("TraceParent", parent), ("tracestate", "a=1")]))
            assert client.read().status == 200
            trace, span, sent_flags = sent_on(kore)
            assert (trace, sent_flags) == (TRACE, flags) and span not in (SPAN, "0" * 16), parent
            assert state_sent_on(kore) == ["a=1"]
    gateway.stop()
    assert traces_in(gateway) == [TRACE] * 2 * len(VALID)


INVALID = [[], [""], ["00"], [f"00-{TRACE}-{SPAN}"], [f"00-{TRACE}-{SPAN}-01-"], [f"00-{TRACE}-{SPAN}-01-x"], [f"ff-{TRACE}-{SPAN}-01"],
           [f"00-{TRACE.upper()}-{SPAN}-01"], [f"00-{'0' * 32}-{SPAN}-01"], [f"00-{TRACE}-{'0' * 16}-01"], [f"00-{TRACE}-{SPAN}-1"],
           [f"cc-{TRACE}-{SPAN}-01.x"], [f"00-{TRACE[1:]}-{SPAN}-01"], [PARENT, PARENT], [f"{PARENT},{PARENT}"]]


def test_another_begins_a_new_trace(gateway, kore):
    traces = []
    with gateway.client() as client:
        for parents in INVALID:
            headers = [("traceparent", value) for value in parents] + [("tracestate", "a=1")]
            client.send(request(seed_campaign(), headers=headers))
            assert client.read().status == 200
            trace, span, flags = sent_on(kore)
            assert trace not in (TRACE, "0" * 32) and span != SPAN and flags == "00" and state_sent_on(kore) == [], parents
            traces += [trace] * 2
    gateway.stop()
    assert traces_in(gateway) == traces and len(set(traces)) == len(INVALID)


STATES = [(["a=1,b@c=2", "d=3"], True), (["a=1 , b=2"], True), ([",".join(f"k{i}=1" for i in range(32))], True),
          ([",".join(f"k{i}=1" for i in range(33))], False), (["A=1"], False), (["a"], False), (["a=1", "b"], False),
          ([f"a={'x' * 257}"], False)]


def test_a_state_goes_on_unless_it_is_none(gateway, kore):
    with gateway.client() as client:
        for states, kept in STATES:
            client.send(request(seed_campaign(), headers=[("traceparent", PARENT)] + [("tracestate", state) for state in states]))
            assert client.read().status == 200
            assert sent_on(kore)[0] == TRACE and state_sent_on(kore) == (states if kept else []), states


def test_new_traces_are_all_different(gateway, kore):
    with gateway.client() as client:
        for _ in range(20):
            client.send(request(seed_campaign()))
            assert client.read().header("traceparent") is None
    traces = [r.header("traceparent")[0].split("-")[1] for r in kore.requests]
    assert len(set(traces)) == 20


# ---- what keeps it ----

def test_one_trace_in_journal_access_log_and_upstream(make_gateway, kore):
    gateway = make_gateway(extra="access_log: {file: access.log}")
    answers = [gateway.post(seed_campaign(), headers=[("traceparent", PARENT)]),
               gateway.post(b"no JSON", headers=[("traceparent", PARENT)])]
    kore.script.append(Answer(close_before=True))
    answers.append(gateway.post(seed_campaign(), headers=[("traceparent", PARENT)]))
    assert [answer.status for answer in answers] == [200, 400, 502]
    assert TRACE.encode() not in b"".join(answer.body for answer in answers)
    log = gateway.directory / "access.log"
    wait_for(lambda: log.exists() and log.read_text().count(TRACE) == 3, "three lines")
    gateway.stop()
    assert traces_in(gateway) == [TRACE] * 5


def test_a_trace_is_found_in_the_record(gateway, kore):
    answer = gateway.post(seed_campaign(), headers=[("traceparent", PARENT)])
    gateway.post(seed_campaign())
    gateway.stop()
    found = subprocess.run([BINARY, "audit", "search", "--config", gateway.config, "--text", TRACE],
                           capture_output=True, text=True)
    assert found.returncode == 0 and answer.header("x-decision-id")[:8] in found.stdout, found.stdout + found.stderr
    assert len([line for line in found.stdout.splitlines() if "allow" in line.lower()]) == 1, found.stdout
    shown = subprocess.run([BINARY, "audit", "show", "--config", gateway.config, answer.header("x-decision-id")],
                           capture_output=True, text=True, check=True)
    assert f", trace {TRACE}" in shown.stdout


def test_a_request_that_is_no_http_has_a_trace_too(gateway):
    with gateway.client() as client:
        client.send(b"GET / HTTP/9.9\r\n\r\n")
        client.read()
    gateway.stop()
    decision, = gateway.decisions()
    assert re.fullmatch(r"[0-9a-f]{32}", decision["trace_id"])


def test_a_number_in_place_of_an_id_is_not_written_down(gateway, kore):
    """Nothing that a client chooses brings a phone number into the record."""
    digits = "00000000000000000000919561612345"
    gateway.post(seed_campaign(), headers=[("traceparent", f"00-{digits}-{SPAN}-01")])
    assert sent_on(kore)[0] == digits
    gateway.stop()
    assert len(traces_in(gateway)) == 2 and "919561612345" not in "".join(traces_in(gateway))


# ---- spans ----

def exporting(url, more=""):
    return f"trace: {{endpoint: '{url}'{more}}}\n{ADMIN}"


def tree_of(spans, trace):
    """The spans of one request: its root, and the others by name."""
    spans = [span for span in spans if span.trace == trace]
    root, = [span for span in spans if span.kind == 2]
    assert all(span.parent == root.id for span in spans if span is not root) and len({span.id for span in spans}) == len(spans)
    return root, {span.name: span for span in spans if span is not root}


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_spans_tell_of_a_request_and_its_stages(make_gateway, kore, certs, tls):
    with Collector((certs / "kore.pem", certs / "kore.key") if tls else None) as collector:
        gateway = make_gateway(extra=exporting(collector.url, f", ca: {certs}/ca.pem, service_name: edge" if tls else ", service_name: edge"))
        answer = gateway.post(seed_campaign(), headers=[("traceparent", PARENT)])
        assert ('use="trace-ca"' in gateway.admin("/metrics")) == tls      # when it expires
        gateway.stop()
        root, stages = tree_of(collector.spans(), TRACE)
        assert (root.parent, root.name, root.error) == (SPAN, "POST create-campaign", False)
        wanted = {"http.request.method": "POST", "http.route": "create-campaign", "http.response.status_code": 200, "url.scheme": "https",
                  "campaign_gateway.decision_id": answer.header("x-decision-id"), "campaign_gateway.team": "billing",
                  "campaign_gateway.verdict": "allow"}
        assert root.attributes == wanted
        assert sorted(stages) == ["POST", "judge", "outcome", "receive", "record"]
        call = stages.pop("POST")
        assert call.kind == 3 and call.attributes == {"http.request.method": "POST", "server.address": "localhost",
                                                      "server.port": kore.port, "http.response.status_code": 200}
        assert sent_on(kore) == (TRACE, call.id, "01")
        assert {span.kind for span in stages.values()} == {1}
        order = [stages["receive"], stages["judge"], stages["record"], call, stages["outcome"]]
        assert [span.start for span in order] == [root.start] + [span.end for span in order[:-1]] and order[-1].end <= root.end
        assert abs(root.start / 1e9 - time.time()) < 60
        assert collector.resources[0]["service.name"] == "edge" and collector.resources[0]["service.instance.id"]


def test_refusals_and_failures_are_told_apart(make_gateway, kore):
    with Collector() as collector:
        gateway = make_gateway(extra=exporting(collector.url))
        traces = [f"{i:031x}a" for i in range(1, 5)]
        headers = [[("traceparent", f"00-{trace}-{SPAN}-01")] for trace in traces]
        kore.script.append(Answer(close_before=True))
        statuses = [gateway.post(seed_campaign(), headers=headers[0]).status]
        kore.script.append(Answer(status=500, body=b"{}"))
        statuses.append(gateway.post(seed_campaign(), headers=headers[1]).status)
        statuses.append(gateway.post({"name": "x"}, headers=headers[2]).status)
        statuses.append(gateway.post(b"no JSON", headers=headers[3]).status)
        gateway.stop()
        assert statuses == [502, 500, 422, 400]
        (reset, reset_stages), (failed, failed_stages), (broken, broken_stages), (bad, _) = [tree_of(collector.spans(), trace) for trace in traces]
        assert reset.error and reset_stages["POST"].error
        assert reset.attributes["error.type"] == reset_stages["POST"].attributes["error.type"] == "reset"
        assert failed.error and failed_stages["POST"].error and failed_stages["POST"].attributes["error.type"] == "500"
        assert not broken.error and "POST" not in broken_stages and "error.type" not in broken.attributes
        assert broken.attributes["campaign_gateway.type"] == "contract" and "field-missing" in broken.attributes["campaign_gateway.violations"]
        assert not bad.error and bad.attributes["campaign_gateway.code"]


def test_a_request_that_is_no_http_has_a_span(make_gateway):
    with Collector() as collector:
        gateway = make_gateway(extra=exporting(collector.url))
        with gateway.client() as client:
            client.send(b"GET / HTTP/9.9\r\n\r\n")
            client.read()
        gateway.stop()
        root, = [span for span in collector.spans() if span.kind == 2]
        assert root.name == "HTTP" and root.attributes["http.request.method"] == "_OTHER" and root.parent == ""
        assert root.trace == gateway.decisions()[0]["trace_id"]


def test_the_callers_flag_says_whether_spans_are_told(make_gateway, kore):
    with Collector() as collector:
        gateway = make_gateway(extra=exporting(collector.url, ", sample: 0"))
        gateway.post(seed_campaign(), headers=[("traceparent", PARENT[:-1] + "0")])
        assert sent_on(kore)[2] == "00"
        gateway.post(seed_campaign())
        assert sent_on(kore)[2] == "00"
        gateway.post(seed_campaign(), headers=[("traceparent", PARENT.replace(TRACE, TRACE[::-1]))])
        assert sent_on(kore)[2] == "01"
        gateway.stop()
        assert {span.trace for span in collector.spans()} == {TRACE[::-1]}


def test_new_traces_are_sampled_as_configured(make_gateway, kore):
    with Collector() as collector:
        gateway = make_gateway(extra=exporting(collector.url, ", sample: 0.5"))
        with gateway.client() as client:
            for _ in range(100):
                client.send(request(b"no JSON"))
                client.read()
        gateway.stop()
        assert 20 <= len({span.trace for span in collector.spans()}) <= 80


@pytest.mark.concurrency
def test_batches_have_512_spans_at_most(make_gateway, kore):
    with Collector() as collector:
        gateway = make_gateway(extra=exporting(collector.url))
        with gateway.client() as client:
            for _ in range(300):
                client.send(request(b"no JSON"))
                assert client.read().status == 400
        wait_for(lambda: collector.spans(), "a batch that is full, before its time")
        gateway.stop()
        assert len({span.trace for span in collector.spans()}) == 300
        assert max(len(batch) for batch in collector.batches) <= 512 and len(collector.batches) >= 3


# ---- never in the way ----

def hundred_requests(gateway):
    with gateway.client() as client:
        for _ in range(100):
            client.send(request(b"no JSON", headers=[("traceparent", PARENT)]))
            assert client.read().status == 400


def refusing_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def other_ca(tmp_path):
    """One that has signed nobody."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other",
                    "-keyout", tmp_path / "other.key", "-out", tmp_path / "other.pem"], capture_output=True, check=True)
    return tmp_path / "other.pem"


@pytest.mark.parametrize("fault", ["refuses", "hangs", "503", "partial", "garbage", "untrusted", "unresolved"])
def test_a_collector_that_fails_costs_spans_alone(make_gateway, kore, certs, fault, tmp_path):
    answer = {"hangs": None, "503": (503, b"{}"), "partial": (200, b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}'),
              "garbage": (200, b"\xff<html>")}.get(fault, (200, b"{}"))
    with Collector((certs / "kore.pem", certs / "kore.key") if fault == "untrusted" else None, answer) as collector:
        url = {"refuses": f"http://localhost:{refusing_port()}/v1/traces",
               "unresolved": "http://nowhere.invalid:4318/v1/traces"}.get(fault, collector.url)
        gateway = make_gateway(extra=exporting(url, f", ca: {other_ca(tmp_path)}" if fault == "untrusted" else ""))
        hundred_requests(gateway)
        assert gateway.post(seed_campaign()).status == 200
        if fault == "hangs":
            wait_for(lambda: collector.posts, "the batch that will hang")
            assert gateway.post(seed_campaign()).status == 200
        elif fault == "garbage":
            wait_for(lambda: collector.posts, "the first batch")      # the status is what counts
        else:
            wait_for(lambda: gateway.metric("traces_lost_total") >= 85, "the loss to be counted")
            assert len(gateway.events("traces-failing")) == 1
            assert gateway.events("traces-failing")[0]["endpoint"] == url
        began = time.monotonic()
        gateway.stop()
        assert time.monotonic() - began < 10      # a lookup, a hanging collector: nothing is waited for
        assert len(gateway.events("traces-failing")) <= 1
        if fault == "garbage":
            assert not gateway.events("traces-failing")


def test_a_collector_that_comes_back_is_told_again(make_gateway, kore):
    port = refusing_port()
    gateway = make_gateway(extra=exporting(f"http://localhost:{port}/v1/traces"))
    hundred_requests(gateway)
    wait_for(lambda: gateway.events("traces-failing"), "the failure")
    with Collector(port=port) as collector:
        hundred_requests(gateway)
        wait_for(lambda: gateway.events("traces-sent"), "the word that it works")
        gateway.stop()
        assert collector.spans()


# ---- configuration ----

MISTAKES = [
    ("trace: {sample: 1}", "'trace' has no 'endpoint'"), ("trace: {endpoint: 'localhost:4318'}", "is not where a collector takes traces"),
    ("trace: {endpoint: 'http://localhost:4318'}", "is not where"), ("trace: {endpoint: 'http://localhost:4318/'}", "is not where"),
    ("trace: {endpoint: 'http://a b:4318/v1/traces'}", "is not where"), ("trace: {endpoint: 'http://a:0/v1/traces'}", "is not where"),
    ("trace: {endpoint: 'http://u@a/v1/traces'}", "is not where"), ("trace: {endpoint: \"http://a/v1\\r\\nx: y\"}", "is not where"),
    ("trace: {endpoint: 'http://a/v1/traces', ca: ca.pem}", "'ca' has no effect"), ("trace: {endpoint: 'https://a/v1/traces', ca: no.pem}", "no.pem"),
    ("trace: {endpoint: 'http://a/v1/traces', sample: 1.1}", "is not a number from 0 to 1"),
    ("trace: {endpoint: 'http://a/v1/traces', sample: -1}", "is not a number"), ("trace: {endpoint: 'http://a/v1/traces', sample: .5}", "is not a number"),
    ("trace: {endpoint: 'http://a/v1/traces', sample: 0.1234567}", "is not a number"), ("trace: {endpoint: 'http://a/v1/traces', port: 1}", "unknown key")]


def test_a_mistake_is_told(tmp_path, certs):
    for extra, told in MISTAKES:
        check_mistake(tmp_path, certs, extra, told)


def check_mistake(tmp_path, certs, extra, told):
    gateway = Gateway(tmp_path, certs, 1, start=False, extra=extra)
    ran = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True)
    assert ran.returncode == 2 and told in ran.stdout + ran.stderr and "gateway.yaml:" in ran.stdout + ran.stderr


@pytest.mark.parametrize("trace", ["endpoint: 'http://[::1]:4318/v1/traces'", "endpoint: 'https://otel.example/a/b?c=d'",
                                   "endpoint: 'http://a/v1/traces', sample: 0.000001", "endpoint: 'http://a/v1/traces', sample: 1.0"])
def test_what_is_right_is_taken(tmp_path, certs, trace):
    gateway = Gateway(tmp_path, certs, 1, start=False, extra=f"trace: {{{trace}}}")
    ran = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr

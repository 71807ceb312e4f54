"""One trace: the caller's goes on to the upstream, into the journal, the access log and the spans."""
import re
import subprocess

import pytest

from harness import BINARY, request, seed_campaign, wait_for
from kore import Answer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def sent_on(kore):
    """The trace that the upstream was told: id, parent, flags."""
    parent, = kore.requests[-1].header("traceparent")
    return re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", parent).groups()


def state_sent_on(kore):
    return kore.requests[-1].header("tracestate")


# ---- what a caller may say ----

@pytest.mark.parametrize("parent, flags", [
    (PARENT, "01"), (f"00-{TRACE}-{SPAN}-00", "00"), (f"00-{TRACE}-{SPAN}-ff", "01"), (f" \t{PARENT}\t ", "01"),
    (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", "01"), (f"01-{TRACE}-{SPAN}-00-", "00")])
def test_the_callers_trace_goes_on(gateway, kore, parent, flags):
    assert gateway.post(seed_campaign(), headers=[("TraceParent", parent), ("tracestate", "a=1")]).status == 200
    trace, span, sent_flags = sent_on(kore)
    assert (trace, sent_flags) == (TRACE, flags) and span not in (SPAN, "0" * 16)
    assert state_sent_on(kore) == ["a=1"]
    gateway.stop()
    assert [r["trace_id"] for r in gateway.journal() if r["kind"] in ("decision", "outcome")] == [TRACE] * 2


@pytest.mark.parametrize("headers", [
    [], [""], ["00"], [f"00-{TRACE}-{SPAN}"], [f"00-{TRACE}-{SPAN}-01-"], [f"00-{TRACE}-{SPAN}-01-x"], [f"ff-{TRACE}-{SPAN}-01"],
    [f"00-{TRACE.upper()}-{SPAN}-01"], [f"00-{'0' * 32}-{SPAN}-01"], [f"00-{TRACE}-{'0' * 16}-01"], [f"00-{TRACE}-{SPAN}-1"],
    [f"cc-{TRACE}-{SPAN}-01.x"], [f"00-{TRACE[1:]}-{SPAN}-01"], [PARENT, PARENT], [f"{PARENT},{PARENT}"]],
    ids=lambda headers: "+".join(headers) or "none")
def test_another_begins_a_new_trace(gateway, kore, headers):
    headers = [("traceparent", value) for value in headers] + [("tracestate", "a=1")]
    assert gateway.post(seed_campaign(), headers=headers).status == 200
    trace, span, flags = sent_on(kore)
    assert trace not in (TRACE, "0" * 32) and span != SPAN and flags == "00" and state_sent_on(kore) == []
    gateway.stop()
    assert [r["trace_id"] for r in gateway.journal() if r["kind"] in ("decision", "outcome")] == [trace] * 2


@pytest.mark.parametrize("states, kept", [
    (["a=1,b@c=2", "d=3"], True), (["a=1 , b=2"], True), ([",".join(f"k{i}=1" for i in range(32))], True),
    ([",".join(f"k{i}=1" for i in range(33))], False), (["A=1"], False), (["a"], False), (["a=1", "b"], False), ([f"a={'x' * 257}"], False)],
    ids=range(8))
def test_a_state_goes_on_unless_it_is_none(gateway, kore, states, kept):
    gateway.post(seed_campaign(), headers=[("traceparent", PARENT)] + [("tracestate", state) for state in states])
    assert sent_on(kore)[0] == TRACE and state_sent_on(kore) == (states if kept else [])


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
    records = [record for record in gateway.journal() if record["kind"] in ("decision", "outcome")]
    assert len(records) == 5 and {record["trace_id"] for record in records} == {TRACE}


def test_a_trace_is_found_in_the_record(gateway, kore):
    answer = gateway.post(seed_campaign(), headers=[("traceparent", PARENT)])
    gateway.post(seed_campaign())
    gateway.stop()
    found = subprocess.run([BINARY, "audit", "search", "--config", gateway.config, "--text", TRACE],
                           capture_output=True, text=True)
    assert found.returncode == 0 and answer.header("x-decision-id")[:8] in found.stdout, found.stdout + found.stderr
    assert len([line for line in found.stdout.splitlines() if "allow" in line.lower()]) == 1, found.stdout


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
    assert all("919561612345" not in record["trace_id"] for record in gateway.journal() if record["kind"] in ("decision", "outcome"))

"""Each trap of the libraries: the gateway stays out of it, and a naive server falls into it.

Every probe goes to the gateway and to tests/naive, which is written as one first would on the same
libraries. The second half of a test shows that the first half is able to fail.

    T1   smuggled_request_is_refused, lenient_syntax_is_refused, chunked_body_in_any_spelling,
         pipelined, stray_line_end, target_in_pieces, way_the_bytes_arrive
    T2   second_request_waits, naive_second_request; calls_into_traps (pause, resume)
    T3   body_behind_an_early_refusal
    T4   nul_hides, trailers_without_value
    T5   answer_has_its_own_length, head_has_no_body, upstream_answer_without_body
    T6   calls_into_traps, missing_certificate, route_is_no_prefix, reset_does_not_spin (EV_CLOSED)
    T7   answer_survives_unread_input
    T8   slow_head_is_cut, wait_for_the_upstream
    T9   answer_is_one_record, small_answers_do_not_wait (TCP_NODELAY)
    T10  end_does_not_overtake
    T11  descriptors_run_out; test_limits: connections_fit_the_descriptors
    T12  ambiguous_answer, old_connection
    T13  create_is_not_sent_twice
    T14  json_is_judged_strictly, body_is_forwarded_as_it_came
    T15  json_bomb
    T16  client_that_does_not_read
    T17  test_reload: revoked_client_is_out, another_ca_ends_the_old_ones_sessions
    T18  client_gone_before_its_answer (SIGPIPE), libraries_are_linked
    T19  stderr_is_ours
    T20  calls_into_traps (regex, onig)
"""
import json
import os
import random
import re
import resource
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from harness import BINARY, DEADLINE, ROOT, TARGET, Client, Gateway, request, seed_campaign, wait_for
from kore import Answer, KoreHost

NAIVE = Path(BINARY).resolve().parent / "tests" / "naive"
SILENCE = 1        # seconds of nothing from the naive server until a test believes that it hangs
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
MIB = 1024 * 1024


# ---- the two servers and how they are talked to ----

class Naive:
    def __init__(self, directory, certs, *options, upstream_port=1, certificate=None):
        assert NAIVE.exists(), f"{NAIVE} is built with the tests (GATEWAY_TESTS)"
        self.certs = certs
        self.stderr_path = Path(directory) / "naive.log"
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [NAIVE, certificate or certs / "gateway.pem", certs / "gateway.key",
                 str(upstream_port), *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        self.port = json.loads(self.process.stdout.readline())["port"]

    def client(self):
        return Client(self.port, self.certs / "ca.pem")

    def end(self):
        self.process.kill()
        self.process.wait(DEADLINE)
        self.process.stdout.close()


@pytest.fixture
def make_naive(tmp_path, certs):
    started = []

    def make(*options, **more):
        directory = tmp_path / f"naive-{len(started)}"
        directory.mkdir()
        started.append(Naive(directory, certs, *options, **more))
        return started[-1]

    yield make
    for naive in started:
        naive.end()


@pytest.fixture
def naive(make_naive):
    return make_naive()


@pytest.fixture(scope="module")
def standing(tmp_path_factory, certs):
    """One gateway, host and naive server for the many small probes."""
    with KoreHost(certs / "kore.pem", certs / "kore.key") as host:
        gateway = Gateway(tmp_path_factory.mktemp("gateway"), certs, host.port, workers=1)
        naive = Naive(tmp_path_factory.mktemp("naive"), certs)
        yield gateway, naive, host
        naive.end()
        gateway.stop()


@pytest.fixture
def refusing(standing):
    """Both servers; afterwards nothing has been forwarded, and one request decided on."""
    gateway, naive, host = standing
    forwarded, decided = len(host.requests), len(gateway.decisions())
    yield gateway, naive
    assert len(host.requests) == forwarded, "the probe got through"
    assert len(gateway.decisions()) == decided + 1


def converse(server, *pieces, patience=DEADLINE):
    """Sends piece after piece, each when the one before has been answered.

    None stands for one that was not: the connection ended, or `patience` with the last one did."""
    answers = []
    with server.client() as client:
        for number, piece in enumerate(pieces, 1):
            try:
                client.sock.settimeout(patience if number == len(pieces) else DEADLINE)
                client.send(piece)
                answers.append(client.read())
            except (OSError, EOFError):
                answers.append(None)
    return answers


def bodies(answers):
    return [answer and answer.body for answer in answers]


def expect_refused(answers, statuses=range(400, 600)):
    """One readable refusal, and nothing behind it."""
    first, *others = answers
    assert first is not None, "refused without a word"
    assert first.status in statuses and len(first.codes()) == 1
    assert first.header("content-type") == "application/problem+json"
    assert first.header("connection") == "close"
    assert others == [None] * len(others), "something behind the refusal was answered"


def head(line, *fields, host=True):
    """A head in bytes, \\xff and NUL included."""
    lines = [line, *(["Host: a"] if host else []), *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def post(*fields, path="/first", version="HTTP/1.1"):
    return head(f"POST {path} {version}", *fields)


def get(path, *fields):
    return head(f"GET {path} HTTP/1.1", *fields)


CHUNKED = post("Transfer-Encoding: chunked")


def cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_line(process, name):
    text = Path(f"/proc/{process.pid}/status").read_text()
    return re.search(rf"^{name}:\s*(\S+)", text, re.MULTILINE)[1]


def peak_bytes(process):
    return int(status_line(process, "VmHWM")) * 1024


def spins(process):
    """Is it busy, in half a second in which there is nothing to do?"""
    before = cpu_seconds(process)
    time.sleep(0.5)
    return cpu_seconds(process) - before > 0.1


# With sanitizers freed memory stays in a quarantine; peaks would tell about that.
LEAN = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}


# ---- T1: what the parser believes ----

BODY = len(SMUGGLED)


@pytest.mark.parametrize("first, length", [
    pytest.param(post(f"Content-Length: {BODY}", "Content-Length: 0"), 0, id="two-lengths"),
    pytest.param(post(f"Content-Length: {BODY + 5}", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 0,
                 id="length-then-chunked"),
    pytest.param(post("Transfer-Encoding: chunked", f"Content-Length: {BODY + 5}") + b"0\r\n\r\n", 0,
                 id="chunked-then-length"),
    *(pytest.param(post(f"Transfer-Encoding: {value}"), 0, id=f"coding-{value}")
      for value in ("xchunked", "gzip, chunked", "identity", '"chunked"', "chunked;q=1", ",chunked")),
    pytest.param(post("Transfer-Encoding : chunked"), 0, id="space-behind-a-name"),
    pytest.param(post(f"Content-Length : {BODY}"), 0, id="space-behind-length"),
    pytest.param(post(f"Content-Length\0: {BODY}"), 0, id="nul-behind-length"),
    pytest.param(post("Content-Length:"), 0, id="empty-length"),
    pytest.param(post("Transfer-Encoding: chun\r\n\tked") + b"0\r\n\r\n", 0, id="folded-coding"),
    pytest.param(post("Content-Length: 1\r\n\t0") + b"0123456789", 10, id="folded-length"),
    pytest.param(CHUNKED + b"10000000000000005\r\nabcde\r\n0\r\n\r\n", 5, id="chunk-size-wraps"),
    pytest.param(CHUNKED + b"\xff5\r\nabcde\r\n0\r\n\r\n", 5, id="chunk-size-8-bit"),
    pytest.param(CHUNKED + b"\x80\r\n\r\n", 0, id="last-chunk-8-bit"),
    pytest.param(CHUNKED + b"0\r\nA: b\r\n" + SMUGGLED, 0, id="request-among-trailers"),
])
def test_t01_smuggled_request_is_refused(refusing, first, length):
    gateway, naive = refusing
    assert bodies(converse(naive, first, SMUGGLED))[:2] == [b"/first %d" % length, b"/smuggled 0"]
    expect_refused(converse(gateway, first, SMUGGLED))


@pytest.mark.parametrize("first, seen", [
    pytest.param(get("/first", "X y: z"), b"/first 0", id="space-in-a-name"),
    pytest.param(get("/first", "X\xe4: z"), b"/first 0", id="8-bit-name"),
    pytest.param(get("/first", "X: \x01"), b"/first 0", id="control-in-a-value"),
    pytest.param(head("GET /first HTTP/1.1", host=False), b"/first 0", id="no-host"),
    pytest.param(get("/first", "Host: b"), b"/first 0", id="two-hosts"),
    pytest.param(head("GET http://b/first HTTP/1.1"), b"/first 0", id="another-authority"),
    pytest.param(get("/fi\x01rst"), b"/fi\x01rst 0", id="control-in-the-target"),
    pytest.param(get("/first\xff"), b"/first\xff 0", id="8-bit-target"),
    pytest.param(head("FOO /first HTTP/1.1"), b"/first 0", id="unknown-method"),
    pytest.param(get("/first", *["X: y"] * 5000), b"/first 0", id="5000-headers"),
    pytest.param(post("Expect: junk", "Content-Length: 1"), b"", id="unknown-expectation"),
])
def test_t01_lenient_syntax_is_refused(refusing, first, seen):
    gateway, naive = refusing
    assert bodies(converse(naive, first)) == [seen]
    expect_refused(converse(gateway, first, SMUGGLED))


@pytest.mark.parametrize("line, naive_answer", [
    ("GET /first HTTP/9.9", b"HTTP/9.9 200 OK"),
    ("GET /first HTTP/1.257", b"HTTP/1.1 200 OK"),
    ("GET /first", b""),
])
def test_t01_versions_are_two(refusing, line, naive_answer):
    gateway, naive = refusing
    with naive.client() as client:
        client.send(head(line))
        patience = DEADLINE if naive_answer else SILENCE
        assert first_bytes_within(client, patience).split(b"\r\n")[0] == naive_answer
    expect_refused(converse(gateway, head(line), SMUGGLED), statuses=(400, 505))


def first_bytes_within(client, seconds):
    """What comes first; nothing, if nothing does."""
    client.sock.settimeout(seconds)
    try:
        return client.sock.recv(65536)
    except (OSError, EOFError):
        return b""


def chunked_campaign(coding):
    body = json.dumps(seed_campaign()).encode()
    return (request(b"", headers=[("Transfer-Encoding", coding)], length=False)
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)), body


@pytest.mark.parametrize("coding", ["CHUNKED", "chunked \t", "cHuNkEd"])
def test_t01_chunked_body_in_any_spelling(gateway, kore, naive, coding):
    data, body = chunked_campaign(coding)
    assert converse(gateway, data)[0].status == 200
    assert kore.requests[0].body == body
    # the naive server takes the body for the next request: here a well-formed one
    first, second = converse(naive, post(f"Transfer-Encoding: {coding}"), SMUGGLED)
    assert (first.body, second.body) == (b"/first 0", b"/smuggled 0")


def test_t01_pipelined_requests_are_all_answered(gateway, kore, naive):
    with gateway.client() as client:
        client.send(request(seed_campaign()) * 3 + get("/nothing-here"))
        assert [client.read().status for _ in range(4)] == [200, 200, 200, 404]
    with naive.client() as client:
        client.send(get("/1") + get("/2"))
        assert client.read().body == b"/1 0"
        assert first_bytes_within(client, SILENCE) == b""      # the second waits for bytes that need not come


def test_t01_stray_line_end_behind_a_body(gateway, naive):
    first = post("Content-Length: 1") + b"x\r\n"
    assert [a.status for a in converse(gateway, request(seed_campaign()) + b"\r\n", get("/2"))] == [200, 404]
    assert bodies(converse(naive, first, get("/2"), patience=SILENCE)) == [b"/first 1", None]


# ---- T1: how the bytes arrive ----

class Cut:
    """A TLS socket whose records and segments are cut where the test says."""

    def __init__(self, port, ca):
        context = ssl.create_default_context(cafile=ca)
        self.raw = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.into, self.out, self.received = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
        self.tls = context.wrap_bio(self.into, self.out, server_hostname="localhost")
        self.settimeout, self.close = self.raw.settimeout, self.raw.close
        self.until_done(self.tls.do_handshake)
        self.raw.sendall(self.out.read())

    def until_done(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                if self.out.pending:
                    self.raw.sendall(self.out.read())
                piece = self.raw.recv(65536)
                self.received += piece
                if piece:
                    self.into.write(piece)
                else:
                    self.into.write_eof()

    def recv(self, size):
        return self.until_done(lambda: self.tls.read(size))

    def sendall(self, data):
        self.tls.write(data)
        self.raw.sendall(self.out.read())

    def send_cut(self, records, segments, pause):
        """Each of `records` is one; what they become is sent in `segments` writes or so."""
        for record in records:
            self.tls.write(record)
        for segment in cut(self.out.read(), segments):
            self.raw.sendall(segment)
            time.sleep(pause)      # so that most are read apart; no answer depends on it


def cut(data, cuts):
    """At these places; or at so many places, by chance."""
    if isinstance(cuts, int):
        cuts = random.sample(range(1, len(data)), min(cuts, len(data) - 1))
    places = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in zip(places, places[1:])]


def cut_client(server):
    client = Client.__new__(Client)
    client.sock, client.pending = Cut(server.port, server.certs / "ca.pem"), b""
    return client


def story(server, data, records=(), segments=0):
    """All answers to `data`, which ends its connection, as (status, code or what was echoed)."""
    told = []
    with cut_client(server) as client:
        client.sock.settimeout(SILENCE if isinstance(server, Naive) else DEADLINE)
        try:
            client.sock.send_cut(cut(data, records), segments, 0.0003)
        except OSError:
            pass      # it had heard enough; what it said is there to be read
        try:
            while True:
                answer = client.read()
                if answer.status != 100:      # whether it is needed depends on the bytes' arrival
                    told.append((answer.status, tell(answer)))
        except (OSError, EOFError):
            return told


def tell(answer):
    problem = (answer.header("content-type") or "").startswith("application/problem")
    return answer.codes() if problem else answer.body if len(answer.body) < 100 else b"..."


LAST = get("/last", "Connection: close")
SINGLE = [get(f"/{'abcdefgh' * n}?q={n}", "X: " + "y" * n, "Connection: close") for n in range(1, 13)]


def corpus():
    """Sixty connections' worth of requests, good and bad; each ends its connection."""
    bad = seed_campaign()
    bad["priority"] = "9"
    good, refused, chunked = request(seed_campaign()), request(bad), chunked_campaign("chunked")[0]
    fields = [f"Content-Length: {v}" for v in ("+5", "-1", "0x5", "5,5", "9" * 21, "", "300000")]
    fields += [f"Transfer-Encoding: {v}" for v in ("xchunked", "gzip, chunked", "identity", ",chunked")]
    fields += ["Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nTransfer-Encoding: chunked",
               "Content-Length : 5", "X: a\r\n b", "X: a\r\n\tb", "X\0: a", "X: \0", "X y: a", ": a",
               "no colon", "X: a\rb", "X: a\nb", "Host: b", "Expect: junk"]
    lines = ["GET /", "GET / HTTP/1.2", "GET / HTTP/9.9", "get / HTTP/1.1", "FOO / HTTP/1.1",
             "GET http://b/ HTTP/1.1", "GET  / HTTP/1.1", "GET /\xff HTTP/1.1", "GET /\0 HTTP/1.1",
             "GET / HTTP/1.1 ", " GET / HTTP/1.1"]
    chunks = [b"5\r\nabcdeX", b"10000000000000005\r\n", b"\xff5\r\n", b"5 \r\n", b"0x5\r\n", b"-5\r\n",
              b"0\r\nContent-Length: 5\r\n\r\n", b"0\r\nno colon\r\n\r\n", b"5\n"]
    return SINGLE + [
        good + LAST, refused + LAST, good + refused + good + LAST, chunked + LAST, chunked + good + LAST,
        b"\r\n" + good + b"\r\n" + LAST, get("/x") * 3 + LAST, head("GET / HTTP/1.0"),
        request(seed_campaign(), headers=[("Expect", "100-continue")]) + LAST,
        request(seed_campaign(), headers=[("Connection", "close")]) + good,
        good.replace(b"HTTP/1.1", b"HTTP/1.0", 1) + good, good + head("GET / HTTP/1.1", "X: a\r\n b"),
    ] + [post(field) + SMUGGLED for field in fields] + [head(line) + SMUGGLED for line in lines] \
        + [CHUNKED + chunk + SMUGGLED for chunk in chunks]


def test_t01_the_way_the_bytes_arrive_changes_nothing(gateway, kore, naive):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    random.seed(seed)
    for data in corpus():
        whole = story(gateway, data)
        assert whole, f"no answer at all to {data!r}"
        for _ in range(3):
            records = random.sample(range(1, len(data)), min(len(data) - 1, random.randrange(8)))
            assert story(gateway, data, records, random.randrange(8)) == whole, (data, sorted(records))
    assert any(story(naive, data, random.sample(range(1, len(data) - 1), 6)) != story(naive, data)
               for data in SINGLE * 5), "the probe does not split anything"


def test_t01_target_in_pieces_stays_as_it_is(gateway, naive):
    data = SINGLE[3]
    cuts = [8, 16, 24]
    assert story(gateway, data, cuts) == [(404, ["route-not-found"])] == story(gateway, data)
    assert story(naive, data) == [(200, b"/" + b"abcdefgh" * 4 + b" 0")]
    wait_for(lambda: story(naive, data, cuts) != story(naive, data), "the target to be corrupted")


# ---- T2, T3, T4, T5 ----

def test_t02_second_request_waits_while_the_first_is_answered(gateway, kore):
    kore.script.append(Answer(delay=0.3))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        wait_for(lambda: kore.requests, "the first request to arrive upstream")
        client.send(get("/second"))
        assert [client.read().status, client.read().status] == [200, 404]


def test_t02_naive_second_request_ends_the_first(naive):
    def first_is_lost():
        with naive.client() as client:
            client.send(get("/later"))
            first_bytes_within(client, 0.1)      # so that the two are read apart
            client.send(get("/second"))
            return first_bytes_within(client, DEADLINE) == b""
    wait_for(first_is_lost, "the first request to be lost")


def test_t03_body_behind_an_early_refusal_is_not_a_request(make_gateway, kore, naive):
    gateway = make_gateway(limits=f", body: {BODY}")
    assert bodies(converse(naive, post(f"Content-Length: {BODY}", path="/early"), SMUGGLED)) \
        == [b"", b"/smuggled 0"]
    expect_refused(converse(gateway, post(f"Content-Length: {BODY + 1}"), SMUGGLED), statuses=(413,))
    assert [decision["code"] for decision in gateway.decisions()] == ["body-too-large"]


@pytest.mark.parametrize("first, seen", [
    (get("/open\0/../secret"), b"/open 0"),
    (get("/headers", "X\0-Hidden: a", "Y: b"), None),
    (get("/headers", "X: a\0hidden"), None),
])
def test_t04_nul_hides_nothing(refusing, first, seen):
    gateway, naive = refusing
    answer, = converse(naive, first)
    assert answer.body == seen if seen else b"idden" not in answer.body
    expect_refused(converse(gateway, first), statuses=(400,))


def test_t04_trailers_without_value_are_survived(gateway, kore, naive):
    trailers = b"0\r\nA: b\r\nEmpty:\r\n\r\n"
    data, body = chunked_campaign("chunked")
    assert converse(gateway, data.replace(b"0\r\n\r\n", trailers))[0].status == 200
    assert kore.requests[0].body == body and kore.requests[0].header("a") == []
    converse(naive, post("Transfer-Encoding: chunked", path="/headers") + trailers)
    assert naive.process.wait(DEADLINE) != 0


def test_t05_answer_has_its_own_length(gateway, naive):
    fields = ("Content-Type: multipart", "Content-Length: 2")
    expect_refused(converse(gateway, post(*fields) + b"{}", get("/second")))
    with naive.client() as client:
        client.send(post(*fields) + b"{}")
        assert client.read().header("content-length") == "0"
        client._more()
        assert client.pending == b"/first 2"      # where a client looks for the next answer


def test_t05_head_has_no_body(gateway, naive):
    for server, stray in ((gateway, b""), (naive, b"/ 0")):
        with server.client() as client:
            client.send(head("HEAD / HTTP/1.1"))
            assert client.read(head_request=True).status in (200, 404)
            client.send(get("/second"))
            assert client._until(b"HTTP/1.1 ") == stray


@pytest.mark.parametrize("status", [204, 304])
def test_t05_upstream_answer_without_body_gets_none(make_gateway, make_naive, kore, certs, status):
    gateway = make_gateway(workers=1)
    raw = Answer(raw=f"HTTP/1.1 {status} Fine\r\nContent-Length: 5\r\n\r\n".encode())
    kore.script.append(raw)
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        assert client.read().status == status
        client.send(get("/second"))
        assert client.read().status == 404
    with upstream_of_naive(certs, raw) as host:
        naive = make_naive(upstream_port=host.port)
        with naive.client() as client:      # what a HEAD would do to it, 204 and 304 do as well
            client.send(FORWARD)
            assert client.read().status == status


# ---- T6, T2, T18, T20: what is called at all ----

TRAPS = {
    "pausing": r"evhtp_(request|connection)_(pause|resume)",
    "evhtp's TLS": r"evhtp_ssl_\w+",
    "evhtp's threads": r"evhtp_use_threads\w*",
    "evhtp's routes": r"evhtp_set_(cb|gencb|regex_cb|glob_cb)|evhtp_callback_\w+",
    "evhtp's answers": r"evhtp_send_\w+|evhtp_headers?_\w+",
    "evhttp": r"evhttp_\w+",
    "evdns": r"evdns_\w+",
    "bufferevents on TLS": r"bufferevent_openssl_\w+",
    "cJSON where it is lenient": r"cJSON_(Parse|GetObjectItem|Print\w*|Compare|Minify)",
}
# The naive server has no use for these; none of them may come in all the same.
OTHER_TRAPS = (r"evhtp_(make_request|connection_(ssl_)?new\w*)|reg(comp|exec)|onig\w*|"
               r"cJSON(Utils)?_\w*Patch\w*|bufferevent_(read|write|set_timeouts)")


def calls(binary):
    """The functions of shared libraries that the binary refers to."""
    output = subprocess.run(["nm", "-D", "--undefined-only", binary], check=True, text=True,
                            capture_output=True).stdout
    return [line.split()[-1].split("@")[0] for line in output.splitlines()]


def matching(names, pattern):
    return [name for name in names if re.fullmatch(pattern, name)]


def test_t06_no_calls_into_traps():
    ours, others = calls(BINARY), calls(NAIVE)
    assert "evhtp_accept_socket" in ours      # the list is one
    for trap, pattern in TRAPS.items():
        assert matching(others, pattern), f"the naive server does not show what {trap} looks like"
        assert not matching(ours, pattern), trap
    assert not matching(ours, OTHER_TRAPS)


FORBIDDEN_WORDS = re.compile(r"\bEV_CLOSED\b|\bEVHTP_RES_PAUSE\b|<regex\.h>|onigposix|IGNORE_UNEXPECTED_EOF")


def code_of(path):
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)


def test_t06_no_words_that_call_for_traps():
    assert FORBIDDEN_WORDS.search(code_of(ROOT / "tests/naive/naive.c"))
    for path in (ROOT / "gateway").rglob("*.[ch]"):
        assert not FORBIDDEN_WORDS.search(code_of(path)), path


def test_t06_missing_certificate_prevents_the_start(tmp_path, make_naive, certs):
    naive = make_naive(certificate="/nonexistent.pem")      # listens, as if all were well
    with pytest.raises(OSError):
        naive.client()
    gateway = Gateway(tmp_path, certs, 1, start=False)
    gateway.config.write_text(gateway.config.read_text().replace("gateway.pem", "nonexistent.pem"))
    run = subprocess.run([BINARY, "run", "--config", gateway.config], capture_output=True, text=True,
                         timeout=DEADLINE)
    assert run.returncode == 2 and "certificate" in run.stderr


def test_t06_a_route_is_no_prefix(gateway, kore, naive):
    target = TARGET.replace("/campaign?", "/campaigns?")
    assert gateway.post(seed_campaign(), target=target).status == 404
    assert kore.requests == []
    answer, = converse(naive, post("Content-Length: 2", path="/jsonandmore") + b"{}")
    assert answer.body == b"\n{}"      # the handler of /json


def reset(client):
    """Leaves with a RST."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.sock.close()


def test_t06_a_reset_does_not_spin(gateway, kore, naive):
    kore.script.append(Answer(delay=1))
    client = gateway.client()
    client.send(request(seed_campaign()))
    wait_for(lambda: kore.requests, "the request to arrive upstream")
    reset(client)
    assert not spins(gateway.process)

    def naive_spins():
        client = naive.client()
        client.send(get("/watched"))
        first_bytes_within(client, 0.1)      # it is being watched by now, or at the next try
        reset(client)
        return spins(naive.process)
    wait_for(naive_spins, "the naive server to spin")


# ---- T7, T8, T9, T10, T11 ----

def ended_well(client, data):
    """Sends, then reads: was there an answer, and behind it an orderly end?"""
    try:
        client.send(data)
        client.read()
        client.sock.unwrap()      # fails unless the peer has said close_notify, or will
        return True
    except (OSError, EOFError):
        return False


@pytest.mark.parametrize("last", ["Connection: close", "Connection: Close, x"])
def test_t07_answer_survives_unread_input(gateway, kore, naive, last):
    unread = b"y" * 200_000
    campaign = request(seed_campaign(), headers=[tuple(last.split(": "))])
    for _ in range(5):
        with gateway.client() as client:
            assert ended_well(client, campaign + unread)

    def naive_breaks():
        with naive.client() as client:
            return not ended_well(client, post("Content-Length: 1", "Connection: close") + b"x" + unread)
    wait_for(naive_breaks, "the naive server to reset a connection")


def drip(client, data):
    """A byte each 50 ms: slower than a deadline in all, faster than one for each byte."""
    for byte in data:
        client.send(bytes([byte]))
        time.sleep(0.05)


def test_t08_slow_head_is_cut(make_gateway, make_naive):
    gateway = make_gateway(limits=", head_timeout: 300ms")
    naive = make_naive("timeouts")      # the same 300 ms, as libevhtp understands them
    with naive.client() as client:
        begun = time.monotonic()
        drip(client, get("/"))
        assert client.read().status == 200 and time.monotonic() - begun > 1
    with gateway.client() as client:
        drip(client, get("/")[:15])
        assert client.read().status == 408
        assert client.at_end()


def test_t08_wait_for_the_upstream_is_no_silence_of_the_client(make_gateway, make_naive, kore):
    kore.script.append(Answer(delay=0.7))
    deadlines = (f"{name}_timeout: 300ms" for name in ("head", "body", "idle", "write"))
    gateway = make_gateway(limits=", " + ", ".join(deadlines))
    assert gateway.post(seed_campaign()).status == 200
    assert converse(make_naive("timeouts"), get("/later")) == [None]


def records_of_second_answer(server):
    """The first answer brings the session tickets along."""
    with cut_client(server) as client:
        client.send(get("/1"))
        client.read()
        client.sock.received = b""
        client.send(get("/2"))
        client.read()
        data, count = client.sock.received, 0
    while data:
        count, data = count + 1, data[5 + int.from_bytes(data[3:5], "big"):]
    return count


def test_t09_answer_is_one_record(gateway, naive):
    assert records_of_second_answer(gateway) == 1
    assert records_of_second_answer(naive) == 2


def median_round_trip(server):
    times = []
    with server.client() as client:
        for _ in range(11):
            begun = time.monotonic()
            client.send(get("/1"))
            client.read()
            times.append(time.monotonic() - begun)
    return sorted(times)[len(times) // 2]


@pytest.fixture
def quick_directory():
    """In memory where that is possible, so that a slow disk does not look like a slow network."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield directory


def test_t09_small_answers_do_not_wait_for_acknowledgements(make_gateway, naive, quick_directory):
    gateway = make_gateway(audit=f"{quick_directory}/audit")
    assert median_round_trip(gateway) < 0.03
    assert median_round_trip(naive) > 0.03      # Linux delays an acknowledgement by 40 ms
    gateway.stop()


class OneSegmentHost:
    """Answers each call so that the last record and close_notify arrive together."""

    def __init__(self, certs, records):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certs / "kore.pem", certs / "kore.key")
        self.records, self.calls = records, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                try:
                    self.serve(sock)
                except (OSError, EOFError):
                    pass

    def serve(self, sock):
        sock.settimeout(DEADLINE)
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(into, out, server_side=True)
        handshaken, seen = False, b""
        while not self.is_complete(seen):
            try:
                if handshaken:
                    seen += tls.read(65536)
                else:
                    tls.do_handshake()
                    handshaken = True
            except ssl.SSLWantReadError:
                sock.sendall(out.read())
                into.write(self.receive(sock))
        self.calls += 1
        for record in self.records:
            tls.write(record)
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:
            pass      # said; what the other side says does not matter here
        sock.sendall(out.read())
        sock.recv(65536)      # the other side's end: closing before would be a reset

    @staticmethod
    def receive(sock):
        piece = sock.recv(65536)
        if not piece:
            raise EOFError
        return piece

    @staticmethod
    def is_complete(seen):
        text, end, body = seen.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", text)
        return bool(end) and length is not None and len(body) >= int(length[1])


@pytest.mark.parametrize("first, last", [(6000, 100), (7000, 100), (5000, 1000)])
def test_t10_end_does_not_overtake_the_last_data(make_gateway, make_naive, certs, first, last):
    start = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (first + last)
    records = [start + b"x" * first, b"y" * last]
    with OneSegmentHost(certs, records) as host:
        answer = make_gateway(upstream_port=host.port).post(seed_campaign())
        assert (answer.status, len(answer.body), host.calls) == (200, first + last, 1)
    with OneSegmentHost(certs, records) as host, make_naive(upstream_port=host.port).client() as client:
        client.send(FORWARD)
        wait_for(lambda: host.calls > 1, "the naive server to think the whole answer cut")


def test_t11_descriptors_run_out_without_a_spin(gateway, kore, naive):
    for server, expected in ((naive, True), (gateway, False)):
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (40, 40))
        crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(80)]
        wait_for(lambda: descriptor_count(server.process) == 40, "descriptors to run out")
        assert spins(server.process) == expected
        for sock in crowd:
            sock.close()
    wait_for(lambda: serves(gateway), "new clients to be served")


def serves(gateway):
    try:
        return gateway.post(seed_campaign()).status == 200
    except (OSError, EOFError):
        return False      # not even accepted yet


# ---- T12, T13: the other side ----

FORWARD = post("Content-Length: 2", path="/forward") + b"{}"
OK = b"HTTP/1.1 200 OK\r\n"
BRACES = OK + b"Content-Length: 2\r\n\r\n{}"
POISON = OK + b"Content-Length: 6\r\n\r\npoison"


def upstream_of_naive(certs, *script):
    host = KoreHost(certs / "kore.pem", certs / "kore.key", default=Answer(body=b"default"))
    host.script.extend(script)
    return host


@pytest.mark.parametrize("raw, ours, theirs", [
    # the gateway's status for the first call; what the naive server gives for the first and the second
    pytest.param(BRACES + POISON, 200, [(200, b"{}"), (200, b"poison")], id="a-second-answer"),
    pytest.param(OK + b"Content-Length: 2\r\nContent-Length: 50\r\n\r\n{}" + POISON, 502,
                 [(200, b"{}"), (200, b"poison")], id="two-lengths"),
    pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 502,
                 [(200, b"{}"), (200, b"second")], id="unknown-coding"),
    pytest.param(OK + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 502, [None],
                 id="coding-almost-chunked"),
    pytest.param(OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 502,
                 [(200, b"second"), (200, b"default")], id="length-and-chunked"),
    pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + BRACES, 200,
                 [(103, b""), (200, b"{}")], id="early-hints"),
    pytest.param(b"HTTP/1.1 101 Switching\r\n\r\n" + POISON, 502, [(101, b""), (200, b"poison")],
                 id="switching"),
    pytest.param(BRACES.replace(b"\r", b""), 502, [(200, b"{}"), (200, b"second")], id="bare-line-feeds"),
    pytest.param(OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", 502,
                 [(200, b"{}"), (200, b"second")], id="folded"),
    pytest.param(OK + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}", 502,
                 [(200, b"{}"), (200, b"second")], id="nul"),
    pytest.param(OK + b"Content-Length: +2\r\n\r\n{}", 502, [(200, b"{}"), (200, b"second")],
                 id="signed-length"),
])
def test_t12_ambiguous_answer(standing, make_naive, certs, raw, ours, theirs):
    gateway, _, kore = standing
    script, forwarded = [Answer(raw=raw), Answer(body=b"second")], len(kore.requests)
    kore.script[:] = script
    first, second = converse(gateway, request(seed_campaign()), request(seed_campaign()))
    assert first.status == ours and (ours == 502) == (first.body != b"{}")
    assert (second.status, second.body) == (200, b"second")
    assert len(kore.requests) == forwarded + 2
    with upstream_of_naive(certs, *script) as host:
        naive = make_naive(upstream_port=host.port)
        answers = converse(naive, *[FORWARD] * len(theirs), patience=DEADLINE if all(theirs) else SILENCE)
        assert [a and (a.status, a.body) for a in answers] == theirs


@pytest.mark.parametrize("raw", [
    pytest.param(BRACES.replace(b"1.1", b"1.0"), id="http-1.0"),
    pytest.param(OK + b"Connection: x, Close\r\nContent-Length: 2\r\n\r\n{}", id="close-in-a-list"),
])
def test_t12_old_connection_is_not_used_again(make_gateway, make_naive, kore, certs, raw):
    script = [Answer(raw=raw), Answer(body=b"second")]
    kore.script.extend(script)
    answers = converse(make_gateway(workers=1), request(seed_campaign()), request(seed_campaign()))
    assert bodies(answers) == [b"{}", b"second"] and kore.connections == 2
    with upstream_of_naive(certs, *script) as host:
        assert bodies(converse(make_naive(upstream_port=host.port), FORWARD, FORWARD)) == [b"{}", b"second"]
        assert host.connections == 1


def test_t13_create_is_not_sent_twice(make_gateway, make_naive, kore, certs):
    script = [Answer(body=b"{}"), Answer(close_before=True)]
    kore.script.extend(script)
    first, second = converse(make_gateway(workers=1), request(seed_campaign()), request(seed_campaign()))
    assert (first.status, second.status, second.json()["created"]) == (200, 502, "unknown")
    assert len(kore.requests) == 2
    with upstream_of_naive(certs, *script) as host:
        assert converse(make_naive(upstream_port=host.port), FORWARD, FORWARD)[1].status == 200
        assert len(host.requests) == 3


# ---- T14, T15: JSON ----

SEED = json.dumps(seed_campaign()).encode()
NAME = json.dumps(seed_campaign()["name"]).encode()


def named(name):
    """The seed with this between the quotes of its name."""
    return SEED.replace(b'"name": ' + NAME, b'"name": "' + name + b'"', 1)


def json_request(body, path="/json"):
    return post(f"Content-Length: {len(body)}", path=path) + body


def naive_name(naive, body):
    """The name that the naive server finds in a body it thinks is fine."""
    answer, = converse(naive, json_request(body))
    assert answer.status == 200
    return answer.body.split(b"\n")[0]


@pytest.mark.parametrize("body, code, name", [
    pytest.param(b'{"name": "hidden", ' + SEED[1:], "json-duplicate-key", b"hidden", id="duplicate-key"),
    pytest.param(b'{"na\\u006de": "hidden", ' + SEED[1:], "json-duplicate-key", b"hidden",
                 id="escaped-duplicate"),
    pytest.param(SEED + b" {}", "json-trailing-bytes", NAME[1:-1], id="bytes-behind"),
    pytest.param(named(b"c\\u0000hidden"), "json-nul", b"c", id="escaped-nul"),
    pytest.param(named(b"c\thidden"), "json-control-character", b"c\thidden", id="raw-control"),
    pytest.param(named(b"c\xff"), "json-utf8", b"c\xff", id="not-utf-8"),
    pytest.param(named(b"c\xc0\xaf"), "json-utf8", b"c\xc0\xaf", id="overlong-utf-8"),
    pytest.param(b'{"n": 01, ' + SEED[1:], "json-number", NAME[1:-1], id="leading-zero"),
    pytest.param(b'{"n": 1., ' + SEED[1:], "json-number", NAME[1:-1], id="no-fraction"),
    pytest.param(b"\xef\xbb\xbf" + SEED, "json-byte-order-mark", NAME[1:-1], id="byte-order-mark"),
    pytest.param(b"\f" + SEED, "json-syntax", NAME[1:-1], id="form-feed"),
    pytest.param(SEED.replace(b'"name"', b'"NAME"', 1), "field-missing", NAME[1:-1], id="another-case"),
])
def test_t14_json_is_judged_strictly(refusing, body, code, name):
    gateway, naive = refusing
    answer = gateway.post(body)
    assert answer.status in (400, 422) and code in answer.codes()
    assert naive_name(naive, body) == name


def test_t14_body_is_forwarded_as_it_came(make_gateway, kore, naive):
    gateway = make_gateway(extra="contract: {allow_unknown_fields: true}")
    body = (b'\r\n{ "exact" :9007199254740993,"small":1e-2 ,"escaped":"\\u00e4\\/"  , ' + SEED[1:] + b"\n \t")
    assert gateway.post(body).status == 200
    assert kore.requests[0].body == body
    answer, = converse(naive, json_request(body))
    assert b"9007199254740993" not in answer.body and b"\\/" not in answer.body


def test_t15_json_bomb_costs_little(make_gateway, make_naive, kore):
    bombs = [b"[" + b"1," * (MIB // 2 - 2) + b"1]", b"[" + b"[]," * (MIB // 3 - 2) + b"[]]",
             b"{" + b",".join(b'"%d":1' % n for n in range(95_000)) + b"}"]
    gateway = make_gateway(limits=", body: 1MiB", environment=LEAN)
    assert gateway.post(seed_campaign()).status == 200
    before = peak_bytes(gateway.process)
    for bomb in bombs:
        assert gateway.post(bomb).codes()[0] in ("json-too-many-values", "json-too-many-keys")
    assert peak_bytes(gateway.process) - before < 16 * MIB
    naive = make_naive()
    before = peak_bytes(naive.process)
    with naive.client() as client:
        client.send(json_request(bombs[0]))
        assert client.read().status == 200
    assert peak_bytes(naive.process) - before > 30 * MIB


# ---- T16, T18, T19 ----

def test_t16_client_that_does_not_read_costs_little(make_gateway, naive, kore):
    gateway = make_gateway(workers=1, limits=", write_timeout: 300ms", environment=LEAN)
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        assert client.read().status == 200
        peak, descriptors = peak_bytes(gateway.process), descriptor_count(gateway.process)
        kore.default = Answer(body=b"x" * 1_000_000)
        client.send(request(seed_campaign()) * 20)
        wait_for(lambda: descriptor_count(gateway.process) < descriptors, "the client to be given up")
        assert peak_bytes(gateway.process) - peak < 24 * MIB
    with naive.client() as client:
        client.send(get("/1"))
        client.read()
        peak, descriptors = peak_bytes(naive.process), descriptor_count(naive.process)
        client.send(get("/big"))
        wait_for(lambda: peak_bytes(naive.process) - peak > 48 * MIB, "all of it to be in memory")
        assert descriptor_count(naive.process) == descriptors


def descriptor_count(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def ignores_sigpipe(process):
    return int(status_line(process, "SigIgn"), 16) >> 12 & 1 == 1


def test_t18_client_gone_before_its_answer(gateway, kore, make_naive):
    naive = make_naive("accept")
    assert ignores_sigpipe(gateway.process) and not ignores_sigpipe(naive.process)
    kore.script.append(Answer())
    kore.script.append(Answer(delay=0.3))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        client.read()
        client.send(request(seed_campaign()))
        wait_for(lambda: len(kore.requests) == 2, "the request to arrive upstream")
    wait_for(lambda: len(gateway.outcomes()) == 2, "the outcome")
    assert gateway.post(seed_campaign()).status == 200
    wait_for(lambda: killed_by_sigpipe(make_naive("accept")), "SIGPIPE")


def killed_by_sigpipe(naive):
    """Leaves between request and answer, unless the server was too slow to have seen the request."""
    with naive.client() as client:
        client.send(get("/1"))
        client.read()      # takes the session tickets along, so that closing is no reset
        client.send(get("/paused"))
        first_bytes_within(client, 0.1)
    try:
        return naive.process.wait(2) == -signal.SIGPIPE
    except subprocess.TimeoutExpired:
        return False


def needed(binary):
    output = subprocess.run(["readelf", "-d", binary], check=True, text=True, capture_output=True).stdout
    return re.findall(r"NEEDED.*\[lib([^.\]]+)", output)


def test_t18_libraries_are_linked_by_name():
    told = subprocess.run(["pkg-config", "--libs", "evhtp"], check=True, text=True, capture_output=True)
    assert told.stdout.split() == ["-levhtp"]      # which is not enough
    libraries = " ".join(needed(BINARY))
    for name in ("evhtp", "event", "ssl", "crypto", "cjson"):
        assert name in libraries
    assert "onig" not in libraries


def test_t19_stderr_is_ours_alone(gateway, kore, naive):
    probes = [get("/1") + get("/2"), b"\0" * 100, post("Content-Length: 5", "Content-Length: 6"),
              request(seed_campaign()) + b"\r\n\r\n", request(seed_campaign())[:200]]
    for probe in probes:
        with gateway.client() as client:
            client.send(probe)
            first_bytes_within(client, 0.1)
    gateway.stop()
    for line in gateway.stderr().splitlines():
        assert {"time", "level", "event"} <= set(json.loads(line)), line
    with naive.client() as client:
        client.send(probes[0])
        wait_for(lambda: b"\x1b[" in naive.stderr_path.read_bytes(), "a line in colours")

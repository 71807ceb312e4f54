"""One run of the gateway in which something fails, and what must be true of it all the same.

    sites()     every fallible call that the scenario reaches, from a run in which all goes well
    Rack        a stand-in host, certificates and a place for the runs
    Rack.run()  plays the scenario with one fault; answers what was wrong, as sentences
"""
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/kore")]

import harness  # noqa: E402
from harness import ACCOUNT, POLICY, STREAM, request, seed_campaign  # noqa: E402
from kore import Answer, KoreHost  # noqa: E402

BINARY = os.environ.get("TORTURE_GATEWAY", str(ROOT / "build/asan/tests/torture_gateway"))
HOWS = ("once", "site", "dry", "short")
LASTING = ("site", "dry")
PASSING = {"poll", "epoll_wait"}    # interrupted, which does not last
SHORTABLE = {"write", "pwrite", "send"}
STEP_SECONDS = 4           # for a client's step; every deadline of the gateway is shorter
LASTING_SECONDS = 1        # when memory is gone for good, nobody is answered, and that is fine
END_SECONDS = 6            # from TERM to the end
CONFIG = """listen: 127.0.0.1:0
workers: 1
tls:
  certificate: {certs}/gateway.pem
  key: {certs}/gateway.key
  more_certificates: [{{certificate: {certs}/kore.pem, key: {certs}/kore.key}}]
  client_certificates: optional
  client_ca: ca.pem
upstream: {{url: "https://localhost:{port}", ca: {certs}/ca.pem, connect_timeout: 500ms, first_byte_timeout: 150ms, total_timeout: 400ms}}
tenants:
  - {{account_id: {account}, stream_id: {stream}}}
callers: callers.yaml
admin: {{listen: 127.0.0.1:0}}
policies: [policies]
audit: {{directory: audit, segment_size: 4KiB}}
contract: {{sender_ids: [BRAND]}}
limits: {{handshake_timeout: 500ms, idle_timeout: 2s, head_timeout: 100ms, body_timeout: 150ms, write_timeout: 500ms, drain_timeout: 2s, connections_per_client: 500}}
"""
KEY = "a key of the torture's own"
CALLERS = f"""certificates: [{{uri: "spiffe://example.org/team/billing", team: billing}}]
api_keys: [{{id: t, team: billing, sha256: {hashlib.sha256(KEY.encode()).hexdigest()}, expires: 2999-12-31}}]
"""
ANSWERS = {
    "500": Answer(status=500, body=b'{"errors":[{"msg":"boom","code":500}]}'),
    "late": Answer(delay=0.08),
    "never": Answer(silent=True),
    "chunked": Answer(framing="chunked"),
    "to-the-end": Answer(framing="close"),
    "cut": Answer(cut_at=60),
    "reset": Answer(reset=True),
    "large": Answer(body=json.dumps({"status": "success", "pad": "x" * 400000}).encode()),
}


def read_known():
    """[(pattern, reason)] of tests/torture/known."""
    lines = (ROOT / "tests/torture/known").read_text().splitlines()
    return [tuple(line.split("\t", 1)) for line in lines if line and not line.startswith("#")]


@dataclass(frozen=True)
class Site:
    """A fallible call: what is called, and the frames that lead there, innermost first."""
    name: str
    kind: str
    frames: tuple

    @classmethod
    def parse(cls, line):
        name, kind, *frames = line.split()
        return cls(name, kind, tuple(frames))

    def known(self):
        """Why a finding here is not ours, if it is known; else None."""
        text = self.describe()
        return next((why for pattern, why in read_known() if re.match(pattern, text)), None)

    def describe(self):
        """`kind` in file:line < file:line, for the gateway's own frames."""
        own = [hex(int(frame[2:], 16) - 1) for frame in self.frames if frame.startswith(".+")]
        lines = subprocess.run(["addr2line", "-s", "-f", "-e", BINARY, *own], check=False,
                               capture_output=True, text=True).stdout.split("\n")
        places = [f"{function} {place}" for function, place in zip(lines[::2], lines[1::2])]
        outer = self.frames[0].split("+")[0]
        return f"{self.kind} from {outer if outer != '.' else 'the gateway'}: {' < '.join(places)}"


def cases_of(sites, hows):
    """[(site, how)] of what makes sense."""
    return [(site, how) for how in hows for site in sites
            if (how != "short" or site.kind in SHORTABLE)
            and not (how in LASTING and site.kind in PASSING)]


def spread(cases, count):
    """`count` of them, evenly, so that start, requests and end all have their share."""
    if count >= len(cases):
        return cases
    return [cases[i * len(cases) // count] for i in range(count)]


class Client(harness.Client):
    """The harness's, on a TLS context of the caller's, so that sessions can be resumed."""

    def __init__(self, port, context, patience, session=None, buffer=None):  # noqa: super is not called
        raw = socket.socket()
        if buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        raw.settimeout(patience)
        raw.connect(("127.0.0.1", port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.pending = raw, b""
        try:
            self.sock = context.wrap_socket(raw, server_hostname="localhost", session=session)
        except BaseException:
            raw.close()
            raise


def body_hmacs(journal, body):
    """How a record of this journal may name a body: once for each key there is."""
    names = set()
    for path in (journal / "hash-keys").glob("*.key"):
        key = bytes.fromhex(path.read_text())
        mac = hmac.new(key, hashlib.sha256(body).digest(), "sha256").hexdigest()
        names.add(f"hmac:{path.stem}-{hashlib.sha256(key).hexdigest()[:8]}:{mac}")
    return names


class Host(KoreHost):
    """Answers as the request's x-want says, and looks into the journal before it does."""

    def __init__(self, certs):
        super().__init__(certs / "kore.pem", certs / "kore.key", default=self.choose)
        self.journal = None     # the directory of the run
        self.unrecorded = []    # digests of bodies that came before their verdict was in the file

    @staticmethod
    def choose(seen):
        return ANSWERS.get((seen.header("x-want") or [""])[0], Answer())

    def note(self, seen):
        names = body_hmacs(self.journal, seen.body)
        text = b"".join(path.read_bytes() for path in self.journal.glob("*.jsonl"))
        lines = [line for line in text.split(b"\n")[:-1] if any(name.encode() in line for name in names)]
        if not any(b'"kind":"decision"' in line and b'"verdict":"allow"' in line for line in lines):
            self.unrecorded.append(hashlib.sha256(seen.body).hexdigest())
        super().note(seen)


class Script:
    """The scenario: what clients do, always in the same order. Nothing they meet stops it."""

    def __init__(self, run):
        self.run, self.port = run, run.port
        self.answers, self.problems, self.bodies, self.hung = [], [], 0, False
        self.context = ssl.create_default_context(cafile=run.rack.certs / "ca.pem")
        self.old_context = ssl.create_default_context(cafile=run.rack.certs / "ca.pem")
        self.old_context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(run.rack.certs / "client.pem", run.rack.certs / "client.key")

    # -- what clients send

    def campaign(self, want=None, **changes):
        """A request that nobody else sends; `changes` make it a refused one."""
        self.bodies += 1
        body = dict(seed_campaign(), description=f"torture {self.bodies}", **changes)
        return request(body, headers=[("x-api-key", KEY)] + ([("x-want", want)] if want else []))

    def refused(self):
        return self.campaign(priority="9", contactLists=[], surplus={"a": [1, 2, {"b": "c" * 300}]},
                             name="n" * 60, callerId=None)

    # -- how they behave

    def step(self, action, *args, **options):
        if self.hung or self.run.process.poll() is not None:
            return None
        try:
            return action(*args, **options)
        except TimeoutError:
            self.hung = True
            if not self.run.lasting:
                self.problems.append(f"hung: {action.__name__}")
        except (OSError, EOFError):
            pass    # what the fault did to this client is its own affair
        except AssertionError as why:
            self.problems.append(f"{action.__name__}: {why}")
        return None

    def read(self, client):
        answer = client.read()
        if answer.status == 100:
            answer = client.read()
        self.answers.append(answer)
        return answer

    def connect(self, context=None, **options):
        patience = LASTING_SECONDS if self.run.lasting else STEP_SECONDS
        return Client(self.port, context or self.context, patience, **options)

    def keep_alive(self):
        """Allowed, refused, asked for what is not there; answers the TLS session."""
        with self.connect() as client:
            for data in (self.campaign(), self.refused(), self.campaign("chunked"),
                         request(b"", target="/nothing", method="GET", content_type=None)):
                client.send(data)
                self.read(client)
            return client.sock.session

    def resumed(self, session):
        with self.connect(session=session) as client:
            client.send(self.campaign("to-the-end"))
            self.read(client)

    def old_tls(self):
        with self.connect(self.old_context) as client:
            client.send(self.campaign("500"))
            self.read(client)

    def unknown(self):
        """Without a certificate: no key, a wrong one, and the right one."""
        with self.connect(self.old_context) as client:
            client.send(request(seed_campaign()))
            self.read(client)
        with self.connect(self.old_context) as client:
            client.send(request(seed_campaign(), headers=[("x-api-key", "wrong")]))
            self.read(client)

    def probes(self):
        port = self.run.said_port("admin-listening")
        for path in ("/readyz", "/metrics", "/nothing") if port else ():
            with socket.create_connection(("127.0.0.1", port), timeout=STEP_SECONDS) as sock:
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
                while sock.recv(65536):
                    pass

    def reload(self):
        """Another trust: a client that is connected is verified again, or let go."""
        with self.connect() as client:
            client.send(self.campaign())
            self.read(client)
            self.run.trust("ca.pem", "kore.pem")
            self.run.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
            client.send(self.campaign())
            self.read(client)

    def malformed(self):
        with self.connect() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
            self.read(client)
            client.at_end()

    def not_json(self):
        with self.connect() as client:
            client.send(request(b'{"name": "x", "name": 1}') + request(b"", method="PUT"))
            self.read(client)
            self.read(client)

    def pipelined(self):
        with self.connect() as client:
            client.send(self.campaign() + self.refused())
            self.read(client)
            self.read(client)

    def chunked(self):
        head, body = self.campaign().split(b"\r\n\r\n", 1)
        head = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked\r\nExpect: 100-continue", head)
        with self.connect() as client:
            client.send(head + b"\r\n\r\n")
            assert client.read().status in (100, 503)
            for at in range(0, len(body), 300):
                piece = body[at:at + 300]
                client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            client.send(b"0\r\n\r\n")
            self.read(client)

    def slow(self):
        """Sends in pieces, and reads a large answer late and through a small window."""
        data = self.campaign("large")
        with self.connect(buffer=4096) as client:
            for at in range(0, len(data), len(data) // 5):
                client.send(data[at:at + len(data) // 5])
                time.sleep(0.002)
            time.sleep(0.02)
            self.read(client)

    def never_done(self, client):
        self.read(client)

    def upstream_trouble(self, want):
        with self.connect() as client:
            client.send(self.campaign(want))
            self.read(client)

    def leaves(self, share):
        data = self.campaign("late")
        with self.connect() as client:
            client.send(data[:int(len(data) * share)])
            time.sleep(0.01)

    def stays_through_drain(self):
        """An idle connection, and a request under way, when TERM comes."""
        with self.connect() as idle, self.connect() as busy:
            busy.send(self.campaign("late"))
            time.sleep(0.02)
            self.run.term()
            self.read(busy)
            idle.at_end()

    # -- the play

    def play(self):
        waiting = [self.step(self.connect) for _ in range(3)]
        for client, data in zip(waiting, (b"GET / HT", self.campaign()[:-20], self.campaign("never"))):
            if client:
                self.step(client.send, data)
        session = self.step(self.keep_alive)
        self.step(self.resumed, session)
        self.step(self.resumed, session)
        for action in (self.reload, self.old_tls, self.unknown, self.probes, self.malformed, self.not_json, self.pipelined, self.chunked,
                       self.slow):
            self.step(action)
        for want in ("cut", "reset"):
            self.step(self.upstream_trouble, want)
        for share in (0, 0.5, 1):
            self.step(self.leaves, share)
        for client in filter(None, waiting):
            self.step(self.never_done, client)
            client.sock.close()
        self.step(self.stays_through_drain)


class Run:
    """One process, its directory and its fate."""

    def __init__(self, rack, environment):
        self.rack = rack
        self.lasting = environment.get("TORTURE_HOW") in LASTING
        self.directory = Path(tempfile.mkdtemp(prefix="run-", dir=rack.directory))
        self.environment = dict(os.environ,
                                ASAN_OPTIONS="detect_leaks=1:fast_unwind_on_malloc=1:malloc_context_size=12",
                                UBSAN_OPTIONS="print_stacktrace=1", **environment)
        self.stderr_path = self.directory / "stderr.log"
        self.problems = []
        self.port, self.told = None, False

    def prepare(self):
        (self.directory / "policies").mkdir()
        (self.directory / "policies/policy.yaml").write_text(POLICY)
        (self.directory / "gateway.yaml").write_text(CONFIG.format(
            certs=self.rack.certs, port=self.rack.host.port,
            account=ACCOUNT, stream=STREAM))
        (self.directory / "callers.yaml").write_text(CALLERS)
        self.trust("ca.pem")
        if self.rack.old_journal:
            shutil.copytree(self.rack.old_journal, self.directory / "audit")
        self.rack.host.journal = self.directory / "audit"

    def trust(self, *names):
        """Which CAs may sign clients' certificates."""
        pems = b"".join((self.rack.certs / name).read_bytes() for name in names)
        (self.directory / "ca.pem").write_bytes(pems)

    def start(self):
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [BINARY, "run", "--config", str(self.directory / "gateway.yaml")],
                stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=self.environment)
        until = time.monotonic() + STEP_SECONDS * 2
        while self.process.poll() is None and not self.port and time.monotonic() < until:
            time.sleep(0.004)
            self.port = self.said_port() or self.held_port()
        if not self.port and self.process.poll() is None:
            self.problems.append("hung: it neither listens nor ends")

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def said_port(self, event="listening"):
        match = re.search(rf'"event":"{event}","address":"127.0.0.1:(\d+)"', self.stderr())
        return int(match[1]) if match else None

    def held_port(self):
        """For when the very line that tells the port was lost: the last thing it does at start."""
        if "cut" not in self.stderr() and time.monotonic() - self.began < 1:
            return None
        try:
            held = {os.readlink(fd) for fd in Path(f"/proc/{self.process.pid}/fd").iterdir()}
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in held:
                    return int(fields[1].split(":")[1], 16)
        except OSError:
            pass
        return None

    def term(self):
        """Once only: a second one would cut the draining short."""
        if not self.told and self.process.poll() is None:
            self.told = True
            self.process.send_signal(signal.SIGTERM)

    def end(self):
        self.term()
        try:
            self.code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.problems.append(f"hung: {END_SECONDS} s after TERM it still runs")
            self.process.send_signal(signal.SIGKILL)
            self.code = None
            self.process.wait()

    def whole(self):
        """From start to end, with every check."""
        self.began = time.monotonic()
        self.prepare()
        seen_before = len(self.rack.host.requests)
        self.rack.host.unrecorded.clear()
        self.start()
        script = None
        if self.port:
            script = Script(self)
            script.play()
        self.end()
        self.check_process(script)
        if script:
            self.problems += script.problems
            self.check_records(script, self.rack.host.requests[seen_before:])
        self.seconds = time.monotonic() - self.began
        return self

    # -- what must be true

    def check_process(self, script):
        text = self.stderr()
        if self.code is not None and self.code not in (0, 1, 2):
            self.problems.append(f"it ended with {self.code}")
        for sign in ("Sanitizer", "runtime error", "Assertion", "Out of memory (", "glibc", "Fatal"):
            if sign in text:
                self.problems.append(f"it said {sign!r}")
        if self.code == 2:
            last = text.strip().split("\n")[-1]
            if script and script.answers:
                self.problems.append("it served and then ended with 2")
            if last.startswith("{") or len(last.split()) < 3 or not last.isprintable():
                self.problems.append(f"a failed start without a sentence: {last!r}")
        elif not script and self.code is not None:
            self.problems.append(f"a failed start that ends with {self.code}")

    def journal(self):
        """Every record; a torn end is allowed in the last segment only."""
        records, previous = [], None
        paths = sorted((self.directory / "audit").glob("*.jsonl"))
        for path in paths:
            data = path.read_bytes()
            whole, torn = (data, b"") if data.endswith(b"\n") or not data else (data[:data.rfind(b"\n") + 1], b"!")
            if torn and path != paths[-1]:
                self.problems.append(f"{path.name}, which is not the last segment, has a torn end")
            for line in whole.splitlines():
                text, digest = line.rsplit(b"\t", 1)
                record = json.loads(text)
                if hashlib.sha256(text).hexdigest() != digest.decode():
                    self.problems.append(f"{path.name}: a record's hash is wrong")
                if previous and (record["seq"], record["prev"]) != (previous[0] + 1, previous[1]):
                    self.problems.append(f"{path.name}: the chain is broken at {record['seq']}")
                previous = (record["seq"], digest.decode())
                records.append(record)
        return records

    def check_records(self, script, seen):
        records = self.journal()
        decisions = {record["id"]: record for record in records if record["kind"] == "decision"}
        outcomes = {record["id"]: record for record in records if record["kind"] == "outcome"}
        allowed = {record.get("body_hmac") for record in decisions.values() if record["verdict"] == "allow"}
        digests = [hashlib.sha256(one.body).hexdigest() for one in seen]
        if self.rack.host.unrecorded:
            self.problems.append("the upstream saw a request before its verdict was written")
        if not all(body_hmacs(self.directory / "audit", one.body) & allowed for one in seen):
            self.problems.append("the upstream saw a request without a verdict in the journal")
        if len(digests) != len(set(digests)):
            self.problems.append("the upstream saw a request twice")
        if self.rack.host.broken:
            self.problems.append(f"the upstream could not read: {self.rack.host.broken}")
            self.rack.host.broken.clear()
        for answer in script.answers:
            self.check_answer(answer, decisions, outcomes)

    def check_answer(self, answer, decisions, outcomes):
        name, verdict = answer.header("x-decision-id"), answer.header("x-campaign-gateway")
        decision = decisions.get(name)
        if answer.status == 503 and verdict == "error":
            return    # it claims nothing
        if not decision:
            self.problems.append(f"an answer {answer.status} without a record")
        elif verdict == "deny" and (decision["verdict"], decision.get("status")) != ("deny", answer.status):
            self.problems.append(f"an answer {answer.status} whose record says otherwise")
        elif verdict != "deny" and (decision["verdict"] != "allow" or name not in outcomes):
            self.problems.append(f"an answer {answer.status} without an outcome")
        elif answer.status == 200 and "pad" not in answer.json() and outcomes[name]["created"] != "yes":
            self.problems.append("an answer 200 whose outcome is another")


class Rack:
    """What runs share: certificates, a stand-in host, and an old journal with a torn end."""

    def __init__(self, directory, certs):
        self.directory, self.certs = Path(directory), Path(certs)
        self.host = Host(self.certs)
        self.old_journal = None

    def age(self):
        """Leaves behind what a gateway that lost power would: the next runs begin with it."""
        run = Run(self, {}).whole()
        assert run.problems == [], f"without any fault: {run.problems}\n{run.stderr()}"
        audit = run.directory / "audit"
        last = sorted(audit.glob("*.jsonl"))[-1]
        with open(last, "ab") as file:
            file.write(b'{"seq":9999,"prev":"torn')
        (audit / f"{99999:020}.jsonl").write_bytes(b'{"seq":99999,"prev":')   # its very first record
        self.old_journal = self.directory / "old-journal"
        shutil.move(audit, self.old_journal)
        shutil.rmtree(run.directory)

    def sites(self, rounds=3):
        """Every site, in the order they are first reached; several runs, as threads race."""
        found = {}
        for _ in range(rounds):
            run = Run(self, {"TORTURE_LIST": str(self.directory / "sites")}).whole()
            assert run.problems == [], f"while listing: {run.problems}\n{run.stderr()}"
            shutil.rmtree(run.directory)
        for line in (self.directory / "sites").read_text().splitlines():
            site = Site.parse(line)
            found.setdefault(site.name, site)
        return list(found.values())

    def run(self, site, how, skip=0):
        """Plays the scenario with one fault. Answers (the run, whether the fault happened)."""
        report = self.directory / "report"
        report.unlink(missing_ok=True)
        run = Run(self, {"TORTURE_SITE": site.name, "TORTURE_HOW": how, "TORTURE_SKIP": str(skip),
                         "TORTURE_CALLER": site.frames[0].split("+")[1],
                         "TORTURE_REPORT": str(report)}).whole()
        struck = report.exists() and report.stat().st_size > 0
        if not run.problems:
            shutil.rmtree(run.directory)
        return run, struck

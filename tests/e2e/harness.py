"""What the end-to-end tests share: the real binary, real TLS, a stand-in upstream, a temp dir."""
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import journal_checker

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "kore")]

BINARY = os.environ.get("CAMPAIGN_GATEWAY", str(ROOT / "build/asan/campaign-gateway"))
ACCOUNT = "67777ce93e25326494e00000"
STREAM = "st-0603182c-7ffb-53c3-b307-47ca14b00000"
PATH = f"/campaign/api/v2/public/{STREAM}/campaign"
TARGET = f"{PATH}?accountId={ACCOUNT}&campaignType=sms"
AUTH = "secret-token-that-must-not-be-written-down"
TIMEOUTS = "connect_timeout: 5s, first_byte_timeout: 3s, total_timeout: 6s"
ADMIN = "admin: {listen: 127.0.0.1:0}"
DEADLINE = 60      # seconds until a test gives up waiting; generous, because sanitizers and full machines are slow

POLICY = """revision: 2026-11-23.1
organisation:
  timezones: [Asia/Kolkata, America/New_York]
  business_hours:
    Asia/Kolkata: {MO-SA: 9:00 AM - 8:00 PM}
    "*": {MO-FR: 10:00 AM - 6:00 PM}
teams:
  billing:
    caller_ids: ["+919561612345"]
"""


def seed_campaign():
    return json.loads((ROOT / "deploy/examples/campaign.json").read_text())


@contextlib.contextmanager
def release_to_oneself():
    """Nobody else compiles or installs the release meanwhile; files of tests run side by side."""
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build/release.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_for(condition, what):
    """Polls until condition() is true; its value is the answer."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {DEADLINE} s in vain for {what}")


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    def codes(self):
        return [error["code"] for error in self.json()["errors"]]

    def pointers(self):
        return [(error["code"], error["pointer"]) for error in self.json()["errors"]]


class Client:
    """A TLS connection that sends any bytes and reads answers strictly."""

    def __init__(self, port, ca, certificate=None, session=None, name="localhost", context=None, **context_options):
        context = context or ssl.create_default_context(cafile=ca)
        if certificate:
            context.load_cert_chain(*certificate)
        for option, value in context_options.items():
            setattr(context, option, value)
        raw = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.context = context
        self.sock = context.wrap_socket(raw, server_hostname=name, session=session)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def _more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise EOFError(self.pending)
        self.pending += piece

    def _until(self, end):
        while end not in self.pending:
            self._more()
        head, self.pending = self.pending.split(end, 1)
        return head

    def read(self, head_request=False):
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) [^\r\n]*", lines[0])
        assert match, f"not a status line: {lines[0]!r}"
        headers = [re.fullmatch(r"([^:\s]+): ?(.*)", line).groups() for line in lines[1:]]
        response = Response(int(match[1]), headers, b"")
        if response.status == 100 or head_request or response.status in (204, 304):
            return response
        length = int(response.header("content-length"))
        while len(self.pending) < length:
            self._more()
        response.body, self.pending = self.pending[:length], self.pending[length:]
        return response

    def at_end(self):
        """True when the gateway has closed and nothing more came."""
        try:
            return self.pending == b"" and self.sock.recv(1) == b""
        except (ssl.SSLEOFError, ConnectionResetError):
            return True


def request(body, target=TARGET, method="POST", headers=(), host="localhost", auth=AUTH,
            content_type="application/json", length=True):
    """The bytes of one request. `headers` are (name, value) pairs added as they are."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"auth: {auth}"] if auth else []
    lines += [f"Content-Type: {content_type}"] if content_type else []
    lines += [f"Content-Length: {len(body)}"] if length else []
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Gateway:
    """One run of the real binary in a directory of its own."""
    prefix, popen = [], {}    # what a kind of gateway that starts otherwise need not say

    def __init__(self, directory, certs, upstream_port, policy=POLICY, team="billing",
                 upstream_host="localhost", workers=2, extra="", limits="", audit="audit",
                 environment=None, start=True, upstream="", tls="", timeouts=TIMEOUTS, prefix=()):
        self.directory, self.certs, self.upstream_port = Path(directory), Path(certs), upstream_port
        self.audit = self.directory / audit  # an absolute one stays as it is
        self.stderr_path = self.directory / "stderr.log"
        (self.directory / "policies").mkdir(exist_ok=True)
        (self.directory / "policies" / "policy.yaml").write_text(policy)
        self.config = self.directory / "gateway.yaml"
        self.config.write_text(f"""listen: 127.0.0.1:0
workers: {workers}
tls: {{certificate: {certs}/gateway.pem, key: {certs}/gateway.key{tls}}}
upstream: {{url: "https://{upstream_host}:{upstream_port}", ca: {certs}/ca.pem, {timeouts}{upstream}}}
tenants:
  - {{account_id: {ACCOUNT}, stream_id: {STREAM}}}
{f"team: {team}" if team else ""}
policies: [policies]
audit: {{directory: {audit}}}
limits: {{drain_timeout: 15s{limits}}}
{extra}
""")
        self.prefix = list(prefix)    # a command that starts the gateway in its own place
        self.environment = dict(os.environ, **(environment or {}))
        self.process, self.told_to_stop, self.expected = None, False, (0,)
        self.popen = {}    # what else Popen is to be given
        if start:
            self.start()

    def start(self):
        self.told_to_stop, self.expected = False, (0,)
        before = len(self.events("listening"))
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=stderr,
                                            stderr=stderr, env=self.environment, **self.popen)
        line = wait_for(lambda: self._listening(before), "the gateway to listen")
        self.port = int(line["address"].rsplit(":", 1)[1])
        return self

    def command(self):
        return self.prefix + [BINARY, "run", "--config", str(self.config)]

    def _listening(self, before):
        assert self.process.poll() is None, f"the gateway ended: {self.stderr()}"
        events = self.events("listening")
        return events[before] if len(events) > before else None

    def stderr(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def events(self, name):
        found = []
        for line in self.stderr().splitlines():
            if line.startswith("{"):
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # a line still being written
                if event["event"] == name:
                    found.append(event)
        return found

    def client(self, **options):
        return Client(self.port, self.certs / "ca.pem", **options)

    def post(self, body, **options):
        with self.client() as client:
            client.send(request(body, **options))
            return client.read()

    def admin_url(self):
        return "http://" + self.events("admin-listening")[-1]["address"]

    def admin(self, path):
        """What the admin listener answers; needs `extra=ADMIN`."""
        with urllib.request.urlopen(self.admin_url() + path, timeout=DEADLINE) as answer:
            return answer.read().decode()

    def metric(self, name):
        match = re.search(rf"^campaign_gateway_{re.escape(name)} (\d+)$", self.admin("/metrics"), re.M)
        return int(match[1])

    def requests_counted(self, **labels):
        """Of requests_total, those with these labels."""
        rows = re.findall(r"^campaign_gateway_requests_total\{(.*)\} (\d+)$", self.admin("/metrics"), re.M)
        return sum(int(count) for row, count in rows
                   if all(f'{name}="{value}"' in row.split(",") for name, value in labels.items()))

    def term(self):
        self.told_to_stop = True
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        self.expected = (-9,)
        self.process.kill()
        self.process.wait(DEADLINE)

    def stop(self, expected=None):
        """Drains and checks that it ended as expected (well, unless told) and no sanitizer spoke."""
        self.expected = expected or self.expected
        if self.process and self.process.poll() is None and not self.told_to_stop:
            self.term()
        try:
            code = self.process.wait(DEADLINE) if self.process else 0
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the gateway did not drain:\n{self.stderr()}")
        assert "Sanitizer" not in self.stderr() and "runtime error" not in self.stderr(), self.stderr()
        assert code in self.expected, f"exit code {code}:\n{self.stderr()}"

    def journal(self):
        """Every record, after checking hashes, numbers and links of the whole chain."""
        return journal_checker.read([self.audit])

    def decisions(self):
        return [record for record in self.journal() if record["kind"] == "decision"]

    def outcomes(self):
        return {record["id"]: record for record in self.journal() if record["kind"] == "outcome"}

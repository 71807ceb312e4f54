#!/usr/bin/python3
"""A stand-in for the Kore.ai host: checks what the real one would, answers in the seed's shape.

    tests/kore/kore.py --cert kore.pem --key kore.key [--port 0] [--log FILE] [--answer NAME]

prints {"port": N} when it listens. Tests use it in the same process:

    with KoreHost(cert, key) as kore:
        kore.script.append(Answer(status=500))     # for the next request only
        ...
        kore.requests[0].headers

Campaigns that were created can be listed and read, as the API documents it; list_script and
get_script are for these calls what script is for all others, and looks holds the requests.

It reads HTTP with a small strict reader of its own, because it must notice what a lenient one
would forgive. It never keeps the auth header, only its digest.
"""
import argparse
import base64
import hashlib
import json
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

# What the API's parameter table calls required, and its type.
REQUIRED = {"name": str, "description": str, "contactLists": list, "campaignType": str,
            "priority": str, "format": str, "message.template_name": str, "message.message": str,
            "dialingStrategy.callerId.phoneNumber": str,
            "dialingStrategy.callingHours.frequency": str,
            "dialingStrategy.callingHours.timezone": str,
            "dialingStrategy.callingHours.days": list}
STORED_TEXT = ("Greetings, <First Name>! We're thrilled to have you join us. Visit "
               "https://yourwebsite.com/tips. If you have any inquiries, reply right here.")


@dataclass
class Request:
    connection: int
    method: str
    target: str
    headers: list          # (name as sent, value); auth's value is replaced by its digest
    body: bytes
    problems: list = field(default_factory=list)   # what the real host would complain about

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def as_json(self):
        return {"connection": self.connection, "method": self.method, "target": self.target,
                "headers": self.headers, "body_sha256": hashlib.sha256(self.body).hexdigest(),
                "body": base64.b64encode(self.body).decode(), "problems": self.problems}


@dataclass
class Answer:
    """What to do with one request. `raw` is sent as it is; otherwise an answer is made."""
    status: int = 200
    body: bytes = None             # None: the seed's shape
    headers: tuple = ()
    framing: str = "length"        # length, chunked, close (which says close_notify, unless cut)
    raw: bytes = None
    interim: bytes = b""           # sent before the answer
    delay: float = 0               # before the first byte
    byte_delay: float = 0          # between bytes
    close_before: bool = False     # close instead of answering
    reset: bool = False            # ... with a RST; with cut_at, after so many bytes
    close_after: bool = False      # close without saying so
    silent: bool = False           # never answer (or not beyond cut_at), keep the connection
    early: bool = False            # answer when the head is there, before the body is read
    cut_at: int = None             # send only so many bytes of the answer, then close, abruptly
    creates: bool = False          # the campaign is created, whatever the answer says or does not


ANSWERS = {"success": Answer(), "error": Answer(status=500, body=b'{"errors":[{"msg":"boom","code":500}]}'),
           "silent": Answer(silent=True), "close": Answer(close_before=True),
           "chunked": Answer(framing="chunked"),
           "rate": Answer(status=429, body=b'{"errors":[{"msg":"You\'ve exceeded the per-minute rate limit.","code":429}]}')}


class Broken(Exception):
    """The client's bytes are not HTTP as this host reads it."""


ROUTES = {"create": ("POST", r"", ["accountId", "campaignType"]),
          "list": ("POST", r"/getAllCampaignDetails", ["accountId"]),
          "get": ("GET", r"/(cd-[A-Za-z0-9_-]+)", ["accountId"])}


def route_of(request):
    """The call's name and its path, matched; (None, None) for none that is known."""
    path = urlsplit(request.target).path
    for name, (method, rest, _) in ROUTES.items():
        match = re.fullmatch(r"/campaign/api/v2/public/([A-Za-z0-9_-]+)/campaign" + rest, path)
        if request.method == method and match:
            return name, match
    return None, None


def check_caller(request, path, parameters):
    """What all calls have in common."""
    query = parse_qsl(urlsplit(request.target).query, keep_blank_values=True)
    for name in ("auth", "accountid", "iid"):
        if len(request.header(name)) != 1:
            return 401, f"exactly one {name} header is needed"
    if sorted(key for key, _ in query) != parameters:
        return 400, f"{' and '.join(parameters)} are needed, once each"
    query = dict(query)
    if query.get("campaignType", "sms") != "sms":
        return 400, "campaignType is not sms"
    if request.header("iid") != [path[1]]:
        return 401, "iid is not the stream"
    if request.header("accountid") != [query["accountId"]]:
        return 401, "accountid is not accountId"
    return None


def check_list(request):
    try:
        wanted = json.loads(request.body.decode("utf-8"))
    except ValueError:
        return 400, "the body is not JSON"
    if wanted.get("type") not in ("sms", "voice"):
        return 400, "type is neither sms nor voice"
    numbers = all(isinstance(wanted.get(key), int) for key in ("limit", "skip", "page"))
    dates = all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", wanted.get(key, ""))
                for key in ("startDate", "endDate"))
    return None if numbers and dates else (400, "limit, skip, page, startDate or endDate is wrong")


def check(request):
    """What the real host would refuse, as (status, message); None when all is well."""
    route, path = route_of(request)
    if not route:
        return 404, "no such resource"
    problem = check_caller(request, path, ROUTES[route][2])
    if problem or route == "get":
        return problem
    if request.header("content-type") != ["application/json"]:
        return 400, "content type is not application/json"
    if route == "list":
        return check_list(request)
    try:
        campaign = json.loads(request.body.decode("utf-8"))
    except ValueError:
        return 400, "the body is not JSON"
    missing = [key for key, kind in REQUIRED.items() if not isinstance(find(campaign, key), kind)]
    return (400, f"missing, or of another type: {missing}") if missing else None


def find(value, path):
    """What stands at a dotted path; None when there is no such place."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def utc(unix):
    """A time as the API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix)) + f".{int(unix * 1000) % 1000:03}Z"


def stored(body):
    """What a campaign becomes. The stored template's text replaces the one sent."""
    campaign = json.loads(body)
    now = utc(time.time())
    return {"_id": f"cd-{uuid.uuid4()}", "name": campaign["name"], "lname": campaign["name"].lower(),
            "description": campaign["description"], "status": "Ready",
            "dncLists": campaign.get("dncLists"), "priority": campaign["priority"],
            "dialingStrategy": campaign["dialingStrategy"],
            "message": {"template_name": campaign["message"]["template_name"],
                        "message": base64.b64encode(STORED_TEXT.encode()).decode(),
                        "templateId": f"cmt-{uuid.uuid4()}"},
            "isImported": False, "isFiltersEnabled": False, "createdAt": now, "updatedAt": now,
            "schedule": campaign.get("schedule", {"isSchedulingEnabled": False}),
            "contactLists": campaign["contactLists"], "format": campaign["format"]}


def created(data):
    """The seed's answer to a campaign."""
    return json.dumps({"status": "success",
                       "message": f"Campaign {data['name']} creation in progress",
                       "data": data}).encode()


def listed(campaigns, body):
    """The answer to a list call: the page that was asked for."""
    wanted = json.loads(body)
    found = [each for each in campaigns if each.get("campaignType", "sms") == wanted["type"]
             and wanted["startDate"] <= each["createdAt"] <= wanted["endDate"]]
    order = wanted.get("sortBy", {}).get("createdAt", "asc")
    found.sort(key=lambda each: each["createdAt"], reverse=order == "desc")
    skip, limit = wanted["skip"], wanted["limit"]
    page = [{"id": each["_id"], "totalMessagesSent": 0, "campaignExecutionType": "NORMAL",
             "campaignInstanceUpdatedAt": each["updatedAt"],
             **{key: each[key] for key in ("name", "description", "status", "dncLists", "priority",
                                           "message", "createdAt", "updatedAt", "schedule",
                                           "contactLists", "format") if key in each}}
            for each in found[skip:skip + limit]]
    data = {"results": page, "skip": skip, "limit": limit, "hasMore": skip + limit < len(found),
            "totalPages": -(-len(found) // limit), "totalResults": len(found)}
    return json.dumps({"status": "success", "message": "Campaign  retrieved successfully",
                       "data": data}).encode()


def shown(campaigns, campaign_id):
    """The answer to a get call: its status and body."""
    for each in campaigns:
        if each["_id"] == campaign_id:
            return 200, json.dumps({"status": "success",
                                    "message": f"Campaign {each['name']} retrieved successfully",
                                    "data": each}).encode()
    return 404, b'{"errors":[{"msg":"no such campaign","code":404}]}'


class Connection:
    """One TLS connection: reads requests, answers them as the host says."""

    def __init__(self, host, sock, number):
        self.host, self.sock, self.number, self.pending = host, sock, number, b""

    def read_more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise EOFError
        self.pending += piece

    def read_head(self):
        while b"\r\n\r\n" not in self.pending:
            self.read_more()
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"([A-Z]+) (\S+) HTTP/1\.1", lines[0])
        if not match or any("\n" in line or "\r" in line for line in lines):
            raise Broken(f"request line {lines[0]!r}")
        headers = []
        for line in lines[1:]:
            field_match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", line)
            if not field_match:
                raise Broken(f"header line {line!r}")
            headers.append(field_match.groups())
        return match[1], match[2], headers

    def read_body(self, method, headers):
        lengths = [value for key, value in headers if key.lower() == "content-length"]
        if any(key.lower() == "transfer-encoding" for key, _ in headers):
            raise Broken("transfer-encoding, where the gateway must send content-length")
        if method == "GET" and not lengths:
            return b""
        if len(lengths) != 1 or not lengths[0].isdigit():
            raise Broken(f"content-length {lengths}")
        while len(self.pending) < int(lengths[0]):
            self.read_more()
        body, self.pending = self.pending[:int(lengths[0])], self.pending[int(lengths[0]):]
        return body

    def serve(self):
        while True:
            method, target, headers = self.read_head()
            hosts = [value for key, value in headers if key.lower() == "host"]
            if len(hosts) != 1:
                raise Broken(f"host {hosts}")
            shown = [(key, "sha256:" + hashlib.sha256(value.encode()).hexdigest())
                     if key.lower() == "auth" else (key, value) for key, value in headers]
            request = Request(self.number, method, target, shown, b"")
            answer = self.host.next_answer(request)
            problem = None
            if not answer.early:
                request.body = self.read_body(method, headers)
                problem = check(request)
            if problem:
                request.problems.append(problem[1])
            if answer.creates:
                self.host.create(request.body)
            self.host.note(request)
            if not self.answer(request, answer, problem):
                return

    def answer(self, request, answer, problem):
        """Sends it; False when the connection is over."""
        time.sleep(answer.delay)
        if answer.cut_at is not None or not (answer.silent or answer.reset or answer.close_before):
            self.send((answer.interim + self.render(request, answer, problem))[:answer.cut_at],
                      answer.byte_delay)
        if answer.silent:
            self.host.stopping.wait(60)
        elif answer.early:
            self.drain()
        elif answer.reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer.framing == "close" and answer.cut_at is None:
            self.sock.settimeout(5)
            self.sock.unwrap()    # without close_notify the answer would count as truncated
        return not (answer.silent or answer.reset or answer.close_before or answer.close_after
                    or answer.early or answer.framing == "close" or answer.cut_at is not None)

    def drain(self):
        """Reads until the gateway closes: a close with bytes unread would be a RST."""
        self.sock.settimeout(5)
        while self.sock.recv(65536):
            pass

    def send(self, data, byte_delay):
        if not byte_delay:
            self.sock.sendall(data)
            return
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])
            time.sleep(byte_delay)

    def render(self, request, answer, problem):
        if answer.raw is not None:
            return answer.raw
        status, body = answer.status, answer.body
        if body is None and problem:
            status = problem[0]
            body = json.dumps({"errors": [{"msg": problem[1], "code": status}]}).encode()
        elif body is None:
            status, body = (status, b"{}") if answer.early else self.host.perform(request, status)
        head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Other'}\r\n"
        head += "Content-Type: application/json; charset=utf-8\r\nX-Kore: stand-in\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in answer.headers)
        if answer.framing == "chunked":
            pieces = [body[i:i + 100] for i in range(0, len(body), 100)]
            chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(p), p) for p in pieces)
            return (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + chunks + b"0\r\n\r\n"
        if answer.framing == "close":
            return (head + "Connection: close\r\n\r\n").encode() + body
        return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


class KoreHost:
    """Every connection has a thread."""

    def __init__(self, cert, key, port=0, log=None, default=None, address="127.0.0.1"):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(cert, key)
        self.requests, self.script, self.broken, self.connections = [], [], [], 0
        self.looks, self.list_script, self.get_script, self.campaigns = [], [], [], []
        self.default = default or Answer()
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.log = open(log, "a", encoding="utf-8") if log else None
        self.sockets = set()
        self.listener = socket.create_server((address, port), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            sockets = list(self.sockets)
        for sock in sockets:
            try:
                sock.close()
            except OSError:
                pass
        if self.log:
            self.log.close()

    def accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, raw):
        sock = raw
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock = self.context.wrap_socket(raw, server_side=True)
            with self.lock:
                self.connections += 1
                number = self.connections
                self.sockets.add(sock)
            Connection(self, sock, number).serve()
        except (EOFError, OSError):
            pass
        except Exception as why:    # Broken, or a mistake of this host: a test must hear of both
            self.broken.append(repr(why))
        finally:
            with self.lock:
                self.sockets.discard(sock)
            sock.close()

    def create(self, body):
        with self.lock:
            self.campaigns.append(stored(body))
            return self.campaigns[-1]

    def perform(self, request, status):
        """Does what is asked: the answer's status and body."""
        route, path = route_of(request)
        if route == "create":
            return status, created(self.create(request.body))
        with self.lock:
            campaigns = list(self.campaigns)
        return (status, listed(campaigns, request.body)) if route == "list" else \
            shown(campaigns, path[2])

    def next_answer(self, request):
        scripts = {"list": self.list_script, "get": self.get_script}
        with self.lock:
            script = scripts.get(route_of(request)[0], self.script)
            answer = script.pop(0) if script else self.default
        return answer(request) if callable(answer) else answer

    def note(self, request):
        with self.lock:
            (self.looks if route_of(request)[0] in ("list", "get") else self.requests).append(request)
            if self.log and not self.log.closed:
                print(json.dumps(request.as_json()), file=self.log, flush=True)


def main():
    parser = argparse.ArgumentParser(description="stand-in Kore.ai host")
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--answer", choices=sorted(ANSWERS), default="success")
    options = parser.parse_args()
    host = KoreHost(options.cert, options.key, options.port, options.log, ANSWERS[options.answer])
    print(json.dumps({"port": host.port}), flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    host.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    sys.exit(main())

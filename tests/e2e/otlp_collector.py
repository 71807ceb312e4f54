"""A stand-in for an OpenTelemetry collector: takes OTLP over HTTP, strictly, and keeps the spans.

What it checks is the JSON mapping of opentelemetry-proto's ExportTraceServiceRequest: known keys only, identifiers in
hex, 64-bit numbers as strings of digits, enums as numbers.
"""
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEX16, HEX32, DIGITS = (re.compile(pattern) for pattern in (r"[0-9a-f]{16}", r"[0-9a-f]{32}", r"0|[1-9][0-9]{0,19}"))


def text(value):
    assert isinstance(value, str), value


def matches(pattern):
    def check(value):
        text(value)
        assert pattern.fullmatch(value) and value.strip("0") or pattern is DIGITS and DIGITS.fullmatch(value), value
    return check


def number(allowed):
    def check(value):
        assert type(value) is int and value in allowed, value
    return check


def one_of(**checks):
    """Exactly one of these: a oneof."""
    def check(value):
        assert isinstance(value, dict) and len(value) == 1 and set(value) <= set(checks), value
        (key, inner), = value.items()
        checks[key](inner)
    return check


def message(required=(), **checks):
    def check(value):
        assert isinstance(value, dict) and set(required) <= set(value) <= set(checks), value
        for key, inner in value.items():
            checks[key](inner)
    return check


def repeated(check):
    def check_all(value):
        assert isinstance(value, list), value
        for each in value:
            check(each)
    return check_all


def boolean(value):
    assert isinstance(value, bool), value


def any_value(value):
    one_of(stringValue=text, boolValue=boolean, intValue=matches(DIGITS), arrayValue=message(values=repeated(any_value)))(value)


def attributes(value):
    repeated(message(("key", "value"), key=text, value=any_value))(value)
    keys = [each["key"] for each in value]
    assert len(keys) == len(set(keys)), "attribute keys must be unique"


SPAN = message(("traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"),
               traceId=matches(HEX32), spanId=matches(HEX16), parentSpanId=matches(HEX16), traceState=text, name=text,
               kind=number(range(1, 6)), startTimeUnixNano=matches(DIGITS), endTimeUnixNano=matches(DIGITS),
               attributes=attributes, status=message(code=number(range(3)), message=text), flags=number(range(2 ** 32)))
REQUEST = message(("resourceSpans",), resourceSpans=repeated(message(
    ("resource", "scopeSpans"), resource=message(attributes=attributes), schemaUrl=text, scopeSpans=repeated(message(
        ("scope", "spans"), scope=message(name=text, version=text), spans=repeated(SPAN), schemaUrl=text)))))


def plain(value):
    (kind, inner), = value.items()
    return int(inner) if kind == "intValue" else [plain(each) for each in inner["values"]] if kind == "arrayValue" else inner


class Span:
    def __init__(self, span):
        self.trace, self.id, self.parent = span["traceId"], span["spanId"], span.get("parentSpanId", "")
        self.name, self.kind, self.error = span["name"], span["kind"], span["status"].get("code") == 2
        self.start, self.end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        self.attributes = {each["key"]: plain(each["value"]) for each in span.get("attributes", [])}
        assert self.start <= self.end


def no_duplicates(pairs):
    assert len(pairs) == len({key for key, _ in pairs}), "a key twice"
    return dict(pairs)


class Collector:
    """`answer`: (status, body) of every POST; None: it takes the request and never answers."""

    def __init__(self, certificate=None, answer=(200, b"{}"), port=0):
        self.batches, self.resources, self.problems, self.answer, self.posts = [], [], [], answer, 0
        self.release = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector.take(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads, block_on_close = True, False

            def handle_error(self, *_):
                pass        # a client that breaks off

        self.server = Server(("127.0.0.1", port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if certificate else ''}://localhost:{self.port}/v1/traces"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        assert self.problems == []

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers["content-length"]))
        self.posts += 1
        try:
            assert handler.path == "/v1/traces" and handler.headers["content-type"] == "application/json"
            assert handler.headers["host"] == f"localhost:{self.port}"
            told = json.loads(body.decode(), object_pairs_hook=no_duplicates)
            REQUEST(told)
        except (AssertionError, ValueError) as problem:
            self.problems.append(repr(problem))
        if self.answer is None:
            self.release.wait()
            handler.close_connection = True
            return
        status, answer = self.answer
        if status == 200:
            self.resources += [{each["key"]: plain(each["value"]) for each in part["resource"]["attributes"]} for part in told["resourceSpans"]]
            self.batches += [[Span(span) for scope in part["scopeSpans"] for span in scope["spans"]] for part in told["resourceSpans"]]
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def spans(self):
        return [span for batch in self.batches for span in batch]

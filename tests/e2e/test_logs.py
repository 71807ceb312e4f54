"""Process log and access log: complete when files are moved away, never in the way, readable, safe."""
import hashlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from harness import ADMIN, AUTH, BINARY, DEADLINE, Gateway, request, seed_campaign, wait_for
from kore import Answer

ACCESS = "access_log: {file: access.log}"


def lines_of(*paths):
    """Every line of these files as JSON, which each must be, in UTF-8."""
    return [json.loads(line) for path in paths if path.exists() for line in path.read_bytes().decode().splitlines()]


def access_lines(gateway, count):
    """The lines, when there are that many; a line comes a moment after its answer."""
    path = gateway.directory / "access.log"
    wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") >= count, f"{count} lines")
    found = lines_of(path)
    assert len(found) == count
    return found


def usr1(gateway):
    gateway.process.send_signal(signal.SIGUSR1)


STARTED = []


@pytest.fixture(autouse=True)
def leave_nothing_running():
    """Also when a test has failed before it stopped what it started by itself."""
    yield
    for process in STARTED:
        process.kill()
        process.wait()
    STARTED.clear()


def start_by_hand(gateway, command, **options):
    gateway.process = subprocess.Popen(command, env=gateway.environment, **options)
    STARTED.append(gateway.process)
    return gateway


def start_with_stderr(gateway, stderr, stdout=subprocess.DEVNULL):
    """The harness reads a file; these tests need something else there."""
    return start_by_hand(gateway, [BINARY, "run", "--config", str(gateway.config)], stdin=subprocess.DEVNULL,
                         stdout=stdout, stderr=stderr)


# ---- the access log ----

def test_a_line_for_each_request_says_what_became_of_it(make_gateway, kore):
    gateway = make_gateway(extra=ACCESS)
    sunday = seed_campaign()
    sunday["dialingStrategy"]["callingHours"]["days"][0]["day"] = "SU"
    kore.script.append(Answer())
    kore.script.append(Answer(close_before=True))
    answers = [gateway.post(seed_campaign()), gateway.post(sunday), gateway.post(seed_campaign()),
               gateway.post(b"{", target="/nothing"), gateway.post(b"not json")]
    assert [answer.status for answer in answers] == [200, 403, 502, 404, 400]
    allowed, denied, failed, lost, broken = access_lines(gateway, 5)
    for line, answer in zip((allowed, denied, failed, lost, broken), answers):
        assert line["id"] == answer.header("x-decision-id") and line["status"] == answer.status
        assert line["verdict"] == answer.header("x-campaign-gateway")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert re.fullmatch(r"127\.0\.0\.1:\d+", line["peer"]) and line["method"] == "POST"
        assert line["bytes_out"] > len(answer.body) and line["team"] == "billing"
        stages = sum(line.get(f"{stage}_us", 0) for stage in ("receive", "judge", "record", "upstream", "outcome"))
        assert 0 < stages <= line["duration_us"] + 1000
    assert allowed["bytes_in"] == len(json.dumps(seed_campaign()))
    assert allowed["route"] == "create-campaign" and allowed["upstream_status"] == 200
    assert "type" not in allowed and "violations" not in allowed and allowed["upstream_us"] > 0
    assert denied["type"] == "policy" and denied["violations"] == sorted(set(answers[1].codes()), key=answers[1].codes().index)
    assert "upstream_us" not in denied and "upstream_status" not in denied
    assert failed["upstream_why"] == answers[2].json()["errors"][0]["code"] and failed["type"] == "upstream"
    assert lost["route"] == "not-found" and broken["type"] == "json" and broken["code"]
    assert AUTH not in (gateway.directory / "access.log").read_text()
    assert stat.S_IMODE((gateway.directory / "access.log").stat().st_mode) & 0o007 == 0


def test_who_leaves_before_the_answer_has_a_line(make_gateway, kore):
    gateway = make_gateway(extra=ACCESS)
    client = gateway.client()
    client.send(request(seed_campaign())[:-5])
    client.sock.close()
    line, = access_lines(gateway, 1)
    assert line["status"] == 0 and "verdict" not in line and line["duration_us"] > 0


def test_what_is_no_http_has_a_line(make_gateway, kore):
    gateway = make_gateway(extra=ACCESS)
    with gateway.client() as client:
        client.send(b"GET / HTTP/9.9\r\n\r\n")
        assert client.read().status == 505
    line, = access_lines(gateway, 1)
    assert line["status"] == 505 and line["code"] == "version" and "route" not in line and "method" not in line


def test_text_has_its_columns_first(make_gateway, kore):
    gateway = make_gateway(extra="access_log: {file: access.log, format: text}")
    answer = gateway.post(seed_campaign())
    path = gateway.directory / "access.log"
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"), "a line")
    assert re.fullmatch(r"\S+Z 127\.0\.0\.1:\d+ billing POST create-campaign 200 duration_us=\d+ bytes_in=\d+ "
                        rf"bytes_out=\d+ id={answer.header('x-decision-id')} .*verdict=allow.*\n", path.read_text())


def test_a_dash_is_standard_output(tmp_path, certs, kore):
    gateway = Gateway(tmp_path, certs, kore.port, extra="log: {file: log.json}\naccess_log: {file: '-'}", start=False)
    out = tmp_path / "out"
    with open(out, "wb") as stdout:
        start_with_stderr(gateway, subprocess.DEVNULL, stdout)
    gateway.stderr_path = tmp_path / "log.json"
    gateway.port = int(wait_for(lambda: gateway.events("listening"), "it to listen")[0]["address"].rsplit(":", 1)[1])
    assert gateway.post(seed_campaign()).status == 200
    usr1(gateway)
    wait_for(lambda: gateway.events("log-reopened"), "the signal")
    gateway.stop()
    assert [line["status"] for line in lines_of(out)] == [200]


def test_callers_names_are_told_without_phone_numbers(make_gateway, kore, tmp_path):
    keys = tmp_path / "callers.yaml"
    key = "k" * 32
    keys.write_text(f"api_keys:\n  - {{id: desk-919561612345, sha256: {hashlib.sha256(key.encode()).hexdigest()}, team: billing}}\n")
    gateway = make_gateway(extra=f"{ACCESS}\ncallers: {keys}", team=None)
    assert gateway.post(seed_campaign(), headers=[("x-api-key", key)]).status == 200
    line, = access_lines(gateway, 1)
    assert "919561612345" not in line["caller"] and line["caller"] == gateway.decisions()[0]["caller"]


# ---- moved away ----

@pytest.mark.concurrency
def test_files_moved_away_under_load_lose_no_line(make_gateway, kore):
    gateway = make_gateway(extra=f"{ACCESS}\nlog: {{file: log.json}}\n{ADMIN}", start=False)
    gateway.stderr_path = gateway.directory / "log.json"
    gateway.start()
    requests, stop = [0] * 3, threading.Event()

    def load(i):
        with gateway.client() as client:
            while not stop.is_set():
                client.send(request(b"no JSON"))
                assert client.read().status == 400
                requests[i] += 1

    threads = [threading.Thread(target=load, args=(i,)) for i in range(3)]
    [thread.start() for thread in threads]
    parts = []
    for turn in range(3):
        before = sum(requests)
        wait_for(lambda: sum(requests) > before + 30, "requests")
        for name in ("access.log", "log.json"):
            part = gateway.directory / f"{name}.{turn}"
            (gateway.directory / name).rename(part)
            parts.append(part)
        usr1(gateway)
        wait_for(lambda: (gateway.directory / "access.log").exists() and (gateway.directory / "log.json").exists(), "new files")
    stop.set()
    [thread.join() for thread in threads]
    gateway.stop()
    access = lines_of(*[part for part in parts if "access" in part.name], gateway.directory / "access.log")
    assert len(access) == sum(requests) == len({line["id"] for line in access})
    assert {line["id"] for line in access} == {record["id"] for record in gateway.decisions()}
    log = lines_of(*[part for part in parts if "json" in part.name], gateway.directory / "log.json")
    events = [line["event"] for line in log]
    assert events.count("listening") == 1 and events[-1] == "stopped"
    assert len([line for line in log if line["event"] == "log-reopened" and line["log"] == "access_log"]) == 3
    assert (gateway.directory / "log.json").read_text().count("listening") == 0


def test_what_cannot_be_opened_again_is_kept_and_says_so(make_gateway, kore):
    gateway = make_gateway(extra=f"{ACCESS}\nlog: {{file: log.json}}", start=False)
    log = gateway.stderr_path = gateway.directory / "log.json"
    gateway.start()
    gateway.stderr_path = moved = log.rename(gateway.directory / "moved.json")
    log.mkdir()
    usr1(gateway)
    told, = wait_for(lambda: gateway.events("log-not-reopened"), "the event")
    assert told["log"] == "log" and told["error"] == "Is a directory" and told["remedy"]
    gateway.post(b"{}", target="/nothing")
    gateway.stop()
    assert lines_of(moved)[-1]["event"] == "stopped" and len(access_lines(gateway, 1)) == 1


@pytest.mark.parametrize("extra", ["log: {file: no/such/directory/log}", "access_log: {file: no/such/directory/log}"])
def test_what_cannot_be_opened_stops_the_start(tmp_path, certs, extra):
    gateway = Gateway(tmp_path, certs, 1, start=False, extra=extra)
    ran = subprocess.run([BINARY, "run", "--config", gateway.config], capture_output=True, text=True, timeout=DEADLINE)
    assert ran.returncode == 2
    assert re.search(r"gateway\.yaml:\d+:\d+: cannot open '\S+/no/such/directory/log': No such file or directory", ran.stderr)


def test_an_access_log_without_file_is_refused(tmp_path, certs):
    gateway = Gateway(tmp_path, certs, 1, start=False, extra="access_log: {format: text}")
    ran = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True, timeout=DEADLINE)
    assert ran.returncode == 2 and "'access_log' has no 'file'" in ran.stdout + ran.stderr


# ---- never in the way ----

def test_a_pipe_that_nobody_reads_stops_no_request(tmp_path, certs, kore):
    """Both logs go to one pipe, which is full; the process serves, ends, and counts what it lost."""
    reader, writer = os.pipe()
    gateway = Gateway(tmp_path, certs, kore.port, extra=f"access_log: {{file: '-'}}\n{ADMIN}", start=False)
    start_with_stderr(gateway, writer, writer)
    got = b""
    while b'"listening"' not in got or not got.endswith(b"\n"):
        got += os.read(reader, 65536)
    events = {line["event"]: line for line in map(json.loads, got.decode().splitlines())}
    gateway.port = int(events["listening"]["address"].rsplit(":", 1)[1])
    gateway.admin_url = lambda: "http://" + events["admin-listening"]["address"]
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    for _ in range(20):
        kore.script.append(Answer(close_before=True))
        assert gateway.post(seed_campaign()).status == 502        # each logs a warning
    assert gateway.metric("log_lines_lost_total") >= 10
    gateway.stop()
    os.close(reader)
    os.close(writer)


def test_closed_descriptors_lead_log_lines_nowhere_else(tmp_path, certs, kore):
    """Without standard error, what is opened next would take its number, and its lines."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    gateway = Gateway(tmp_path, certs, kore.port, extra="access_log: {file: '-'}", start=False)
    gateway.config.write_text(gateway.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))
    start_by_hand(gateway, ["sh", "-c", 'exec "$0" run --config "$1" <&- >&- 2>&-', BINARY, gateway.config])
    gateway.port = port

    def listens():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False

    wait_for(listens, "it to listen")
    kore.script.append(Answer(close_before=True))
    assert gateway.post(seed_campaign()).status == 502      # a warning and a line
    assert [os.readlink(f"/proc/{gateway.process.pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
    gateway.stop()


def test_a_storm_of_one_event_is_a_few_lines_and_a_number(make_gateway):
    """Ten thousand connections that are no TLS: all of them are accounted for."""
    gateway, count = make_gateway(), 10000

    def knock():
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            try:
                while sock.recv(4096):
                    pass
            except ConnectionResetError:
                pass

    threads = [threading.Thread(target=lambda: [knock() for _ in range(count // 4)]) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    def accounted():
        told = sum(event["count"] for event in gateway.events("repeated") if event["of"] == "handshake-failed")
        return told + len(gateway.events("handshake-failed")) == count

    wait_for(accounted, "all of them to be accounted for")         # also without a later line
    seconds = len(gateway.events("repeated"))
    assert 1 <= seconds and len(gateway.events("handshake-failed")) <= 10 * (seconds + 1)


# ---- form and level ----

def test_a_terminal_gets_text_and_nothing_that_acts_on_it(tmp_path, certs, kore):
    master, slave = os.openpty()
    gateway = Gateway(tmp_path, certs, kore.port, start=False)
    start_with_stderr(gateway, slave)
    got = b""
    while b" listening " not in got or not got.endswith(b"\n"):
        got += os.read(master, 65536)
    gateway.stop()
    os.close(slave)
    os.close(master)
    assert re.search(rb"\d\d:\d\d:\d\d\.\d{3}Z info  listening {12}address=127\.0\.0\.1:\d+ workers=2", got)
    assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", got)


def test_the_level_changes_with_a_reload(make_gateway, kore):
    gateway = make_gateway(extra="log: {level: error}", start=False)
    process = start_with_stderr(gateway, open(gateway.stderr_path, "wb")).process
    gateway.config.write_text(gateway.config.read_text().replace("level: error", "level: info"))
    # at the level of errors it does not say when it listens
    wait_for(lambda: gateway.events("reloaded") or (reads_signals(process) and process.send_signal(signal.SIGHUP)),
             "a reload that is told of")
    assert not gateway.events("restart-needed")


def reads_signals(process):
    """Until then HUP would end it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^SigBlk:\s*(\w+)", status, re.M)[1], 16) & 1


def test_a_changed_file_needs_a_restart(make_gateway, kore):
    gateway = make_gateway(extra=ACCESS)
    gateway.config.write_text(gateway.config.read_text().replace("access.log", "other.log"))
    gateway.process.send_signal(signal.SIGHUP)
    told = wait_for(lambda: gateway.events("restart-needed"), "the event")
    assert told[0]["settings"] == "CAMPAIGN_GATEWAY_ACCESS_LOG_FILE"

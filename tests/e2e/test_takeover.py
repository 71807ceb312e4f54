"""Sockets that are handed over, the word to who hands them over, and restarts that no client notices."""
import collections
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import ADMIN, BINARY, TARGET, request, seed_campaign, wait_for
from kore import Answer
from load import Load

HAND_OVER = str(Path(__file__).parent / "hand_over.py")


def listening(backlog=1024):
    return socket.create_server(("127.0.0.1", 0), backlog=backlog)


def hand_over(gateway, **sockets):
    """The next start gets these; a name that begins with _ is none."""
    words = [f"{'' if name[0] == '_' else name}={sock.fileno()}" for name, sock in sockets.items()]
    gateway.prefix = [sys.executable, HAND_OVER, *words, "--"]
    gateway.popen = {"pass_fds": [sock.fileno() for sock in sockets.values()]}
    return gateway


@pytest.fixture
def make_handed(make_gateway):
    def make(start=True, options=None, **sockets):
        gateway = hand_over(make_gateway(start=False, **(options or {})), **sockets)
        return gateway.start() if start else gateway
    return make


# ---- restarts ----

def restart_as_systemd(gateway):
    gateway.stop()
    gateway.start()


def restart_before_the_end(gateway):
    """The new one comes while the old one still drains, and waits for the journal."""
    old = gateway.process
    gateway.term()
    gateway.start()
    assert old.wait(40) == 0


def restart_before_the_signal(gateway):
    old, before = gateway.process, len(gateway.events("listening"))
    with open(gateway.stderr_path, "ab") as stderr:
        new = subprocess.Popen(gateway.command(), stdout=stderr, stderr=stderr, stdin=subprocess.DEVNULL, **gateway.popen)
    wait_for(lambda: gateway.events("journal-awaited"), "the new one to wait")
    old.send_signal(signal.SIGTERM)
    assert old.wait(40) == 0
    gateway.process, gateway.told_to_stop = new, False
    wait_for(lambda: len(gateway.events("listening")) > before, "the new one to listen")


def check_restarts(gateway, kore, restarts, **clients):
    url = f"https://localhost:{gateway.port}"
    with Load(url, gateway.certs / "ca.pem", TARGET, **clients) as load:
        for restart in restarts:
            before = len(kore.requests)
            wait_for(lambda: len(kore.requests) > before + 100, "campaigns to pass")
            restart(gateway)
        before = len(kore.requests)
        wait_for(lambda: len(kore.requests) > before + 100, "campaigns to pass")
        seen = load.stop()
    assert seen["errors"] == []
    assert set(seen["answers"].values()) == {200}
    sent = collections.Counter(json.loads(each.body)["name"] for each in kore.requests)
    assert sent == dict.fromkeys(seen["answers"], 1)
    assert seen["reused"] > 100
    gateway.stop()
    verify = subprocess.run([BINARY, "audit", "verify", "--directory", str(gateway.audit)], capture_output=True, text=True)
    assert verify.returncode == 0, verify.stdout + verify.stderr
    records = gateway.journal()
    assert [sum(record["kind"] == kind for record in records) for kind in ("started", "shutdown")] == [len(restarts) + 1] * 2
    assert sum(record["kind"] == "outcome" for record in records) == len(sent)


def test_no_client_notices_a_restart(make_handed, kore):
    with listening() as sock:
        gateway = make_handed(data=sock, start=False)
        gateway.config.write_text(gateway.config.read_text().replace("drain_timeout: 15s", "drain_timeout: 40s"))
        gateway.start()
        check_restarts(gateway, kore, [restart_as_systemd, restart_before_the_end, restart_before_the_signal],
                       fresh=80, keep_alive=160, pause=1.5)


def test_two_share_the_socket_and_one_leaves(make_handed, kore):
    """Side by side, each with a journal of its own, as for trying a new version."""
    with listening() as sock:
        first, second = make_handed(data=sock), make_handed(data=sock)
        with Load(f"https://localhost:{first.port}", first.certs / "ca.pem", TARGET, fresh=30, keep_alive=30, pause=0.3) as load:
            wait_for(lambda: first.decisions() and second.decisions(), "both to judge")
            first.stop()
            before = len(kore.requests)
            wait_for(lambda: len(kore.requests) > before + 30, "the second to go on")
            seen = load.stop()
        assert seen["errors"] == [] and set(seen["answers"].values()) == {200}
        assert len(kore.requests) == len(seen["answers"])


@pytest.mark.concurrency
def test_an_idle_client_has_one_more_request(gateway, kore):
    with gateway.client() as busy, gateway.client() as idle:
        for client in (busy, idle):
            client.send(request(seed_campaign()))
            assert client.read().header("connection") is None
        gateway.term()
        wait_for(lambda: gateway.events("draining"), "the drain to begin")
        with gateway.client() as late:    # the port is open as long as somebody may come back
            late.send(request(seed_campaign()))
            assert (late.read().status, late.at_end()) == (200, True)
        busy.send(request(seed_campaign()))
        answer = busy.read()
        assert (answer.status, answer.header("connection"), busy.at_end()) == (200, "close", True)
        assert idle.at_end()
    gateway.stop()
    assert len(kore.requests) == 4


def test_nobody_waits_for_clients_that_are_gone(gateway):
    assert gateway.post(seed_campaign()).status == 200
    begun = time.monotonic()
    gateway.stop()
    assert time.monotonic() - begun < 2.5


def test_who_waits_for_the_journal_can_be_told_to_end(make_handed, certs):
    with listening() as sock:
        first = make_handed(data=sock)
        second = make_handed(start=False, data=sock)
        second.config.write_text(second.config.read_text().replace("directory: audit", f"directory: {first.audit}"))
        with open(second.stderr_path, "ab") as stderr:
            process = subprocess.Popen([*second.prefix, BINARY, "run", "--config", str(second.config)], stderr=stderr,
                                       **second.popen)
        wait_for(lambda: second.events("journal-awaited"), "it to wait")
        assert first.post(seed_campaign()).status == 200    # the one that has the journal serves all
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 2
        assert re.search(r"gateway.yaml:\d+:\d+: .*journal", second.stderr().splitlines()[-1])


def test_the_admin_port_is_taken_over_too(make_handed):
    """It is not handed over, so the next gateway has to wait until the last one has closed it."""
    with listening() as sock, listening() as free:
        port = free.getsockname()[1]
        free.close()
        gateway = make_handed(data=sock, options={"extra": f"admin: {{listen: 127.0.0.1:{port}}}"})
        old, before = gateway.process, len(gateway.events("listening"))
        with open(gateway.stderr_path, "ab") as stderr:
            gateway.process = subprocess.Popen(gateway.command(), stdout=stderr, stderr=stderr, stdin=subprocess.DEVNULL,
                                               **gateway.popen)
        wait_for(lambda: gateway.events("admin-port-awaited"), "the new one to wait")
        assert gateway.post(seed_campaign()).status == 200 and gateway.admin("/livez")    # by the old one
        old.send_signal(signal.SIGTERM)
        assert old.wait(40) == 0
        wait_for(lambda: len(gateway.events("listening")) > before, "the new one to listen")
        assert gateway.post(seed_campaign()).status == 200 and gateway.admin("/livez")


# ---- what is handed over ----

def test_sockets_go_by_their_names(make_handed):
    with listening() as admin, listening() as data:
        gateway = make_handed(admin=admin, data=data)
        assert gateway.port == data.getsockname()[1]
        assert gateway.post(seed_campaign()).status == 200
        assert gateway.admin_url().endswith(f":{admin.getsockname()[1]}") and gateway.admin("/livez")


def test_sockets_without_names_go_by_their_order(make_handed):
    with listening() as data, listening() as admin:
        gateway = make_handed(_1=data, _2=admin, options={"extra": ADMIN})
        assert gateway.port == data.getsockname()[1]
        assert gateway.admin_url().endswith(f":{admin.getsockname()[1]}") and gateway.admin("/livez")


def test_a_socket_of_another_name_is_for_data(make_handed):
    with listening() as sock:    # systemd calls it after its unit
        gateway = make_handed(**{"campaign-gateway.socket": sock})
        assert gateway.port == sock.getsockname()[1]
        assert gateway.post(seed_campaign()).status == 200


def test_only_an_admin_socket(make_handed):
    with listening() as sock:
        gateway = make_handed(admin=sock)
        assert gateway.post(seed_campaign()).status == 200 and gateway.admin("/livez")


def udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def not_listening():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def unix(tmp_path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(tmp_path / "socket"))
    sock.listen()
    return sock


@pytest.mark.parametrize("make", [lambda _: udp(), lambda _: not_listening(), unix], ids=["udp", "not-listening", "unix"])
def test_what_is_no_listening_tcp_socket_is_refused(make_handed, tmp_path, make):
    with make(tmp_path) as sock:
        assert "LISTEN_FDS: descriptor 3 is not a listening TCP socket" in refused(make_handed(start=False, data=sock))


def refused(gateway):
    run = subprocess.run([*gateway.prefix, BINARY, "run", "--config", str(gateway.config)], capture_output=True, text=True,
                         timeout=30, env=gateway.environment, **gateway.popen)
    assert run.returncode == 2 and "Sanitizer" not in run.stderr, run.stderr
    assert not gateway.audit.exists()
    return run.stderr.splitlines()[-1]


def test_two_for_data_are_refused(make_handed):
    with listening() as one, listening() as other:
        said = refused(make_handed(start=False, data=one, other=other))
        assert "descriptors 3 and 4 would both be the data socket" in said


@pytest.mark.parametrize("count, said", [
    ("two", "'two' is not a number of sockets"), ("-1", "'-1' is not a number"), ("100000", "'100000' is not a number"),
    ("1", "descriptor 3 is not open"), ("0", None),
])
def test_the_count_of_sockets(make_gateway, count, said):
    gateway = make_gateway(start=False, workers=1)
    gateway.prefix = ["sh", "-c", f'LISTEN_PID=$$ LISTEN_FDS={count} exec "$0" "$@" 3<&-']
    if said:
        assert said in refused(gateway)
    else:
        assert gateway.start().post(seed_campaign()).status == 200


def test_what_is_meant_for_another_process_is_left_alone(make_gateway):
    gateway = make_gateway(start=False, environment={"LISTEN_PID": "1", "LISTEN_FDS": "3", "WATCHDOG_PID": "1",
                                                     "WATCHDOG_USEC": "1"})
    assert gateway.start().post(seed_campaign()).status == 200


# ---- what is told ----

class Told:
    """The socket that NOTIFY_SOCKET names."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1))
        self.socket.settimeout(20)

    def next(self):
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def until(self, key):
        """What is told up to this, watchdog apart."""
        told = [self.next()]
        while key not in told[-1]:
            told.append(self.next())
        return told


@pytest.mark.parametrize("name", ["{tmp_path}/notify", "@campaign-gateway-{pid}"])
def test_states_are_told(make_gateway, tmp_path, name):
    name = name.format(tmp_path=tmp_path, pid=os.getpid())
    told = Told(name)
    gateway = make_gateway(environment={"NOTIFY_SOCKET": name})
    assert [list(each) for each in told.until("READY")] == [["STATUS"], ["READY", "STATUS"]]
    assert gateway.events("listening")    # ready means that clients may come
    gateway.process.send_signal(signal.SIGHUP)
    reloading, ready = told.until("READY")
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert ready["STATUS"] == "serving by policy 2026-11-23.1"
    (gateway.directory / "policies/policy.yaml").write_text("revision:\n")
    assert told.until("READY")[-1]["STATUS"].startswith("the old policy stays: ")
    gateway.term()
    assert told.until("STOPPING")[-1] == {"STOPPING": "1", "STATUS": "finishing what is under way"}


def test_the_watchdog_is_told(make_gateway, tmp_path):
    told = Told(str(tmp_path / "notify"))
    gateway = make_gateway(environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"})
    told.until("READY")
    begun = time.monotonic()
    for _ in range(10):
        assert told.next() == {"WATCHDOG": "1"}
    assert time.monotonic() - begun > 0.5    # twice in each period, and no more
    gateway.process.send_signal(signal.SIGSTOP)    # what hangs says nothing
    told.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            told.next()
    told.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        told.next()
    gateway.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("variable, value, said", [
    ("NOTIFY_SOCKET", "relative", "neither an absolute path nor an abstract socket"),
    ("NOTIFY_SOCKET", "/" + "x" * 200, "neither an absolute path nor an abstract socket"),
    ("WATCHDOG_USEC", "soon", "'soon' is not a number"),
])
def test_what_cannot_be_told_is_refused(make_gateway, variable, value, said):
    assert said in refused(make_gateway(start=False, environment={variable: value}))


def test_nobody_listens_to_what_is_told(make_gateway, tmp_path):
    gateway = make_gateway(environment={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert gateway.post(seed_campaign()).status == 200


def test_who_is_told_may_start_anew(make_gateway, tmp_path):
    told = Told(str(tmp_path / "notify"))
    gateway = make_gateway(environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
    told.until("READY")
    told.socket.close()
    (tmp_path / "notify").unlink()
    told = Told(str(tmp_path / "notify"))
    gateway.process.send_signal(signal.SIGHUP)
    assert told.until("READY")[-1]["STATUS"] == "serving by policy 2026-11-23.1"

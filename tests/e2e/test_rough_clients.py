"""Clients that stop, leave, stall and babble at every point: nothing breaks, everything is recorded."""
import os
import random
import resource
import socket
import threading
import time

import pytest

from harness import request, seed_campaign, wait_for
from kore import Answer

GARBAGE = [b"\0" * 50, b"\r\n" * 20, b"GET", b"POST / HTTP/1.1\r\n", b"A: " + b"x" * 9000, b"\xff" * 300]


def rough_client(gateway, rng, rounds):
    bad = seed_campaign()
    bad["priority"] = "9"
    for _ in range(rounds):
        try:
            with gateway.client() as client:
                data = b"".join(request(rng.choice([bad, seed_campaign()])) for _ in range(rng.randrange(1, 4)))
                if rng.random() < 0.3:
                    at = rng.randrange(len(data))
                    data = data[:at] + rng.choice(GARBAGE) + data[at:]
                if rng.random() < 0.5:
                    data = data[:rng.randrange(1, len(data))]
                while data:
                    piece = rng.randrange(1, 3000)
                    client.send(data[:piece])
                    data = data[piece:]
                action = rng.randrange(4)
                if action == 0:      # gone with a reset, wherever the gateway is by then
                    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                elif action == 1:    # half a goodbye
                    client.sock.shutdown(socket.SHUT_WR)
                elif action == 2:
                    client.sock.settimeout(0.05)
                    client.read()
        except (OSError, EOFError, AssertionError):
            pass


def rough_answer(rng):
    return lambda seen: rng.choice([Answer(), Answer(), Answer(close_before=True), Answer(reset=True),
                                    Answer(cut_at=rng.randrange(1000)), Answer(delay=0.05),
                                    Answer(framing="chunked"), Answer(raw=b"\0" * 100)])


@pytest.mark.concurrency
def test_rough_clients_and_a_rough_upstream(make_gateway, kore):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    kore.default = rough_answer(random.Random(seed))
    gateway = make_gateway(workers=3)
    threads = [threading.Thread(target=rough_client, args=(gateway, random.Random(seed + n), 40))
               for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kore.default = Answer()
    assert gateway.post(seed_campaign()).status == 200
    gateway.stop()
    allowed = {d["id"] for d in gateway.decisions() if d["verdict"] == "allow"}
    assert set(gateway.outcomes()) == allowed     # whatever was begun has an end
    assert len(kore.requests) <= len(allowed)     # and went out at most once


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_running_out_of_descriptors_neither_spins_nor_ends_anything(make_gateway, kore):
    gateway = make_gateway()
    with gateway.client() as old:
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (48, 48))
        crowd = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(100)]
        before = cpu_seconds(gateway.process.pid)
        time.sleep(1)      # a second in which it must not be busy
        assert cpu_seconds(gateway.process.pid) - before < 0.5
        old.send(request(seed_campaign()))
        assert old.read().status in (200, 502)    # a new upstream connection may find no descriptor
        for sock in crowd:
            sock.close()
    wait_for(lambda: served(gateway), "new clients to be served again")


def served(gateway):
    try:
        return gateway.post(seed_campaign()).status == 200
    except (OSError, EOFError):
        return False

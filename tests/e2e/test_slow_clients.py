"""What slowhttptest cannot ask: slow readers of large answers, and a gateway that is late itself."""
import json
import threading

import pytest

from harness import request, seed_campaign, wait_for
from kore import Answer


def kernel_still_owes(port):
    """Bytes in the send queues of the gateway's connections, its own closed ones included."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(int(row[4].split(":")[0], 16) for row in rows if int(row[1].split(":")[1], 16) == port)


def test_a_cut_reader_leaves_nothing_in_the_kernel(make_gateway, kore):
    gateway = make_gateway(limits=", write_timeout: 500ms")
    kore.default = Answer(body=json.dumps({"pad": "x" * 1_000_000}).encode())
    with gateway.client() as client:
        client.send(request(seed_campaign()) * 8)     # more than the kernel holds for one that reads nothing
        wait_for(lambda: kernel_still_owes(gateway.port) > 1_000_000, "the kernel's buffers to fill")
        wait_for(lambda: kernel_still_owes(gateway.port) == 0, "the kernel to forget what nobody reads")


def test_a_request_that_has_come_is_not_refused_as_too_slow(make_gateway):
    def converse():
        with gateway.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)     # one record: all are there at once
            try:
                statuses.extend(client.read().status for _ in range(50))
            except EOFError:
                pass

    # a deadline as short as one round of the loop; on a busy machine a round takes seconds
    gateway, statuses = make_gateway(workers=1, limits=", head_timeout: 1ms"), []
    threads = [threading.Thread(target=converse) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [404] * 40 * 50

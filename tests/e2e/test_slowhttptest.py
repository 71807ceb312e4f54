"""slowhttptest in all its modes at once: it gets cut, and another client is served all the while.

The siege is laid once for the whole file; each test looks at one of its traces.
"""
import csv
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import DEADLINE, PATH, TARGET, Gateway, seed_campaign, wait_for
from kore import KoreHost

CONNECTIONS = 300    # of each mode, and all modes attack at once
GENEROUS = 15        # seconds for one campaign: enough for sanitizers on a busy machine, too few for a hang

# Shorter than what the slow connections want to live, longer than the second between two of their
# bytes: a deadline that starts anew with each byte would never cut them.
LIMITS = ", handshake_timeout: 10s, head_timeout: 2s, body_timeout: 2s, write_timeout: 2s, idle_timeout: 2s"
OPTIONS = f"-c {CONNECTIONS} -r 100 -i 1 -l 60 -p {GENEROUS} -g -v 1".split()
MODES = {
    "slow-headers": "-H -x 10",
    "slow-body": "-B -x 10 -f application/json",
    "range": "-R",
    "slow-read": "-X -k 3 -w 256 -y 512 -n 1 -z 1024",
    "slowest-read": "-X -k 10 -w 1 -y 1 -n 1 -z 1",   # a quarter of an hour for ten answers
}


class Attack:
    """One run of slowhttptest."""

    def __init__(self, mode, port, directory):
        self.report, self.log = directory / f"{mode}.csv", directory / f"{mode}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["slowhttptest", *MODES[mode].split(), *OPTIONS, "-o", directory / mode,
                 "-u", f"https://127.0.0.1:{port}{TARGET}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def running(self):
        return self.process.poll() is None

    def end(self):
        """As a person would with Ctrl-C, after which it still writes its report."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(DEADLINE)

    def rows(self):
        """A row a second, counts by name; 'Service Available' is above zero when its probe was answered."""
        with open(self.report, newline="") as report:
            return [{key: int(value) for key, value in row.items()} for row in csv.DictReader(report)]

    def exit_status(self):
        plain = re.sub(r"\x1b\[[\d;]*m", "", self.log.read_text(errors="replace"))
        return re.search(r"Exit status:\s*(.*)", plain)[1]


class Citizen(threading.Thread):
    """Posts campaigns one after the other, each over a connection of its own."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway, self.enough = gateway, threading.Event()
        self.answers = []     # (status, or what went wrong instead; seconds)

    def run(self):
        while not self.enough.wait(0.02):
            begun = time.monotonic()
            try:
                status = self.gateway.post(seed_campaign()).status
            except (OSError, EOFError) as why:
                status = repr(why)
            self.answers.append((status, time.monotonic() - begun))

    def stop(self):
        self.enough.set()
        self.join()


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def cpu_seconds(gateway):
    with open(f"/proc/{gateway.process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def many_descriptors():
    """What is started meanwhile may have a connection for each of slowhttptest's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Siege:
    def __init__(self, gateway, directory):
        self.gateway = gateway
        assert gateway.post(seed_campaign()).status == 200
        self.at_peace = descriptors(gateway)
        self.most = 0
        self.citizen = Citizen(gateway)
        self.attacks = {mode: Attack(mode, gateway.port, directory) for mode in MODES}

    def lay(self):
        self.citizen.start()
        try:
            slowest = self.attacks["slowest-read"]
            wait_for(lambda: self.watch() >= CONNECTIONS, "the siege to be laid")
            for mode, attack in self.attacks.items():
                if attack is not slowest:
                    wait_for(lambda: self.watch() and not attack.running(), f"{mode} to be cut")
            # the slowest cannot notice, but the gateway has let go of them: only the citizen is left
            wait_for(lambda: self.watch() < self.at_peace + 20, "the slowest readers to be cut")
            self.slowest_still_hold = slowest.running()
        finally:
            self.citizen.stop()
            for attack in self.attacks.values():
                attack.end()

    def watch(self):
        now = descriptors(self.gateway)
        self.most = max(self.most, now)
        return now


@pytest.fixture(scope="module")
def siege(tmp_path_factory, certs, many_descriptors):
    assert shutil.which("slowhttptest"), "please install Debian's slowhttptest, as tests/run does"
    directory = tmp_path_factory.mktemp("siege")
    with KoreHost(certs / "kore.pem", certs / "kore.key") as kore:
        gateway = Gateway(directory, certs, kore.port, limits=LIMITS)
        try:
            siege = Siege(gateway, directory)
            siege.lay()
            yield siege
        finally:
            for log in sorted(directory.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
            gateway.stop()


def test_another_client_is_always_served(siege):
    statuses = {status for status, _ in siege.citizen.answers}
    assert statuses == {200}
    assert len(siege.citizen.answers) > 20
    slowest = max(seconds for _, seconds in siege.citizen.answers)
    print(f"{len(siege.citizen.answers)} campaigns, the slowest took {slowest:.2f} s")
    assert slowest < GENEROUS


@pytest.mark.parametrize("mode", MODES)
def test_slowhttptest_itself_finds_the_service_available(siege, mode):
    rows = siege.attacks[mode].rows()
    assert len(rows) > 1 and all(row["Service Available"] > 0 for row in rows), rows


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "slowest-read"])
def test_slow_connections_are_cut(siege, mode):
    attack = siege.attacks[mode]
    assert attack.exit_status() == "No open connections left"
    assert attack.rows()[-1]["Closed"] > 0    # the last second has no row


def test_readers_too_slow_to_notice_are_cut_as_well(siege):
    assert siege.slowest_still_hold
    assert siege.attacks["slowest-read"].rows()[-1]["Connected"] == CONNECTIONS


def test_each_cut_is_in_the_journal(siege):
    def count(code, path):
        return sum(d["code"] == code and d.get("path") == path for d in decisions)

    decisions = [d for d in siege.gateway.decisions() if d["verdict"] == "deny"]
    nearly_all = CONNECTIONS * 0.9     # slowhttptest gives some up when it is late itself
    assert count("request-timeout", None) > nearly_all     # the head never ended
    assert count("request-timeout", PATH) > nearly_all     # the body never ended
    assert count("header-too-long", None) > nearly_all     # a thousand ranges


def test_afterwards_the_gateway_rests(siege):
    assert siege.most > CONNECTIONS
    wait_for(lambda: descriptors(siege.gateway) <= siege.at_peace + 5, "the descriptors to be given back")
    before = cpu_seconds(siege.gateway)
    time.sleep(1)      # a second in which it must not be busy
    assert cpu_seconds(siege.gateway) - before < 0.2
    assert siege.gateway.post(seed_campaign()).status == 200

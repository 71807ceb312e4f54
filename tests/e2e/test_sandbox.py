"""What somebody who took over the running gateway could still do: little. A library that is preloaded
(intruder.c) makes the calls from inside, on the thread that a test names."""
import contextlib
import ctypes
import errno
import json
import os
import platform
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from harness import ACCOUNT, ADMIN, BINARY, POLICY, ROOT, Gateway, seed_campaign, wait_for

pytestmark = pytest.mark.mounts

HERE = Path(__file__).parent
SIGNAL = signal.SIGRTMIN + 4
NOBODY = 65532
TGKILL = {"x86_64": 234, "aarch64": 131}[platform.machine()]
LIBC = ctypes.CDLL(None, use_errno=True)
SANITIZED = b"__asan_init" in Path(BINARY).read_bytes() or b"__tsan_init" in Path(BINARY).read_bytes()
VERSION = LIBC.syscall(444, None, ctypes.c_size_t(0), 1)     # of Landlock; -1: the kernel has none

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do that")
needs_landlock = pytest.mark.skipif(VERSION < 1, reason="this kernel has no Landlock")


@pytest.fixture(scope="module")
def intruder(tmp_path_factory):
    library = tmp_path_factory.mktemp("intruder") / "intruder.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", library,
                    HERE / "intruder.c"], check=True)
    return library


class Inside:
    """A gateway with the intruder in it."""

    def __init__(self, make_gateway, library, **options):
        options.setdefault("extra", ADMIN)
        sanitizer = "verify_asan_link_order=0"
        given = os.environ.get("ASAN_OPTIONS")
        self.gateway = make_gateway(start=False, environment={
            "LD_PRELOAD": str(library), "ASAN_OPTIONS": f"{given}:{sanitizer}" if given else sanitizer}, **options)
        self.orders = self.gateway.directory / "orders"
        self.gateway.environment["INTRUDER"] = str(self.orders)
        self.gateway.start()
        self.pid = self.gateway.process.pid

    def threads(self):
        """All but a sanitizer's own, which hears no signals."""
        tasks = [task for task in Path(f"/proc/{self.pid}/task").iterdir()
                 if not int(status_of(task)["SigBlk"], 16) >> SIGNAL - 1 & 1]
        assert len(tasks) > 5
        return [int(task.name) for task in tasks]

    def order(self, calls, thread=None):
        self.orders.write_text("".join(call + "\n" for call in calls))
        assert LIBC.syscall(TGKILL, self.pid, thread or self.pid, int(SIGNAL)) == 0

    def attempt(self, *calls, thread=None):
        """What each call answered: "" or the error's name."""
        before = len(self.gateway.events("intruder"))
        self.order(calls, thread)
        wait_for(lambda: len(self.gateway.events("intruder")) >= before + len(calls), "the intruder")
        events = self.gateway.events("intruder")[before:]
        assert {event["tid"] for event in events} == {thread or self.pid}
        return [event["error"] for event in events]


@pytest.fixture
def inside(make_gateway, intruder):
    return Inside(make_gateway, intruder)


def alive(gateway):
    return gateway.post(seed_campaign()).status == 200


# ---- system calls ----

DEADLY = ["execve =/bin/true 0 0", "execveat -100 =/bin/true 0 0 0", "bpf 0 0 0", "keyctl 0 0", "init_module 0 0 =",
          "mount =a =/ =tmpfs 0 0", "unshare 0x10000000", "setns 0 0", "process_vm_readv 1 0 0 0 0 0", "setuid 0",
          "perf_event_open 0 0 0 0 0", "userfaultfd 0"] + ([] if SANITIZED else ["ptrace 0 0 0 0"])


@pytest.mark.parametrize("call", DEADLY, ids=lambda call: call.split()[0])
def test_what_no_gateway_does_ends_it(inside, call):
    inside.order([call])
    inside.gateway.process.wait(20)
    inside.gateway.told_to_stop = True
    inside.gateway.stop(expected=(-signal.SIGSYS,))
    assert inside.gateway.events("intruder") == []      # the call never came back


REFUSED = {
    "socket 17 3 0": "ENOSYS",          # packets
    "socket 40 1 0": "ENOSYS",          # to the host of a virtual machine
    "socket 38 5 0": "ENOSYS",          # the kernel's cryptography
    "socket 16 3 12": "ENOSYS",         # netfilter
    "mmap 0 4096 5 0x22 -1 0": "EPERM", # memory to be executed
    "mmap 0 4096 7 0x22 -1 0": "EPERM",
    "mprotect 0 0 4": "EPERM",
    "listen 0 1": "EPERM",
    "clone3 0 0": "ENOSYS",
    "io_uring_setup 1 0": "ENOSYS",
    "memfd_create =a 0": "ENOSYS",
    "personality 0x0400000": "ENOSYS",
    "landlock_create_ruleset 0 0 1": "ENOSYS",
    "symlinkat =a -100 =b": "ENOSYS",
    "ioctl 0 0x5412 =a": "ENOSYS",      # typing into somebody's terminal
    "prlimit64 1 7 =aaaaaaaaaaaaaaaa 0": "ENOSYS",
}
NOT_FOR_SANITIZERS = {"clone 17 0 0 0 0": "EPERM", "kill 1 0": "ENOSYS", "tgkill 1 1 0": "ENOSYS", "prctl 4 1": "ENOSYS"}


def test_what_it_has_no_need_of_is_refused_and_it_goes_on(inside):
    expected = REFUSED | ({} if SANITIZED else NOT_FOR_SANITIZERS)
    for thread in inside.threads():
        assert dict(zip(expected, inside.attempt(*expected, thread=thread))) == expected
    assert alive(inside.gateway)


def test_without_the_filter_the_same_calls_pass(make_gateway, intruder):
    inside = Inside(make_gateway, intruder, extra=f"{ADMIN}\nsandbox: {{seccomp: off}}")
    assert inside.attempt("mmap 0 4096 5 0x22 -1 0", "memfd_create =a 0") == ["", ""]
    assert inside.gateway.events("sandbox")[0]["seccomp"] == "off"
    assert alive(inside.gateway)


# ---- files, ports, other processes ----

def opening(path, flags=0):
    return f"openat -100 ={path} {flags}"


@needs_landlock
def test_every_thread_reads_only_what_the_gateway_needs(inside, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("a secret")
    writable = [opening(f"{inside.gateway.audit}/new", os.O_CREAT | os.O_WRONLY), f"unlinkat -100 ={inside.gateway.audit}/new 0"]
    for thread in inside.threads():
        refused = inside.attempt(opening(outside), opening("/etc/shadow"), opening("/root"), opening("/proc/1/environ"),
                                 opening("/etc/ssl/private"), opening(inside.gateway.config, os.O_WRONLY),
                                 opening(inside.gateway.directory / "new", os.O_CREAT | os.O_WRONLY),
                                 f"mkdirat -100 ={tmp_path}/new 0700", f"unlinkat -100 ={outside} 0",
                                 f"unlinkat -100 ={inside.gateway.config} 0", thread=thread)
        assert refused == ["EACCES"] * len(refused)
        needed = inside.attempt(opening(inside.gateway.config), opening("/etc/hosts"), opening("/proc/self/status"),
                                opening("/dev/urandom"), *writable, thread=thread)
        assert needed == [""] * len(needed)
    assert outside.exists() and alive(inside.gateway)


@pytest.mark.skipif(VERSION < 4, reason="this kernel's Landlock knows no ports")
@needs_root    # to see its descriptors
def test_only_the_upstreams_port_can_be_reached(inside, kore):
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as freed:
        free = freed.getsockname()[1]
        freed.close()
        # a new socket takes the lowest descriptor that is free; the orders' file has it just before
        lowest = min(set(range(200)) - {int(fd.name) for fd in Path(f"/proc/{inside.pid}/fd").iterdir()})
        answers = inside.attempt("socket 2 1 0", f"connect {lowest} port:{other.getsockname()[1]} 16",
                                 f"bind {lowest} port:{free} 16", f"connect {lowest} port:{kore.port} 16")
    assert answers == ["", "EACCES", "EACCES", ""]


@pytest.mark.skipif(VERSION < 6, reason="this kernel's Landlock knows no signals")
@pytest.mark.parametrize("seccomp", ["on", "off"])
def test_it_cannot_signal_others(make_gateway, intruder, seccomp):
    inside = Inside(make_gateway, intruder, extra=f"{ADMIN}\nsandbox: {{seccomp: {seccomp}}}")
    expected = "EPERM" if seccomp == "off" or SANITIZED else "ENOSYS"
    assert inside.attempt(f"kill {os.getpid()} 0") == [expected]


def test_needs_landlock_files_are_open(make_gateway, intruder, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("")
    inside = Inside(make_gateway, intruder, extra=f"{ADMIN}\nsandbox: {{landlock: off}}")
    assert inside.attempt(opening(outside)) == [""]
    assert inside.gateway.events("sandbox")[0]["landlock"] == "off"
    assert inside.gateway.events("sandbox-degraded") == []


# ---- the process ----

def status_of(task):
    return dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)


def check_process(gateway, capabilities=0):
    tasks = list(Path(f"/proc/{gateway.process.pid}/task").iterdir())
    assert len(tasks) > 5
    for task in tasks:
        status = status_of(task)
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1"), task
        for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(status[kind], 16) & ~capabilities == 0, (task, kind)
    limits = Path(f"/proc/{gateway.process.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    # what is not dumpable belongs to root, so that other processes of its user cannot look into it
    assert Path(f"/proc/{gateway.process.pid}/mem").stat().st_uid == 0


def test_every_thread_is_restricted(make_gateway):
    gateway = make_gateway(extra=ADMIN)
    check_process(gateway, capabilities=0b10 if os.geteuid() == 0 else 0)
    assert gateway.events("sandbox")[0]["seccomp"] == "on"
    assert bool(gateway.events("runs-as-root")) == (os.geteuid() == 0)


# ---- a reload that needs more ----

@needs_landlock
def test_a_reload_that_leaves_the_sandbox_says_so(make_gateway, tmp_path):
    gateway = make_gateway()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "policy.yaml").write_text(POLICY.replace("2026-11-23.1", "elsewhere"))
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("policies: [policies]", f"policies: [{elsewhere}]"))
    failed = wait_for(lambda: gateway.events("reload-failed"), "the refusal")[-1]["error"]
    assert "restart it to use" in failed and str(elsewhere) in failed
    assert alive(gateway)
    gateway.stop()
    gateway.start()
    assert gateway.events("listening")[-1]["policy"] == "elsewhere"
    assert alive(gateway)


@needs_landlock
def test_a_policy_that_includes_a_file_elsewhere_says_so(make_gateway, tmp_path):
    gateway = make_gateway()
    (tmp_path / "more.yaml").write_text("revision: more\norganisation: {dnc_required: true}\n")
    policy = gateway.directory / "policies/policy.yaml"
    policy.write_text(POLICY.replace("organisation:\n", f"organisation:\n  include: [{tmp_path}/more.yaml]\n"))
    failed = wait_for(lambda: gateway.events("reload-failed"), "the refusal")[-1]["error"]
    assert "more.yaml" in failed and "it is the sandbox" in failed and "restart it" in failed


def test_a_reload_that_is_wrong_otherwise_does_not_blame_the_sandbox(make_gateway):
    gateway = make_gateway()
    gateway.config.write_text(gateway.config.read_text() + "colour: red\n")
    failed = wait_for(lambda: gateway.events("reload-failed"), "the refusal")[-1]["error"]
    assert "unknown key 'colour'" in failed and "the sandbox" not in failed


# ---- another user, other name servers ----

class NameServer(threading.Thread):
    """Answers one address for every name (A), nothing for AAAA, and counts; port 53 of `address`."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 53))
        self.count, self.answer = 0, None    # without an answer: no such name

    def run(self):
        while True:
            query, sender = self.sock.recvfrom(512)
            if not query:
                return
            end = query.index(b"\0", 12) + 5
            kind, = struct.unpack("!H", query[end - 4:end - 2])
            self.count += 1
            found = kind == 1 and self.answer
            head = query[:2] + struct.pack("!HHHHH", 0x8180 if self.answer else 0x8183, 1, int(bool(found)), 0, 0)
            record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + socket.inet_aton(self.answer) if found else b""
            self.sock.sendto(head + query[12:end] + record, sender)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.sock.getsockname())
        self.join()
        self.sock.close()


@pytest.fixture
def open_place():
    """A directory that every user may enter."""
    directory = Path(tempfile.mkdtemp(prefix="sandbox-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def own_etc(directory, name_server):
    """A copy of what names are looked up in, to be mounted over /etc."""
    etc = directory / "etc"
    etc.mkdir()
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), etc / name)
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (etc / "resolv.conf").write_text(f"nameserver {name_server}\noptions timeout:1 attempts:1\n")
    return etc


def as_user(uid, etc):
    """A command in front of the gateway's: another user, another /etc."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
            f'mount --bind {etc} /etc && exec setpriv --reuid {uid} --regid {uid} --clear-groups "$@"', "sh"]


@needs_root
def test_as_another_user_names_certificates_and_policies_change(certs, kore, open_place):
    """No privileges at all, and everything that a gateway meets in its life but a crash."""
    with NameServer("127.0.83.1") as first, NameServer("127.0.83.2") as second:
        etc = own_etc(open_place, "127.0.83.1")
        own = open_place / "own"
        shutil.copytree(certs, own / "certs")
        gateway = Gateway(own, own / "certs", kore.port, upstream_host="kore.test", extra=ADMIN, start=False,
                          prefix=as_user(NOBODY, etc))
        policies = own / "policies"
        (policies / "policy.yaml").unlink()
        (policies / "..1").mkdir()
        (policies / "..1/policy.yaml").write_text(POLICY)
        (policies / "..data").symlink_to("..1")
        (policies / "policy.yaml").symlink_to("..data/policy.yaml")
        for path in (own, *own.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        try:
            gateway.start()
            assert status_of(Path(f"/proc/{gateway.process.pid}"))["Uid"].split() == [str(NOBODY)] * 4
            check_process(gateway)
            assert gateway.events("runs-as-root") == [] and len(gateway.events("upstream-unresolved")) == 1

            # the name servers come to know the name, while it runs
            wait_for(lambda: first.count > 4, "lookups")
            first.answer = "127.0.0.1"
            wait_for(lambda: gateway.post(seed_campaign()).status == 200, "the upstream to be found")

            # and are replaced by others, as a DHCP client does it
            (etc / "resolv.new").write_text("nameserver 127.0.83.2\n")
            (etc / "resolv.new").rename(etc / "resolv.conf")
            second.answer = "127.0.0.1"

            # a ConfigMap's next generation
            (policies / "..2").mkdir()
            (policies / "..2/policy.yaml").write_text(POLICY.replace("2026-11-23.1", "second"))
            (policies / "..new").symlink_to("..2")
            (policies / "..new").rename(policies / "..data")
            wait_for(lambda: [e for e in gateway.events("reloaded") if e["policy"] == "second"], "the policy")
            gateway.process.send_signal(signal.SIGHUP)
            wait_for(lambda: len(gateway.events("reloaded")) > 1, "the reload")
            assert gateway.events("reload-failed") == []
            assert gateway.post(seed_campaign()).status == 200
            assert "campaign_gateway" in gateway.admin("/metrics")
        finally:
            gateway.stop()
        assert "shutdown" in {record["kind"] for record in gateway.journal()}


# ---- telling ----

def report(gateway, *options, environment=None):
    done = subprocess.run([BINARY, "run", "--config", gateway.config, "--print-sandbox", *options], capture_output=True,
                          text=True, env=dict(os.environ, **(environment or {})))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_print_sandbox_says_what_will_be_and_does_nothing(make_gateway):
    gateway = make_gateway(start=False, extra=ADMIN, upstream_port=4430)
    told = json.loads(report(gateway, "--format", "json"))
    assert not gateway.audit.exists() and gateway.events("sandbox") == []
    assert told["user"] == os.geteuid() and told["core_dumps"] is False
    calls = {(call["name"], call.get("when")): call["answer"] for call in told["seccomp"]["calls"]}
    assert calls["read", None] == "allowed" and calls["execve", None] == "ends the process"
    assert calls["mmap", "executable"] == "refused" and calls["socket", "IPv6"] == "allowed"
    text = report(gateway)
    for name, _ in calls:
        assert re.search(rf"\b{name}\b", text), name
    if VERSION < 1:
        assert told["landlock"]["state"] == "unavailable" and "no Landlock" in told["landlock"]["why"]
        return
    paths = {path["path"]: path for path in told["landlock"]["paths"]}
    assert paths[str(gateway.audit)] == {"path": str(gateway.audit), "rights": "read-write", "with_all_below": True,
                                         "will_be_made": True, "why": "the journal"}
    assert paths[str(gateway.directory)]["rights"] == "read"
    written = [path for path, one in paths.items() if one["rights"] != "read" and "counting" not in one["why"]]
    assert written == [str(gateway.audit)]
    assert "/etc/shadow" not in paths and ("/etc" in paths) == (os.geteuid() != 0)
    if VERSION >= 4:
        assert [port["port"] for port in told["landlock"]["connect"]] == [4430, 53]
    for path in paths:
        assert f"  {path}" in text


def test_print_sandbox_follows_the_configuration(make_gateway):
    gateway = make_gateway(start=False, extra="sandbox: {seccomp: off, landlock: off}")
    told = json.loads(report(gateway, "--format", "json"))
    assert told["seccomp"] == {"state": "off"} and told["landlock"] == {"state": "off"}
    again = json.loads(report(gateway, "--format", "json", environment={"CAMPAIGN_GATEWAY_SANDBOX_SECCOMP": "on"}))
    assert again["seccomp"]["state"] == "on"


@pytest.mark.skipif(VERSION < 6, reason="this kernel's Landlock knows no abstract sockets")
@pytest.mark.parametrize("name,open_", [("@systemd", True), ("/run/systemd/notify", False)])
def test_abstract_sockets_are_open_only_where_systemd_listens_at_one(make_gateway, name, open_):
    gateway = make_gateway(start=False)
    told = json.loads(report(gateway, "--format", "json", environment={"NOTIFY_SOCKET": name}))
    assert told["landlock"]["abstract_sockets"] is open_


@pytest.mark.parametrize("setting", ["sandbox: {seccomp: yes}", "sandbox: {landlock: maybe}", "sandbox: {all: off}"])
def test_a_sandbox_that_is_not_understood_does_not_start(make_gateway, setting):
    gateway = make_gateway(start=False, extra=setting)
    done = subprocess.run([BINARY, "run", "--config", gateway.config, "--print-sandbox"], capture_output=True, text=True)
    assert done.returncode == 2 and "gateway.yaml:11:" in done.stderr


# A kernel that lacks one: the intruder answers in its place.
LACKING = {"landlock": (444, errno.EOPNOTSUPP), "seccomp": ({"x86_64": 317, "aarch64": 277}[platform.machine()], errno.EINVAL)}


@pytest.mark.parametrize("part", LACKING)
def test_what_the_kernel_lacks_is_told_and_gone_without(make_gateway, intruder, part):
    number, error = LACKING[part]
    gateway = make_gateway(start=False, extra=ADMIN)
    gateway.environment |= {"LD_PRELOAD": str(intruder), "INTRUDER_LACKS": f"{number} {error}",
                            "ASAN_OPTIONS": "verify_asan_link_order=0"}
    told = json.loads(report(gateway, "--format", "json", environment=gateway.environment))
    gateway.start()
    degraded, = gateway.events("sandbox-degraded")
    assert degraded["what"] == part and "kernel" in degraded["why"]
    assert gateway.events("sandbox")[0][part] == told[part]["state"] == "unavailable"
    assert alive(gateway)

"""The units: complete, strict, and the gateway works behind all that they deny (played without systemd)."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from contained import contain, why_not
from harness import ACCOUNT, BINARY, DEADLINE, POLICY, ROOT, STREAM, Gateway, release_to_oneself, seed_campaign, wait_for

pytestmark = pytest.mark.mounts

UNITS = ROOT / "deploy/systemd"
SERVICES = ["campaign-gateway.service", "campaign-gateway-ship.service"]
USER = 65532
EXPOSURE_AT_MOST = 1.1   # what systemd-analyze security makes of it, from 0 (nothing can happen) to 10
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
BYTES = {"yes": True, "no": False}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)


def directives(unit):
    """name -> its values, in order; an empty one forgets those before, but is kept when it is the only one."""
    found = {}
    for line in (UNITS / unit).read_text().splitlines():
        match = re.fullmatch(r"(\w+)=(.*)", line)
        if match:
            found.setdefault(match[1], []).append(match[2])
    return found


def one(unit, name):
    value, = directives(unit)[name]
    return value


# ---- what systemd says of them ----

@pytest.fixture
def units(tmp_path):
    """The units, of a gateway that is where this one is."""
    for path in UNITS.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("=/usr/bin/campaign-gateway ", f"={BINARY} "))
    return tmp_path


@pytest.mark.parametrize("unit", [*SERVICES, "campaign-gateway.socket"])
def test_systemd_finds_nothing_wrong(units, unit):
    done = run("systemd-analyze", "verify", "--man=no", units / unit)
    assert done.returncode == 0 and not done.stdout + done.stderr


def test_systemd_would_find_it(units):
    text = (units / "campaign-gateway.service").read_text()
    (units / "campaign-gateway.service").write_text(text.replace("ProtectClock=", "ProtectClok="))
    assert "ProtectClok" in run("systemd-analyze", "verify", "--man=no", units / "campaign-gateway.service").stderr


def exposure(path):
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", path)
    return float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])


@pytest.mark.parametrize("unit", SERVICES)
def test_it_is_exposed_no_more_than_it_must_be(unit):
    assert exposure(UNITS / unit) <= EXPOSURE_AT_MOST
    page = (ROOT / "deploy/image/README.md").read_text()
    assert f"exposure {EXPOSURE_AT_MOST}" in page


@pytest.mark.parametrize("unit", SERVICES)
@pytest.mark.parametrize("name", ["NoNewPrivileges", "RestrictAddressFamilies", "SystemCallFilter", "ProtectSystem",
                                  "PrivateUsers"])
def test_any_less_shows_in_the_figure(tmp_path, unit, name):
    text = re.sub(rf"^{name}=.*\n", "", (UNITS / unit).read_text(), flags=re.M)
    (tmp_path / unit).write_text(text)
    assert exposure(tmp_path / unit) > EXPOSURE_AT_MOST


# ---- what they agree on ----

def test_both_services_are_equally_strict():
    strict = ("Protect", "Private", "Restrict", "SystemCall", "Memory", "Capabil", "Ambient", "Lock", "NoExec", "NoNew", "UMask")

    def strictness(unit):
        return {name: values for name, values in directives(unit).items() if name.startswith(strict)}
    assert strictness(SERVICES[0]) == strictness(SERVICES[1])


def test_units_and_manual_speak_of_one_place():
    for unit in SERVICES:
        assert one(unit, "ExecStart").startswith("/usr/bin/campaign-gateway ")
        assert one(unit, "ExecStart").endswith(" --config /etc/campaign-gateway/gateway.yaml")
        assert one(unit, "User") == one(unit, "Group") == "campaign-gateway"
        assert one(unit, "StateDirectory") == one(unit, "ConfigurationDirectory") == "campaign-gateway"
    assert re.search(r"^u campaign-gateway - ", (UNITS / "sysusers.conf").read_text(), re.M)


def test_it_is_given_time_to_drain():
    manual = (ROOT / "deploy/man/campaign-gateway.yaml.5").read_text()
    seconds = re.search(r"drain_timeout Pq (\d+)s", manual)[1]
    assert int(one("campaign-gateway.service", "TimeoutStopSec")) > int(seconds)


def test_the_socket_is_the_gateways_port():
    unit = directives("campaign-gateway.socket")
    assert unit["ListenStream"] == ["8443"] and "Service" not in unit and "Accept" not in unit
    assert one("campaign-gateway.service", "Also") == "campaign-gateway.socket"


def test_all_of_it_is_installed(release, tmp_path):
    """Where packages put it; by the names that units and documents use."""
    with release_to_oneself():
        done = run("cmake", "--install", release, "--prefix", "/usr", env=dict(os.environ, DESTDIR=str(tmp_path)))
    assert done.returncode == 0, done.stderr
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    expected = {"usr/bin/campaign-gateway", "usr/lib/sysusers.d/campaign-gateway.conf",
                "usr/share/man/man5/campaign-gateway.yaml.5", "usr/share/campaign-gateway/sql/install",
                "usr/share/campaign-gateway/gateway.schema.json", "usr/share/campaign-gateway/schema.json",
                *[f"usr/share/doc/campaign-gateway/{page}" for page in
                  ("deploy/operations.md", "deploy/threat-model.md", "deploy/CHANGELOG.md", "policies/README.md",
                   "policies/authors-guide.md")],
                *[f"usr/share/man/man8/{path.name}" for path in (ROOT / "deploy/man").glob("*.8")],
                *[f"usr/lib/systemd/system/{path.name}" for path in UNITS.iterdir() if path.suffix in (".service", ".socket")],
                *[f"usr/share/campaign-gateway/policies/packs/{path.name}" for path in (ROOT / "policies/packs").glob("*.yaml")]}
    assert expected <= there
    assert {name for name in there - expected if not name.startswith("usr/share/campaign-gateway/sql/")} == set()
    assert os.access(tmp_path / "usr/share/campaign-gateway/sql/install", os.X_OK)


# ---- the gateway behind them ----

def allowed_calls(unit):
    """SystemCallFilter= as a list of names; @groups as systemd knows them."""
    names = {}
    for value in directives(unit)["SystemCallFilter"]:
        take = not value.startswith("~")
        for word in value.lstrip("~").split():
            for name in (group(word) if word.startswith("@") else [word]):
                names[name] = take
    return sorted(name for name, taken in names.items() if taken)


def group(name):
    listed = run("systemd-analyze", "syscall-filter", name).stdout.splitlines()[1:]
    words = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    assert words, f"systemd does not know {name}"
    return [call for word in words for call in (group(word) if word.startswith("@") else [word])]


def behind(unit, root, mounts, command, refuse):
    """The command line that starts `command` as the unit would be: its user, mounts, limits and filters."""
    state = f"/var/lib/{one(unit, 'StateDirectory')}"
    assert one(unit, "ProtectSystem") == "strict" and one(unit, "NoExecPaths") == "/"
    return contain(root, command, user=USER, mounts=mounts, writable=[state],
                   executable=[path for path in one(unit, "ExecPaths").split() if (root / path.lstrip("/")).exists()],
                   files=int(directives(unit).get("LimitNOFILE", ["1024"])[0]), umask=int(one(unit, "UMask"), 8),
                   no_new_exec=BYTES[one(unit, "MemoryDenyWriteExecute")], calls=allowed_calls(unit),
                   families=[FAMILIES[name] for name in one(unit, "RestrictAddressFamilies").split()], refuse=refuse)


class Manager:
    """What systemd is told; read at once, as systemd does: few messages may wait."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        path.chmod(0o777)
        self.path, self.words, self.heard = str(path), [], 0
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while message := self.socket.recv(4096):
            self.words += message.decode().splitlines()

    def hear(self, word):
        """Waits until it is told so, after what it heard before."""
        wait_for(lambda: word in self.words[self.heard:], f"{word} to be told after {self.words[:self.heard]}")
        self.heard = self.words.index(word, self.heard) + 1

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", self.path)
        self.thread.join(DEADLINE)
        self.socket.close()


class Host(Gateway):
    """A host with the gateway installed in /usr and its unit in force. /usr/lib and what lookups need are this machine's."""

    def __init__(self, directory, certs, kore_port, program, refuse):
        self.directory, self.certs, self.refuse = directory, certs, refuse
        self.root, self.settings, self.state = directory / "root", directory / "etc", directory / "state"
        self.audit, self.stderr_path = self.state / "audit", directory / "stderr.log"
        (self.directory / "notify").mkdir()
        self.manager = Manager(self.directory / "notify/socket")
        self.environment = {"PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": "/run/systemd/notify/socket", "WATCHDOG_USEC": "400000"}
        for name in ("usr/bin", "usr/lib", "usr/lib64", "etc/campaign-gateway", "var/lib/campaign-gateway", "dev", "proc",
                     "tmp", "run/systemd/notify"):
            (self.root / name).mkdir(parents=True)
        for name in ("lib", "lib64"):
            (self.root / name).symlink_to(f"usr/{name}")
        for name in ("hosts", "nsswitch.conf", "resolv.conf"):
            shutil.copy(f"/etc/{name}", self.root / "etc")
        shutil.copy(program, self.root / "usr/bin")
        shutil.copy("/usr/bin/kill", self.root / "usr/bin")
        (self.settings / "policies").mkdir(parents=True)
        (self.settings / "policies/policy.yaml").write_text(POLICY)
        for name in ("gateway.pem", "gateway.key", "ca.pem"):
            shutil.copy(certs / name, self.settings)
        os.chown(self.settings / "gateway.key", 0, USER)  # root's, readable by the group
        (self.settings / "gateway.key").chmod(0o640)
        self.config = self.settings / "gateway.yaml"
        self.config.write_text(f"""listen: 127.0.0.1:0
tls: {{certificate: gateway.pem, key: gateway.key}}
upstream: {{url: "https://localhost:{kore_port}", ca: ca.pem}}
tenants:
  - {{account_id: {ACCOUNT}, stream_id: {STREAM}}}
team: billing
policies: [policies]
audit: {{directory: /var/lib/campaign-gateway/audit}}
admin: {{listen: 127.0.0.1:0}}
""")
        self.state.mkdir(0o750)
        os.chown(self.state, USER, USER)
        self.process, self.told_to_stop, self.expected = None, False, (0,)

    def unit_command(self, words, unit="campaign-gateway.service"):
        mounts = [("/usr/lib", "/usr/lib"), ("/usr/lib64", "/usr/lib64"), ("/proc", "/proc"),
                  (self.directory / "notify", "/run/systemd/notify"),
                  (self.settings, "/etc/campaign-gateway"), (self.state, "/var/lib/campaign-gateway")]
        return behind(unit, self.root, mounts, words, self.refuse)

    def command(self):
        return self.unit_command(one("campaign-gateway.service", "ExecStart").split())


@pytest.fixture
def make_host(certs, kore, release):
    hosts = []

    def make(refuse="errno"):
        directory = Path(tempfile.mkdtemp(prefix="host-"))
        directory.chmod(0o755)
        hosts.append(Host(directory, certs, kore.port, release / "campaign-gateway", refuse))
        return hosts[-1]

    yield make
    for host in hosts:
        print(host.stderr())
        if host.process and host.process.poll() is None:
            host.process.kill()
            host.process.wait()
        host.manager.close()
        shutil.rmtree(host.directory)


needs_root = pytest.mark.skipif(bool(why_not()), reason=str(why_not()))


@needs_root
@pytest.mark.parametrize("refuse", ["errno", "kill"])
def test_the_gateway_works_behind_its_unit(make_host, kore, refuse):
    """With "kill" it also shows that the gateway asks for nothing that the filter denies."""
    host = make_host(refuse).start()
    assert one("campaign-gateway.service", "Type") == "notify"
    host.manager.hear("READY=1")
    host.manager.hear("WATCHDOG=1")
    limit = int(one("campaign-gateway.service", "LimitNOFILE"))
    limited = re.search(r"Max open files +(\d+)", Path(f"/proc/{host.process.pid}/limits").read_text())
    assert int(limited[1]) < limit or "connections-lowered" not in host.stderr()
    assert host.post(seed_campaign()).status == 200
    assert host.post(dict(seed_campaign(), dnc="x")).status == 422
    reload = one("campaign-gateway.service", "ExecReload").replace("$MAINPID", str(host.process.pid)).split()
    (host.settings / "policies/policy.yaml").write_text(POLICY.replace("11-23.1", "11-23.2"))
    reloaded = run(*host.unit_command(reload), env=host.environment)
    assert reloaded.returncode == 0, reloaded.stderr
    wait_for(lambda: any("2026-11-23.2" in str(event) for event in host.events("reloaded")), "the new policy")
    host.manager.hear("RELOADING=1")
    host.manager.hear("READY=1")
    host.stop()
    host.manager.hear("STOPPING=1")
    assert [record["verdict"] for record in host.decisions()] == ["allow", "deny"]
    assert host.audit.stat().st_uid == USER and host.audit.stat().st_mode & 0o077 == 0
    assert len(kore.requests) == 1


@needs_root
def test_the_unit_denies_what_it_says(make_host):
    """The play itself: what is denied is denied."""
    host = make_host()
    shutil.copy("/usr/bin/touch", host.root / "usr/bin/touch")
    denied = run(*host.unit_command(["/usr/bin/touch", "/var/lib/campaign-gateway/x"]), env=host.environment)
    assert denied.returncode != 0 and "Permission denied" in denied.stderr, "it is not among ExecPaths"
    calls = allowed_calls("campaign-gateway.service")
    assert {"openat", "seccomp", "landlock_restrict_self", "epoll_wait", "fdatasync"} <= set(calls)
    assert not {"mount", "ptrace", "setuid", "setrlimit", "bpf", "reboot", "chown", "kexec_load"} & set(calls)


DENIED = """
import json, mmap, os, socket, sys
sys.path.insert(0, sys.argv[1])
import contained
contained.restrict(**json.loads(sys.argv[2]))
attempts = {"write-execute": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
            "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW), "chroot": lambda: os.chroot("/"),
            "write": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE), "tcp": socket.socket}
for name, attempt in attempts.items():
    try:
        attempt()
    except OSError as error:
        print(name, error.errno)
"""


@needs_root
@pytest.mark.parametrize("calls, denied", [(True, "write-execute 1\npacket 97\nchroot 1\n"),
                                           (False, "write-execute 1\npacket 97\n")])
def test_the_play_denies_what_systemd_would(calls, denied):
    limits = {"no_new_exec": True, "families": [1, 2, 10], "calls": allowed_calls(SERVICES[0]) if calls else None}
    done = run("/usr/bin/python3", "-c", DENIED, ROOT / "tests/e2e", json.dumps(limits))
    assert done.stdout == denied, done.stderr


@needs_root
@pytest.mark.parametrize("refuse", ["errno", "kill"])
def test_the_shipper_works_behind_its_unit(make_host, database, refuse):
    host = make_host(refuse).start()
    assert host.post(seed_campaign()).status == 200
    host.stop()
    central = database.server.conninfo(database.name, "gateway", tcp=True)
    host.config.write_text(host.config.read_text().replace("audit: {", f'audit: {{central: "{central}", '))
    unit = "campaign-gateway-ship.service"
    name, content = one(unit, "SetCredential").split(":", 1)
    assert one(unit, "Environment") == f"PGPASSFILE=%d/{name}"
    assert one(unit, "LoadCredential") == f"{name}:/etc/campaign-gateway/{name}"
    credential = host.root / "run/credentials" / name
    credential.parent.mkdir(parents=True)
    credential.write_text(content)
    os.chown(credential, USER, USER)
    credential.chmod(0o400)
    command = host.unit_command([*one(unit, "ExecStart").split(), "--once"], unit)
    shipped = run(*command, env=dict(host.environment, PGPASSFILE=f"/run/credentials/{name}"))
    assert shipped.returncode == 0, shipped.stderr
    assert "password" not in shipped.stderr and (host.audit / "receipt").stat().st_uid == USER
    count, = database.server.psql(database.name, "select count(*) from audit.audit_record")
    assert int(count[0]) == len(host.journal())

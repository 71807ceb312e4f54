"""What Kubernetes does to a pod, played without a cluster.

    pod: application, gateway, audit ship      client: an application alone      (each on a host of its own, behind
    kore-1, kore-2, postgres, dns, gateway     the node: switch and kubelet       one switch, whose rules are the
                                                                                   NetworkPolicy)

The pod's /etc/hosts leads the API's name to 127.0.0.1, where the gateway listens, so that the application keeps its URL;
the gateway asks DNS alone. Containers run without capabilities."""
import json
import shutil
import subprocess

import pytest

import journal_checker
from authority import Authority
from harness import AUTH, BINARY, POLICY, TARGET, Gateway, seed_campaign, wait_for
from kore import Answer, KoreHost
from load import Load
from netns import NETWORK, Network, NameServer
from postgres import Database, Postgres, as_server

pytestmark = pytest.mark.mounts

NAME = "platform.kore.test"
DROP_CAPABILITIES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
PATIENT = "connect_timeout: 10s, first_byte_timeout: 15s, total_timeout: 20s"    # a busy machine is no fault


# ---- the cluster ----

class PostgresHost(Postgres):
    def __init__(self, directory, host):
        super().__init__(directory)
        self.host = host

    def run(self, *command):
        words = [*self.host.prefix, *as_server([str(part) for part in command])]
        return subprocess.run(words, check=True, capture_output=True, text=True, cwd="/")

    def open_to_the_cluster(self, authority):
        """Clients insist on TLS."""
        for file, end in zip(authority.issue(f"IP:{self.host.address}", usage="serverAuth"), ("crt", "key")):
            shutil.copy(file, self.data / f"server.{end}")
            shutil.chown(self.data / f"server.{end}", "postgres", "postgres")
            (self.data / f"server.{end}").chmod(0o600)
        self.configure("postgresql.auto.conf", listen_addresses=self.host.address, ssl="on")
        with open(self.data / "pg_hba.conf", "a") as rules:
            rules.write(f"hostssl all all {NETWORK}.0/24 trust\n")
        return self


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    network = Network(tmp_path_factory.mktemp("network"))
    yield network
    network.stop()


@pytest.fixture(scope="module")
def hosts(network):
    names = {"pod": 11, "client": 12, "gateway": 13, "kore-1": 21, "kore-2": 22, "postgres": 31, "dns": 53}
    hosts = {name: network.host(name, number) for name, number in names.items()}
    for name in ("pod", "client", "gateway"):
        hosts[name].etc("resolv.conf", f"nameserver {hosts['dns'].address}\nsearch default.svc.cluster.local\noptions ndots:5\n")
        hosts[name].etc("hosts", "127.0.0.1 localhost\n" + (f"127.0.0.1 {NAME}\n" if name == "pod" else ""))
        hosts[name].run("sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=0")
    return hosts


@pytest.fixture
def dns(hosts):
    server = NameServer(hosts["dns"])
    server.names[NAME] = [hosts["kore-1"].address]
    yield server
    server.stop()


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    """The organisation's, which applications trust, and the one that vouches for the API to everybody."""
    own, public = (Authority(tmp_path_factory.mktemp(name), name) for name in ("own", "public"))
    public.issue(f"DNS:{NAME}", usage="serverAuth", path=public.directory / "kore")
    return own, public


@pytest.fixture
def kore(hosts, authorities):
    """Both addresses of the API."""
    started = []
    for name in ("kore-1", "kore-2"):
        with hosts[name].inside():
            started.append(KoreHost(authorities[1].directory / "kore.pem", authorities[1].directory / "kore.key", port=443,
                                    address=hosts[name].address))
    yield started
    for each in started:
        each.stop()
        assert each.broken == [] and [seen.problems for seen in each.requests if seen.problems] == []


@pytest.fixture(scope="module")
def server(hosts, open_directory, prepared_postgres, authorities):
    server = PostgresHost(open_directory / "cluster", hosts["postgres"]).copy(prepared_postgres)
    server.open_to_the_cluster(authorities[0]).start()
    yield server
    server.kill()


@pytest.fixture
def database(server):
    database = Database(server, "audit")
    database.clear()
    return database


@pytest.fixture(autouse=True)
def mended(network):
    yield
    network.mend()


# ---- the pod ----

def swap(mount, files):
    """A ConfigMap or Secret as kubelet writes it: a new directory, a new link beside the old one, one rename."""
    mount.mkdir(exist_ok=True)
    number = len(list(mount.glob("..2*"))) + 1
    fresh, old = mount / f"..2026_11_28.{number}", (mount / "..data").resolve()
    fresh.mkdir()
    for name, text in files.items():
        (fresh / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        if not (mount / name).is_symlink():
            (mount / name).symlink_to(f"..data/{name}")
    (mount / "..data_tmp").symlink_to(fresh.name)
    (mount / "..data_tmp").rename(mount / "..data")
    if old.name.startswith("..2"):
        for file in old.iterdir():
            file.unlink()


ALLOWING = {"organisation.yaml": POLICY.split("teams:")[0], "teams.yaml": "teams:" + POLICY.split("teams:")[1]}
REFUSING = {"organisation.yaml": ALLOWING["organisation.yaml"].replace("2026-11-23.1", "2026-11-28.2")
            .replace("9:00 AM - 8:00 PM", "9:00 AM - 9:05 AM"),
            "teams.yaml": "teams:\n  billing:\n    caller_ids: [\"+915550000000\"]\n"}


class Pod:
    """Containers on one host: the gateway, then audit ship, then the application."""

    def __init__(self, directory, hosts, authorities, database):
        self.host, self.directory, (self.own, self.public) = hosts["pod"], directory, authorities
        self.secret, self.policies = directory / "secret", directory / "configmap"
        self.database = database
        self.rotate()
        swap(self.policies, ALLOWING)
        conninfo = (f"host={hosts['postgres'].address} port={database.server.port} dbname={database.name} user=gateway "
                    f"sslmode=verify-full sslrootcert={self.own.pem}")
        self.gateway = Gateway(
            directory, self.secret, 443, upstream_host=NAME, start=False, workers=2,
            upstream=", resolve: dns", timeouts=PATIENT,
            extra=f"admin: {{listen: '{self.host.address}:9901'}}", environment={"CAMPAIGN_GATEWAY_LISTEN": "127.0.0.1:443"})
        text = self.gateway.config.read_text().replace("[policies]", f"[{self.policies}]")
        self.gateway.config.write_text(text.replace(
            "audit: {directory: audit", f'audit: {{directory: audit, durability: central, central: "{conninfo}", '
            "central_timeout: 15s"))
        self.gateway.prefix = [*self.host.prefix, *DROP_CAPABILITIES]
        self.ship = self.load = None

    def rotate(self):
        """A certificate as cert-manager renews it: another key, the same name."""
        pem, key = self.own.issue(f"DNS:{NAME}", usage="serverAuth")
        swap(self.secret, {"gateway.pem": pem.read_bytes(), "gateway.key": key.read_bytes(),
                           "ca.pem": self.public.pem.read_bytes()})
        return pem

    def start(self, **load):
        """As kubelet does with native sidecars: the next container starts when the last one's startupProbe passes."""
        self.gateway.start()
        wait_for(lambda: self.probe("/readyz") == 200, "the startupProbe")
        self.start_ship()
        if load:
            self.start_application(**load)
        return self

    def probe(self, path):
        """What kubelet sees, which is on the node."""
        done = subprocess.run([*self.switch.prefix, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "2",
                               f"http://{self.host.address}:9901{path}"], capture_output=True, text=True)
        return int(done.stdout)

    def start_ship(self):
        log = open(self.directory / "ship.log", "ab")
        with log:
            self.ship = subprocess.Popen([*self.host.prefix, *DROP_CAPABILITIES, BINARY, "audit", "ship", "--config",
                                          str(self.gateway.config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_application(self, **load):
        self.load = Load(f"https://{NAME}", self.own.pem, TARGET, prefix=[*self.host.prefix, *DROP_CAPABILITIES], **load)

    def stop_application(self):
        load, self.load = self.load, None
        return load.stop()

    def stop(self):
        """The application first, then the sidecars, the last one first."""
        if self.load:
            self.load.__exit__()
        if self.gateway.process:
            self.gateway.stop()
        if self.ship and self.ship.poll() is None:
            self.ship.terminate()
            assert self.ship.wait(20) == 0
        said = (self.directory / "ship.log").read_text() if self.ship else ""
        assert "Sanitizer" not in said, said

    def records(self, kind):
        """Those of a kind, while more are being written."""
        return [record for record in journal_checker.read([self.gateway.audit], torn=True) if record["kind"] == kind]

    def is_shipped(self):
        return self.database.rows("select source, head_seq from audit_source;") and \
            self.database.value("select sum(head_seq) from audit_source;") == str(len(self.gateway.journal()))


@pytest.fixture
def pod(tmp_path, network, hosts, authorities, database, dns, kore):
    tmp_path.chmod(0o755)
    pod = Pod(tmp_path, hosts, authorities, database)
    pod.switch = network.switch
    yield pod
    print(f"--- gateway\n{pod.gateway.stderr()}")
    pod.stop()


def sent_to(kore):
    """How often each campaign arrived at the API."""
    names = [json.loads(request.body)["name"] for host in kore for request in host.requests]
    return {name: names.count(name) for name in names}


def wait_for_more(kore, count=30):
    before = sum(len(host.requests) for host in kore)
    wait_for(lambda: sum(len(host.requests) for host in kore) >= before + count, f"{count} campaigns to pass")


def check(pod, kore, seen, refused=()):
    """Nobody met an error, nothing was sent twice or without the client's knowing, and the record is whole, here and in
    the database."""
    assert seen["errors"] == []
    sent = sent_to(kore)
    assert set(sent.values()) <= {1}
    passed = {name for name, status in seen["answers"].items() if status == 200}
    assert set(sent) == passed
    assert set(seen["answers"].values()) <= {200, *refused}
    pod.gateway.stop()
    wait_for(pod.is_shipped, "the last records to be shipped")
    verify = subprocess.run([BINARY, "audit", "verify", "--directory", str(pod.gateway.audit)], capture_output=True, text=True)
    assert verify.returncode == 0, verify.stdout + verify.stderr
    lines = [line for path in sorted(pod.gateway.audit.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    source = pod.database.value("select source from audit_source;")
    assert pod.database.lines(source) == lines
    assert pod.database.value("select count(*) from audit_conflict;") == "0"
    decided = {record["campaign"]["name"] for record in pod.gateway.decisions() if record["verdict"] == "allow"}
    assert passed <= decided


# ---- the plays ----

def test_containers_start_in_order_and_the_application_keeps_its_url(pod, kore, dns):
    assert pod.probe("/readyz") == 0    # nothing there
    pod.start()
    done = subprocess.run(
        [*pod.host.prefix, *DROP_CAPABILITIES, "curl", "-s", "-w", "\n%{http_code} %{remote_ip}", "--cacert", str(pod.own.pem),
         "-H", "content-type: application/json", "-H", f"auth: {AUTH}", "--data", json.dumps(seed_campaign()),
         f"https://{NAME}{TARGET}"], capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "200 127.0.0.1", done.stdout + pod.gateway.stderr()
    assert sent_to(kore) == {seed_campaign()["name"]: 1}
    assert {name for name, _, _ in dns.asked} == {NAME}
    kinds = [record["kind"] for record in pod.gateway.journal()]
    assert kinds.count("decision") == kinds.count("outcome") == 1


def wait_for_verdicts(pod, count):
    before = len(pod.records("decision"))
    wait_for(lambda: len(pod.records("decision")) >= before + count, f"{count} verdicts")
    return [record["verdict"] for record in pod.records("decision")]


def test_a_config_map_is_swapped_under_load(pod, kore):
    pod.start(fresh=5, keep_alive=20, pause=0.1)
    for round in range(6):
        before = len(pod.gateway.events("reloaded"))
        swap(pod.policies, REFUSING if round % 2 == 0 else ALLOWING)
        wait_for(lambda: len(pod.gateway.events("reloaded")) > before, "the policy to be in force")
        verdicts = wait_for_verdicts(pod, 20)
        assert set(verdicts[-5:]) == {"deny" if round % 2 == 0 else "allow"}
    seen = pod.stop_application()
    check(pod, kore, seen, refused={403})
    verdicts = {tuple(verdict.split(" ")) for verdict in seen["verdicts"]}
    assert verdicts == {("200", "2026-11-23.1", ""), ("403", "2026-11-28.2", "caller-id-not-allowed,outside-hours")}


def test_a_certificate_is_rotated_under_load(pod, kore):
    pod.start(fresh=10, keep_alive=10, pause=0.1)
    served = set()
    for _ in range(3):
        wait_for_more(kore, 10)
        before = len(pod.gateway.events("reloaded"))
        pem = pod.rotate()
        wait_for(lambda: len(pod.gateway.events("reloaded")) > before, "the certificate to be in force")
        shown = pod.host.run("sh", "-c", f"openssl s_client -connect 127.0.0.1:443 -servername {NAME} </dev/null 2>/dev/null "
                                         "| openssl x509 -noout -serial")
        assert shown == pod.host.run("openssl", "x509", "-noout", "-serial", "-in", pem)
        served.add(shown)
    wait_for_more(kore, 10)
    seen = pod.stop_application()
    assert len(served) == 3 and seen["reused"] > 20
    check(pod, kore, seen)


def test_the_upstream_moves(pod, kore, dns, network, hosts):
    """The name leads elsewhere, and some time later the old address is gone without a word."""
    pod.start(keep_alive=10, pause=0.1)
    wait_for_more(kore)
    dns.names[NAME] = [hosts["kore-2"].address]
    wait_for(lambda: kore[1].requests, "the new address to be asked")
    wait_for(lambda: not kore[0].sockets, "the old one to be left")
    network.cut(hosts["kore-1"])
    left = len(kore[0].requests)
    wait_for_more(kore)
    seen = pod.stop_application()
    assert len(kore[0].requests) == left
    check(pod, kore, seen)


def test_term_with_requests_under_way(pod, kore):
    kore[0].default = Answer(delay=0.3)
    pod.start(fresh=10, keep_alive=20, pause=0.1)
    wait_for_more(kore)
    pod.gateway.term()
    wait_for(lambda: pod.gateway.events("draining"), "the drain to begin")
    assert pod.probe("/readyz") == 503 and pod.probe("/livez") == 200
    assert pod.gateway.process.wait(20) == 0
    seen = pod.stop_application()
    # what was answered was answered in full; whoever came after the end was refused a connection
    assert {error.split(": ", 1)[1].split(" ")[0] for error in seen["errors"]} <= {"ConnectionRefusedError"}
    seen["errors"] = []
    records = pod.gateway.journal()
    assert [record["kind"] for record in records][-2:] == ["shutdown", "checkpoint"]
    assert sum(record["kind"] == "outcome" for record in records) == len(sent_to(kore))
    check(pod, kore, seen)


def test_kill_9_and_start_again(pod, kore):
    """Open decisions are told, asked about and closed; nothing is sent a second time."""
    token = pod.directory / "token"
    token.write_text(AUTH + "\n")
    text = pod.gateway.config.read_text().replace("total_timeout: 20s", "total_timeout: 2s")
    pod.gateway.config.write_text(text.replace("audit: {", f"audit: {{reconcile_auth: {token}, reconcile_after: 100ms, "))
    pod.start(keep_alive=4, pause=0.05)    # the API is asked about a few at once, then one every two seconds
    wait_for_more(kore)
    kore[0].default = Answer(delay=0.5)
    wait_for_more(kore, 4)
    pod.gateway.kill()
    kore[0].default = Answer()
    pod.gateway.start()
    told = pod.gateway.events("open-intents")
    assert told and told[0]["count"] > 0
    wait_for_more(kore)
    seen = pod.stop_application()
    wait_for(lambda: not unresolved(pod), "what was open to be asked about")
    assert seen["errors"]    # nobody hides that a process was killed
    sent, outcomes = sent_to(kore), pod.gateway.outcomes()
    assert set(sent.values()) == {1}
    assert {name for name, status in seen["answers"].items() if status == 200} <= set(sent)
    created = {record["campaign"]["name"] for record in pod.gateway.decisions()
               if outcomes[record["id"]]["outcome"] == "created"}
    assert created == set(sent)


def unresolved(pod):
    """Decisions of which nobody knows yet what became of them."""
    known = {record["id"] for record in pod.records("outcome") if record["outcome"] != "unknown"}
    return [record for record in pod.records("decision") if record["id"] not in known]


@pytest.mark.parametrize("how", ["network", "server"])
def test_the_database_is_away(pod, kore, network, hosts, database, how):
    pod.gateway.config.write_text(pod.gateway.config.read_text().replace("central_timeout: 15s", "central_timeout: 1s"))
    pod.start(fresh=5, keep_alive=10, pause=0.1)
    wait_for_more(kore)
    network.cut(hosts["postgres"]) if how == "network" else database.server.stop()
    wait_for(lambda: pod.gateway.events("journal-unconfirmed"), "it to be noticed")
    assert pod.probe("/livez") == 200
    wait_for(lambda: sum(record["outcome"] == "retracted" for record in pod.records("outcome")) > 5, "decisions to be taken back")
    network.mend() if how == "network" else database.server.start()
    wait_for(lambda: pod.gateway.events("journal-confirmed"), "it to be back")
    wait_for_more(kore)
    seen = pod.stop_application()
    assert 503 in seen["answers"].values()
    check(pod, kore, seen, refused={503})
    assert len(pod.gateway.events("listening")) == 1    # no restart


def test_the_network_policy_leaves_one_way_to_the_api(tmp_path, network, hosts, authorities, dns, kore):
    """A central gateway: applications reach it and DNS, nothing else."""
    own, public = authorities
    client, gate = hosts["client"], hosts["gateway"]
    assert client.reaches(hosts["kore-1"].address, 443)
    network.rule(f"ip saddr {client.address} ip daddr {gate.address} tcp dport 8443 accept")
    network.rule(f"ip saddr {client.address} ip daddr {hosts['dns'].address} udp dport 53 accept")
    network.rule(f"ip saddr {client.address} drop")
    tmp_path.chmod(0o755)
    own.issue("DNS:gateway.test", usage="serverAuth", path=tmp_path / "gateway")
    shutil.copy(public.pem, tmp_path / "ca.pem")
    gateway = Gateway(tmp_path, tmp_path, 443, upstream_host=NAME, start=False, upstream=", resolve: dns",
                      environment={"CAMPAIGN_GATEWAY_LISTEN": "0.0.0.0:8443"})
    gateway.prefix = [*gate.prefix, *DROP_CAPABILITIES]
    dns.names["gateway.test"] = [gate.address]
    try:
        gateway.start()
        with Load("https://gateway.test:8443", own.pem, TARGET, prefix=[*client.prefix, *DROP_CAPABILITIES], fresh=3,
                  keep_alive=3, pause=0.05) as load:
            wait_for_more(kore, 10)
            seen = load.stop()
        assert seen["errors"] == [] and set(seen["answers"].values()) == {200}
        assert client.reaches(gate.address, 8443) and not client.reaches(gate.address, 9901)
        assert not client.reaches(hosts["kore-1"].address, 443)
    finally:
        gateway.stop()

"""The admin listener: what probes, scrapers and people are told, and by whom it may be asked."""
import datetime
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

import openmetrics
from authority import Authority
from harness import ADMIN, BINARY, DEADLINE, POLICY, ROOT, request, seed_campaign, wait_for
from kore import Answer

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
MANUAL = (ROOT / "deploy/man/campaign-gateway.8").read_text()


class Answered:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body.decode()

    def json(self):
        return json.loads(self.body)


def ask(gateway, path, method="GET", headers=None, context=None):
    """What the admin listener answers, whatever it is."""
    url = gateway.admin_url().replace("http:", "https:" if context else "http:") + path
    asked = urllib.request.Request(url, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(asked, timeout=DEADLINE, context=context) as answer:
            return Answered(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answered(error.code, error.headers, error.read())


def checks(gateway, query=""):
    answer = ask(gateway, "/readyz" + query, headers={"Accept": "application/json"})
    told = answer.json()
    assert (answer.status == 200) == (told["status"] == "ok")
    return answer.status, {check["name"]: (check["status"], check.get("reason", "")) for check in told["checks"]}


def families(gateway, accept=OPENMETRICS):
    return openmetrics.read(ask(gateway, "/metrics", headers={"Accept": accept}).body, accept == OPENMETRICS)


# ---- pages ----

def test_pages(make_gateway):
    gateway = make_gateway(extra=ADMIN)
    pages = ["/", "/livez", "/readyz", "/metrics", "/status"]
    assert [line.split()[0] for line in ask(gateway, "/").body.splitlines()] == pages
    for page in pages:
        got, head = ask(gateway, page), ask(gateway, page, method="HEAD")
        assert (got.status, head.status, head.body) == (200, 200, "")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert int(head.headers["content-length"]) > 0
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            no = ask(gateway, page, method=method)
            assert (no.status, no.headers["allow"]) == (405, "GET, HEAD")
    missing = ask(gateway, "/healthz")
    assert missing.status == 404 and "/readyz" in missing.body


def test_other_names_of_this_machine_are_not_answered(make_gateway):
    """A page in a browser that has its own name lead here must not read what the gateway tells."""
    gateway = make_gateway(extra=ADMIN)
    for host in ("localhost", "localhost:9901", "127.0.0.1", "[::1]:80", "LOCALHOST"):
        assert ask(gateway, "/status", headers={"Host": host}).status == 200
    for host in ("evil.example", "evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example"):
        answer = ask(gateway, "/status", headers={"Host": host})
        assert (answer.status, "journal" in answer.body) == (421, False)


def test_anybody_may_be_answered_on_another_address(make_gateway):
    gateway = make_gateway(extra="admin: {listen: 0.0.0.0:0}")
    port = gateway.admin_url().rsplit(":", 1)[1]
    answer = urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/livez", headers={"Host": "gate.example"}))
    assert answer.status == 200


# ---- metrics ----

def traffic(gateway, kore):
    """Requests with every verdict."""
    gateway.post(seed_campaign())
    gateway.post({})
    gateway.post(b"{")
    gateway.post(seed_campaign(), target="/nothing")
    gateway.post(dict(seed_campaign(), name="shadow"))
    with gateway.client() as client:
        client.send(b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read()
    kore.script.append(Answer(reset=True))
    gateway.post(seed_campaign())
    kore.script.append(Answer(delay=0.3))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        wait_for(lambda: not kore.script, "the request to arrive upstream")
    wait_for(lambda: gateway.requests_counted(verdict="gone"), "the client to be gone")


SHADOW = POLICY.replace("organisation:\n", "organisation:\n  modes: {name_pattern: report}\n  name_pattern: {pattern: \"Billing*\", hint: x}\n")
EVERYTHING = ADMIN + "\ncandidate_policies: [policies]\ncallers: callers.yaml"


@pytest.fixture
def whole(make_gateway):
    """A gateway that has everything there are metrics for."""
    def make(**options):
        gateway = make_gateway(start=False, team=None, extra=EVERYTHING, tls=", client_certificates: optional, client_ca: "
                               f"{make_gateway.certs}/ca.pem", environment={"CAMPAIGN_GATEWAY_AUDIT_CENTRAL": "host=/nowhere"},
                               **options)
        (gateway.directory / "callers.yaml").write_text(
            f"api_keys:\n  - {{id: a, team: billing, sha256: {'ab' * 32}, expires: 2099-12-31}}\n")
        return gateway.start()
    return make


def documented():
    """name -> its labels, from the manual."""
    section = MANUAL.split(".Sh METRICS")[1].split("\n.Sh ")[0]
    rows = re.findall(r"^\.It Li (campaign_gateway_\S+)(?: Pq (.*))?$", section, re.M)
    assert len(rows) == len({name for name, _ in rows})
    return {name: set(labels.split(", ")) - {"", "histogram"} for name, labels in rows}


def test_what_is_exposed_is_documented_and_the_other_way_round(whole):
    gateway = whole()
    gateway.post(seed_campaign())
    ask(gateway, "/livez")
    exposed = families(gateway, accept="text/plain")
    told = documented()
    assert set(exposed) == set(told)
    assert {name: family.labels() for name, family in exposed.items() if family.samples and family.labels() != told[name]} == {}


def test_promtool_and_a_strict_reader_find_nothing(make_gateway, kore):
    gateway = make_gateway(extra=ADMIN, policy=SHADOW)
    traffic(gateway, kore)
    text = ask(gateway, "/metrics")
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = subprocess.run(["promtool", "check", "metrics"], input=text.body, capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    old, new = openmetrics.read(text.body, False), families(gateway)
    suffixes = {"counter": "_total", "info": "_info"}
    assert {family.name + suffixes.get(family.type, "") for family in new.values()} == set(old)
    verdicts = {dict(labels)["verdict"] for _, labels in new["campaign_gateway_requests"].samples}
    assert verdicts == {"allow", "shadow-deny", "deny", "error", "gone"}
    assert len(text.body) < 100_000


def test_the_reader_is_strict():
    good = "# TYPE a counter\n# HELP a A.\na_total{x=\"1\"} 1\n# EOF\n"
    assert openmetrics.read(good, True)["a"].samples == {("_total", (("x", "1"),)): 1}
    histogram = "# TYPE h histogram\n# HELP h H.\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_count 3\nh_sum 5\n# EOF\n"
    assert openmetrics.read(histogram, True)["h"].type == "histogram"
    for old, new in (("# EOF\n", ""), ("a_total", "a"), ("\"1\"", "\"1"), ("} 1", "} one"), ("# HELP a A.\n", ""),
                     ("# EOF", "a_total{x=\"1\"} 1\n# EOF"), ("# EOF", "# TYPE a counter\n# EOF"), ("{x", "{,x")):
        with pytest.raises(AssertionError):
            openmetrics.read(good.replace(old, new), True)
    for old, new in (("} 2", "} 4"), ("h_count 3", "h_count 2"), ("+Inf", "2.0"), ("h_sum 5\n", ""), ("1.0", "1")):
        with pytest.raises(AssertionError):
            openmetrics.read(histogram.replace(old, new), True)


def value(gateway, family, suffix="", **labels):
    samples = families(gateway)["campaign_gateway_" + family].samples
    found = [number for (end, row), number in samples.items()
             if end == suffix and labels.items() <= dict(row).items()]
    return sum(found)


def test_what_is_counted(make_gateway, kore):
    gateway = make_gateway(extra=ADMIN)
    kore.script.append(Answer(delay=0.3))
    gateway.post(seed_campaign())
    gateway.post(seed_campaign())
    gateway.post(dict(seed_campaign(), name=5, description=6))
    wait_for(lambda: gateway.requests_counted() == 3, "the requests to be counted")
    campaign = {"route": "create-campaign", "team": "billing"}
    assert gateway.requests_counted(verdict="allow", code="none", **campaign) == 2
    assert gateway.requests_counted(verdict="deny", code="contract", **campaign) == 1
    assert value(gateway, "violations", "_total", code="field-type") == 1
    assert value(gateway, "upstream_requests", "_total", result="2xx") == 2
    assert value(gateway, "upstream_requests", "_total", result="reset") == 0
    assert value(gateway, "upstream_connections_opened", "_total") >= 1
    assert value(gateway, "request_duration_seconds", "_count") == 3
    assert 0.3 < value(gateway, "request_duration_seconds", "_sum") < DEADLINE
    assert value(gateway, "request_stage_duration_seconds", "_count", stage="upstream") == 2
    assert value(gateway, "request_stage_duration_seconds", "_bucket", stage="upstream", le="0.25") == 1
    assert value(gateway, "request_stage_duration_seconds", "_count", stage="judge") == 3
    assert value(gateway, "audit_append_seconds", "_count") >= 5          # decisions and outcomes
    assert value(gateway, "audit_disk_free_bytes") > 0
    assert value(gateway, "process_open_fds") > 10 and value(gateway, "process_threads") > 5
    assert value(gateway, "upstream_connections_idle") >= 1 and value(gateway, "upstream_addresses") >= 1
    expires = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", make_gateway.certs / "gateway.pem"],
                             capture_output=True, text=True, check=True).stdout.strip().removeprefix("notAfter=")
    moment = datetime.datetime.strptime(expires, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=datetime.timezone.utc)
    assert value(gateway, "certificate_expiry_timestamp_seconds", use="server") == moment.timestamp()


def test_a_team_that_comes_with_a_reload_has_a_label_and_one_that_went_keeps_it(make_gateway):
    gateway = make_gateway(extra=ADMIN)
    gateway.post(seed_campaign())
    policy = gateway.directory / "policies/policy.yaml"
    policy.write_text(POLICY.replace("2026-11-23.1", "2").replace("billing:", "sales:"))
    gateway.config.write_text(gateway.config.read_text().replace("team: billing", "team: sales"))
    wait_for(lambda: gateway.metric('reloads_total{result="done"}'), "the reload")
    gateway.post(seed_campaign())
    wait_for(lambda: gateway.requests_counted(team="sales") == 1, "the new team")
    assert gateway.requests_counted(team="billing") == 1
    assert value(gateway, "policy", "_info", policy="in-force", revision="2") == 1
    assert len(families(gateway)["campaign_gateway_policy"].samples) == 1


def test_more_teams_than_labels(make_gateway):
    teams = "".join(f"  team-{i}: {{caller_ids: [\"+919561612345\"]}}\n" for i in range(150))
    gateway = make_gateway(extra=ADMIN, policy=POLICY.split("teams:")[0] + "teams:\n" + teams, team="team-149")
    gateway.post(seed_campaign())
    wait_for(lambda: gateway.requests_counted(team="other") == 1, "the request to be counted")


@pytest.mark.concurrency
def test_scrapers_do_not_disturb_requests(make_gateway):
    gateway = make_gateway(extra=ADMIN)
    done, problems = threading.Event(), []

    def scrape(number):
        while not done.is_set():
            try:
                families(gateway, accept=OPENMETRICS if number % 2 else "text/plain")
                assert ask(gateway, "/status").status == ask(gateway, "/readyz").status == 200
            except Exception as problem:        # shown by the assertion below
                problems.append(problem)
                return
    scrapers = [threading.Thread(target=scrape, args=(number,)) for number in range(20)]
    for scraper in scrapers:
        scraper.start()
    try:
        with gateway.client() as client:
            for _ in range(60):
                client.send(request(seed_campaign()))
                assert client.read().status == 200
    finally:
        done.set()
        for scraper in scrapers:
            scraper.join()
    assert problems == []
    assert gateway.requests_counted(verdict="allow") >= 59      # the last one may still be ending


# ---- readiness ----

def test_ready(make_gateway):
    gateway = make_gateway(extra=ADMIN)
    names = ["serving", "policy", "configuration", "journal", "central", "certificates", "upstream"]
    assert checks(gateway) == (200, {name: ("ok", "") for name in names})
    assert ask(gateway, "/readyz?verbose").body == "".join(f"[+]{name} ok\n" for name in names) + "readyz check passed\n"
    assert ask(gateway, "/livez?verbose").body == "[+]process ok\nlivez check passed\n"
    assert ask(gateway, "/livez?format=json").json() == {"status": "ok", "checks": [{"name": "process", "status": "ok"}]}
    section = MANUAL.split(".Sh READINESS")[1].split("\n.Sh ")[0]
    assert re.findall(r"^\.It Li (\S+)$", section, re.M) == names


def test_a_stale_configuration_is_a_warning(make_gateway):
    gateway = make_gateway(extra=ADMIN)
    policy = gateway.directory / "policies/policy.yaml"
    policy.write_text("revision: [")
    wait_for(lambda: checks(gateway)[1]["configuration"][0] == "warning", "the reload to fail")
    status, told = checks(gateway)
    assert status == 200 and "policy.yaml" in told["configuration"][1]
    assert value(gateway, "configuration_last_reload_failure_timestamp_seconds") > 0
    policy.write_text(POLICY)
    wait_for(lambda: checks(gateway)[1]["configuration"][0] == "ok", "the reload to be done")


def test_a_journal_that_cannot_be_written(make_gateway):
    gateway = make_gateway(extra=ADMIN)
    gateway.post(seed_campaign())
    gateway.audit.rename(gateway.directory / "elsewhere")
    assert gateway.post(seed_campaign()).status == 503
    status, told = checks(gateway)
    assert status == 503 and told["journal"][0] == "failed" and "was taken away" in told["journal"][1]
    assert "[-]journal failed: " in ask(gateway, "/readyz").body
    assert ask(gateway, "/livez").status == 200
    assert checks(gateway, "?exclude=journal") == (200, dict(told, journal=("excluded", told["journal"][1])))
    (gateway.directory / "elsewhere").rename(gateway.audit)
    wait_for(lambda: ask(gateway, "/readyz").body == "ok\n", "the journal to be written again, though nobody came")


def test_a_journal_that_lets_pass(make_gateway):
    gateway = make_gateway(extra=ADMIN, environment={"CAMPAIGN_GATEWAY_AUDIT_ON_AUDIT_FAILURE": "allow_degraded",
                                                     "CAMPAIGN_GATEWAY_AUDIT_DEGRADED_REQUESTS": "2"})
    gateway.post(seed_campaign())
    gateway.audit.rename(gateway.directory / "elsewhere")
    assert gateway.post(seed_campaign()).status == 200
    status, told = checks(gateway)
    assert (status, told["journal"][0]) == (200, "warning")
    assert gateway.post(seed_campaign()).status == 200
    assert checks(gateway)[0] == 503
    (gateway.directory / "elsewhere").rename(gateway.audit)
    wait_for(lambda: checks(gateway)[1]["journal"][0] == "ok", "the journal to be written again")


def test_records_that_are_not_confirmed(make_gateway):
    gateway = make_gateway(extra=ADMIN, environment={"CAMPAIGN_GATEWAY_AUDIT_DURABILITY": "central",
                                                     "CAMPAIGN_GATEWAY_AUDIT_CENTRAL_TIMEOUT": "1s"})
    assert checks(gateway)[0] == 200
    assert gateway.post(seed_campaign()).status == 503
    status, told = checks(gateway)
    assert (status, told["central"][0], told["journal"][0]) == (503, "failed", "ok")
    assert value(gateway, "audit_unshipped_records") > 0 and value(gateway, "audit_oldest_unshipped_seconds") >= 1
    assert checks(gateway, "?exclude=central")[0] == 200

    def confirm():
        last = gateway.metric("audit_last_seq")
        with open(gateway.audit / "receipt", "r+b") as receipt:
            receipt.write(b"%020d %s %020d\n" % (last, b"0" * 64, last))
        return checks(gateway)[0] == 200
    wait_for(confirm, "the receipt to be read")
    assert checks(gateway)[1]["central"] == ("ok", "")


def test_a_certificate_that_expires_and_is_replaced(make_gateway, certs, tmp_path):
    own = tmp_path / "certs"
    shutil.copytree(certs, own)
    authority = Authority(tmp_path / "authority")
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)
    pem, key = authority.issue_until(moment, "DNS:localhost", own / "short")
    gateway = make_gateway(start=False, extra=ADMIN)
    gateway.config.write_text(gateway.config.read_text().replace(f"{certs}/gateway", f"{own}/short"))
    gateway.start()
    assert checks(gateway)[0] == 200
    wait_for(lambda: checks(gateway)[0] == 503, "the certificate to expire")
    told = checks(gateway)[1]["certificates"]
    assert told[0] == "failed" and str(pem) in told[1] and "has expired" in told[1]
    assert value(gateway, "certificate_expiry_timestamp_seconds", use="server") == int(moment.timestamp())
    authority.issue(san="DNS:localhost", usage="serverAuth", path=own / "next")
    (own / "next.key").replace(key)
    (own / "next.pem").replace(pem)
    wait_for(lambda: checks(gateway)[0] == 200, "the new certificate to be read")
    assert ask(gateway, "/status").json()["certificates"][0]["expires"] > "2026"


def start_with_hosts(gateway, hosts):
    """In a mount namespace where /etc/hosts is a file of the test."""
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    with open(gateway.stderr_path, "ab") as stderr:
        gateway.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, hosts, BINARY, "run", "--config", gateway.config],
                                           stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
    gateway.port = int(wait_for(lambda: gateway.events("listening"), "the start")[0]["address"].rsplit(":", 1)[1])


@pytest.mark.mounts
def test_an_upstream_that_does_not_resolve(make_gateway, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    gateway = make_gateway(start=False, extra=ADMIN, upstream_host="kore.invalid")
    start_with_hosts(gateway, hosts)
    status, told = checks(gateway)
    assert (status, told["upstream"]) == (503, ("failed", "'kore.invalid' has not resolved yet"))
    assert value(gateway, "upstream_addresses") == 0 and value(gateway, "upstream_resolve_failures", "_total") > 0
    assert ask(gateway, "/livez").status == 200
    hosts.write_text("127.0.0.1 localhost kore.invalid\n")
    wait_for(lambda: checks(gateway)[0] == 200, "the name to resolve")
    assert ask(gateway, "/status").json()["upstream"]["addresses"] == [f"127.0.0.1:{gateway.upstream_port}"]


def test_draining(make_gateway, kore):
    gateway = make_gateway(extra=ADMIN)
    kore.script.append(Answer(delay=1))
    with gateway.client() as client:
        client.send(request(seed_campaign()))
        wait_for(lambda: kore.requests, "the request to arrive upstream")
        gateway.term()
        wait_for(lambda: gateway.events("draining"), "the drain to begin")
        assert checks(gateway)[1]["serving"][0] == "failed" and ask(gateway, "/livez").status == 200
        assert client.read().status == 200


# ---- status ----

def test_status_is_complete_and_documented(whole):
    gateway = whole()
    gateway.post(seed_campaign())
    (gateway.directory / "policies/policy.yaml").write_text("revision: [")
    wait_for(lambda: gateway.metric("configuration_stale"), "the reload to fail")
    status = ask(gateway, "/status").json()
    section = MANUAL.split(".Sh STATUS")[1].split("\n.Sh ")[0]
    documented_members = [name for names in re.findall(r"^\.It Li (.*)$", section, re.M) for name in names.split(" , ")]
    assert list(status) == documented_members
    assert status["reload_failed"]["because"] == "files changed" and "policy.yaml" in status["reload_failed"]["error"]
    assert status["sandbox"]["seccomp"] in ("on", "unavailable")
    last = gateway.journal()[-1]
    assert status["audit"]["last_seq"] <= last["seq"] and re.fullmatch("[0-9a-f]{64}", status["audit"]["last_hash"])
    assert {row["use"] for row in status["certificates"]} == {"server", "client-ca", "upstream-ca"}


def test_the_digest_of_the_configuration_is_not_over_its_password(make_gateway):
    digests = []
    for password in ("one", "two"):
        gateway = make_gateway(start=False, extra=ADMIN)
        text = gateway.config.read_text().replace("audit: {directory: audit}",
                                                  f"audit: {{directory: audit, central: 'host=/nowhere password={password}'}}")
        text = re.sub(r"https://localhost:\d+", "https://localhost:1", text)
        gateway.config.write_text(text)
        gateway.start()
        status = ask(gateway, "/status")
        assert password not in status.body.replace("none", "")
        digests.append(status.json()["config_digest"])
    assert digests[0] == digests[1]
    gateway.config.write_text(text + "# changed\n")
    wait_for(lambda: ask(gateway, "/status").json()["config_digest"] != digests[0], "the reload")


# ---- TLS ----

def context(ca, certificate=None):
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


def with_tls(make_gateway, authority, client_ca=True):
    authority.issue(san="IP:127.0.0.1", usage="serverAuth", path=authority.directory / "admin")
    files = {"certificate": authority.directory / "admin.pem", "key": authority.directory / "admin.key"}
    files |= {"client_ca": authority.pem} if client_ca else {}
    return make_gateway(extra="admin: {listen: 127.0.0.1:0, tls: {" +
                              ", ".join(f"{key}: {path}" for key, path in files.items()) + "}}")


def test_tls_without_client_certificates(make_gateway, authority):
    gateway = with_tls(make_gateway, authority, client_ca=False)
    assert gateway.events("admin-listening")[0]["tls"] == "on"
    assert ask(gateway, "/livez", context=context(authority.pem)).body == "ok\n"
    with pytest.raises(OSError):
        ask(gateway, "/livez")          # plain


def test_tls_with_client_certificates(make_gateway, authority, tmp_path):
    gateway = with_tls(make_gateway, authority)
    scraper, stranger = authority.issue(), Authority(tmp_path / "stranger", "stranger CA").issue()
    good = context(authority.pem, scraper)
    assert ask(gateway, "/metrics", context=good).status == 200
    for bad in (None, stranger):
        with pytest.raises((ssl.SSLError, OSError)):
            ask(gateway, "/metrics", context=context(authority.pem, bad))
    uses = {row["use"] for row in ask(gateway, "/status", context=good).json()["certificates"]}
    assert {"admin", "admin-client-ca"} <= uses


def test_the_certificates_of_the_admin_listener_are_read_again(make_gateway, authority, tmp_path):
    gateway = with_tls(make_gateway, authority)
    other = Authority(tmp_path / "other", "other CA")
    old, new = authority.issue(), other.issue()
    host, port = gateway.admin_url().removeprefix("http://").split(":")
    get = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as raw, \
            context(authority.pem, old).wrap_socket(raw, server_hostname=host) as kept:
        kept.sendall(get)
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
        other.issue(san="IP:127.0.0.1", usage="serverAuth", path=other.directory / "admin")
        for name in ("admin.key", "admin.pem", "ca.pem"):
            (other.directory / name).replace(authority.directory / f"next-{name}")
            (authority.directory / f"next-{name}").replace(authority.directory / name)
        wait_for(lambda: gateway.events("reloaded"), "the reload")
        ca = authority.directory / "ca.pem"
        wait_for(lambda: "refused" not in attempt(gateway, ca, new), "the new certificates to be used")
        kept.sendall(get)
        assert kept.recv(65536).startswith(b"HTTP/1.1 403 "), "who was verified by a CA that went is not answered"
    assert "refused" in attempt(gateway, ca, old)


def attempt(gateway, ca, certificate):
    try:
        return ask(gateway, "/livez", context=context(ca, certificate)).body
    except (ssl.SSLError, OSError) as error:
        return f"refused: {error}"


def test_tls_does_not_come_or_go_with_a_reload(make_gateway, certs):
    gateway = make_gateway(extra=ADMIN)
    tls = f"tls: {{certificate: {certs}/gateway.pem, key: {certs}/gateway.key}}"
    gateway.config.write_text(gateway.config.read_text().replace("127.0.0.1:0}\n", f"127.0.0.1:0, {tls}}}\n"))
    restart = wait_for(lambda: gateway.events("restart-needed"), "the log to tell")
    assert restart[0]["settings"] == "CAMPAIGN_GATEWAY_ADMIN_TLS"
    assert ask(gateway, "/livez").status == 200


@pytest.mark.parametrize("admin, sentence", [
    ("{listen: 127.0.0.1:0, tls: {}}", "'admin.tls' needs both 'certificate' and 'key'"),
    ("{listen: 127.0.0.1:0, tls: {certificate: CERTS/gateway.pem}}", "'admin.tls' needs both 'certificate' and 'key'"),
    ("{listen: 127.0.0.1:0, tls: {client_ca: CERTS/ca.pem}}", "'admin.tls' needs both 'certificate' and 'key'"),
    ("{listen: 127.0.0.1:0, tls: {certificate: CERTS/gateway.pem, key: CERTS/kore.key}}", "does not belong to"),
    ("{listen: 127.0.0.1:0, tls: {certificate: CERTS/gateway.pem, key: CERTS/gateway.key, client_ca: CERTS/none}}", "none"),
    ("{listen: 127.0.0.1:0, tls: {certificate: CERTS/gateway.pem, key: CERTS/gateway.key, ca: x}}", "unknown key 'ca'"),
])
def test_settings_that_do_not_fit_are_refused(make_gateway, certs, admin, sentence):
    gateway = make_gateway(start=False, extra=f"admin: {admin}".replace("CERTS", str(certs)))
    checked = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True)
    said = checked.stdout + checked.stderr
    assert checked.returncode == 2 and sentence in said and "gateway.yaml:" in said


# ---- strangers ----

def test_bytes_that_are_no_request(make_gateway):
    gateway = make_gateway(extra=ADMIN)
    host, port = gateway.admin_url().removeprefix("http://").split(":")
    samples = sorted((ROOT / "tests/fuzz/corpus/framing").iterdir())
    assert len(samples) > 50
    for sample in samples + [b"\x16\x03\x01\x02\x00\x01", b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"]:
        with socket.create_connection((host, int(port)), timeout=DEADLINE) as stranger:
            try:
                stranger.sendall(sample if isinstance(sample, bytes) else sample.read_bytes())
                stranger.shutdown(socket.SHUT_WR)
                while stranger.recv(65536):
                    pass
            except ConnectionError:
                pass
    assert ask(gateway, "/livez").status == 200
    assert gateway.post(seed_campaign()).status == 200
    families(gateway)

"""The real gateway with the files, variables and probes that pods of deploy/kubernetes have; and whether
what alerts and the dashboard ask for is what it measures."""
import re
import ssl
import subprocess
import urllib.request

import pytest

from harness import BINARY, DEADLINE, Client, request, seed_campaign
from kubernetes import manifests
from kubernetes.monitoring import QUERIES, RULES
from kubernetes.pod import Pod
from kubernetes.rendered import README, RENDERED, find

MODES = {"sidecar": ("examples/sidecar", "Deployment"), "gateway": ("examples/gateway", "StatefulSet")}


@pytest.fixture(scope="module")
def hash_keys(tmp_path_factory):
    """Made by the commands of README.md."""
    directory = tmp_path_factory.mktemp("keys")
    block, = [each for each in re.findall(r"```sh\n(.*?)```", README, re.S) if "openssl rand" in each]
    subprocess.run(["bash", "-euc", block.split("kubectl")[0]], cwd=directory, check=True)
    return {path.name: path.read_bytes() for path in (directory / "hash-keys").iterdir()}


@pytest.fixture
def make_pod(tmp_path, certs, hash_keys):
    def make(mode, **variables):
        part, kind = MODES[mode]
        secrets = {"campaign-gateway-tls": {"tls.crt": (certs / "gateway.pem").read_bytes(),
                                            "tls.key": (certs / "gateway.key").read_bytes()},
                   "campaign-gateway-hash-keys": hash_keys,
                   "campaign-gateway-database": {"username": b"gateway", "password": b"secret",
                                                 "ca.crt": (certs / "ca.pem").read_bytes()}}
        maps = {each["metadata"]["name"]: each["data"] for each in RENDERED[part] if each["kind"] == "ConfigMap"}
        maps["campaign-gateway-client-ca"] = {"ca.crt": (certs / "ca.pem").read_text()}
        (tmp_path / mode).mkdir()
        return Pod(tmp_path / mode, find(part, kind)["spec"]["template"], secrets, maps, **variables)
    return make


def ask_admin(port, path, **headers):
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(asked, timeout=DEADLINE) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("mode", MODES)
def test_configuration_and_policies_are_what_the_gateway_takes(make_pod, mode):
    done = make_pod(mode).run("check")
    assert done.returncode == 0, done.stderr
    assert "3 teams" in done.stdout


def test_a_pod_that_does_not_say_its_team_does_not_start(make_pod):
    pod = make_pod("sidecar")
    pod.template["metadata"]["labels"]["campaign-gateway/team"] = ""  # as the kubelet says of a label that is not there
    done = pod.run("check")
    assert done.returncode == 2 and "CAMPAIGN_GATEWAY_TEAM" in done.stderr, done.stderr


@pytest.mark.parametrize("mode", MODES)
def test_the_gateway_starts_as_in_its_pod_and_answers_the_probes(make_pod, mode):
    pod = make_pod(mode)
    with pod.running() as (_, admin):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = pod.container[probe]["httpGet"]["path"]
            said = ask_admin(admin, path + ("&" if "?" in path else "?") + "verbose")
            assert said.count(" excluded") == path.count("exclude=") and "warning" not in said, said
    journal, = pod.inside("/var/lib/campaign-gateway/audit").glob("*.jsonl")
    assert "ns/pod-0" in journal.read_text(), "the record does not say whose it is"


def test_without_the_keys_of_this_month_it_does_not_start(make_pod, hash_keys):
    """Readable by more than the group is as bad as not there: 0440 is what the Secret must say."""
    pod = make_pod("sidecar")
    for path in (pod.inside("/etc/campaign-gateway/hash-keys") / "..data").iterdir():
        path.chmod(0o444)
    done = pod.run("run")
    assert done.returncode == 2 and "defaultMode 0440" in done.stderr, done.stderr


def nightly(database, job, login):
    """What a CronJob's container does."""
    container, = find("central", "CronJob", job)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    words = [*container.get("command", [BINARY]), *container["args"]]
    command = [word.replace("$(DATABASE)", database.conninfo(login)) for word in words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_pod_judges_records_ships_and_ends(make_pod, database, certs, kore):
    """Sidecars in their order, a campaign that waits for the database, and the end in the reverse order."""
    pod = make_pod("sidecar", CAMPAIGN_GATEWAY_AUDIT_CENTRAL=f"host=127.0.0.1 port={database.server.port} dbname=audit",
                   CAMPAIGN_GATEWAY_UPSTREAM_URL=f"https://localhost:{kore.port}", CAMPAIGN_GATEWAY_UPSTREAM_RESOLVE="system",
                   CAMPAIGN_GATEWAY_UPSTREAM_CA=str(certs / "ca.pem"))
    assert list(pod.containers) == ["campaign-gateway-ship", "campaign-gateway"]
    with pod.started("campaign-gateway-ship"), pod.running() as (port, _):
        with Client(port, certs / "ca.pem") as client:
            client.send(request(seed_campaign()))
            answer = client.read()
    assert answer.status == 200, answer.body
    kinds = [kind for kind, in database.rows("select kind from audit_record order by seq;")]
    assert {"decision", "outcome", "shutdown"} <= set(kinds), kinds
    nightly(database, "campaign-gateway-make-months", "postgres")
    nightly(database, "campaign-gateway-verify", "nightly")


# ---- what is measured ----

KUBE_STATE_METRICS = {"kube_job_status_failed"}
SCRAPED = {"job", "namespace", "pod", "le"}  # what Prometheus adds, and what histograms have
ENDINGS = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "info": ["_info"]}


def families(text):
    """{name as Prometheus stores it: labels that were seen} of what /metrics says."""
    names = {name + end: set() for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
             for end in ENDINGS.get(kind, [""])}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+", text, re.M):
        names.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return names


def measured(pod):
    """What a gateway measures that has refused a request."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with pod.running() as (port, admin):
        with Client(port, None, context=anybody) as client:
            client.send(request({"name": "not a campaign"}))
            assert client.read().status in (401, 422)
        return families(ask_admin(admin, "/metrics", Accept="application/openmetrics-text; version=1.0.0"))


def test_whatever_alerts_and_dashboard_ask_for_is_measured(make_pod):
    seen = {}
    for mode in MODES:
        for name, labels in measured(make_pod(mode)).items():
            seen.setdefault(name, set()).update(labels)
    for expression in [rule["expr"] for rule in RULES] + QUERIES:
        missing = manifests.metrics_in(expression) - seen.keys() - KUBE_STATE_METRICS
        assert not missing, f"the gateway does not measure {missing}: {expression}"
        for metric, labels in manifests.labels_in(expression).items():
            unknown = labels - SCRAPED - seen[metric]
            assert not seen[metric] or not unknown, f"{metric} has no label {unknown}, only {seen[metric]}"


def test_metrics_and_labels_are_found_in_expressions():
    asked = 'sum by (job, campaign_gateway_x) (rate(campaign_gateway_a_total{team="campaign_gateway_b",code!~"x"}[5m])) > kube_c'
    assert manifests.metrics_in(asked) == {"campaign_gateway_a_total", "kube_c"}
    assert manifests.labels_in(asked) == {"campaign_gateway_a_total": {"team", "code"}}

"""deploy/kubernetes, without a cluster: what it renders to, and whether Kubernetes would take it."""
import copy
import functools
import os
import re

import pytest
import yaml

from harness import ROOT
from kubernetes import manifests, tools
from kubernetes.render import Kustomization, identity, load, render
from kubernetes.rendered import EVERYTHING, KUBERNETES, PARTS, README, RENDERED, edit, find, sidecar_pod

GOLDEN = ROOT / "tests/kubernetes/golden"


# ---- what it renders to ----

class Block(yaml.SafeDumper):
    """Texts of several lines as they are."""

    def ignore_aliases(self, data):
        return True


Block.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))


def golden_text(objects):
    """Files that stand in the repository are named, not repeated."""
    files = {path.read_text(): str(path.relative_to(ROOT)) for folder in ("policies", "deploy/kubernetes")
             for path in (ROOT / folder).rglob("*") if path.suffix in (".yaml", ".json") and "Kustomization" not in path.name}
    objects = copy.deepcopy(objects)
    for each in objects:
        if each["kind"] == "ConfigMap":
            each["data"] = {key: f"as in {files[text]}" if text in files else text for key, text in each["data"].items()}
    return yaml.dump_all(objects, Dumper=Block, width=110)


@pytest.mark.parametrize("part", PARTS)
def test_what_is_rendered_is_what_was_reviewed(part):
    path = GOLDEN / f"{part.replace('/', '-')}.yaml"
    text = golden_text(RENDERED[part])
    if os.environ.get("GOLDEN_UPDATE"):
        path.write_text(text)
    assert path.read_text() == text, "GOLDEN_UPDATE=1 writes it anew; then read the difference"


def test_kubectl_renders_the_same():
    """Where there is one; the renderer of the tests is there for where there is none."""
    for part in PARTS if tools.kubectl() else []:
        theirs = list(yaml.safe_load_all(tools.run(tools.kubectl(), "kustomize", KUBERNETES / part)))
        assert sorted(theirs, key=identity) == RENDERED[part], part


@pytest.mark.parametrize("text, why", [
    ("namePrefix: x-\n", "does not know"),
    ("resources: [a.yaml]\nresources: [a.yaml]\n", "twice"),
    ("configMapGenerator: [{name: c, files: [a.yaml]}]\n", "restarts the pods"),
    ("generatorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator: [{name: c, files: [../b.yaml]}]\n", "outside"),
    ("resources: [a.yaml, a.yaml]\n", "twice the same"),
])
def test_the_renderer_refuses_what_it_does_not_know(tmp_path, text, why):
    folder = tmp_path / "k"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n" + text)
    for file in (folder / "a.yaml", tmp_path / "b.yaml"):
        file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    with pytest.raises(AssertionError, match=why):
        render(folder)


def test_what_the_readme_applies_is_rendered_here():
    applied = set(re.findall(r"kubectl apply -k deploy/kubernetes/([\w/-]+)", README))
    assert applied == set(PARTS)
    for folder in re.findall(r"^\| `([a-z]+)` \|", README, re.M):
        assert (KUBERNETES / folder).is_dir()


def test_every_file_belongs_to_something_that_is_rendered():
    used = set()

    def collect(directory):
        settings = Kustomization(directory).settings
        for name in settings.get("resources", []) + settings.get("components", []):
            path = (directory / name).resolve()
            used.add(path)
            if path.is_dir():
                collect(path)
        used.update((directory / each["path"]).resolve() for each in settings.get("patches", []))
        for each in settings.get("configMapGenerator", []):
            used.update((directory / file.rpartition("=")[2]).resolve() for file in each.get("files", []))

    for part in PARTS:
        collect(KUBERNETES / part)
    files = [path for path in KUBERNETES.rglob("*") if path.is_file() and path.name not in ("README.md", "kustomization.yaml")]
    assert [str(path) for path in files if path not in used] == []


# ---- whether Kubernetes takes it ----

GATEWAY = "spec/template/spec/containers/0"
MISTAKES = [  # part, kind, path, value, what is said
    ("examples/gateway", "StatefulSet", f"{GATEWAY}/readinesProbe", {"periodSeconds": 1}, "readinesProbe"),
    ("examples/gateway", "StatefulSet", f"{GATEWAY}/livenessProbe/httpGet/prot", "x", "prot"),
    ("examples/gateway", "StatefulSet", "spec/template/spec/restartPolicy", 5, "restartPolicy"),
    ("examples/gateway", "StatefulSet", "spec/template/spec/restartPolicy", "Sometimes", "Sometimes"),
    ("examples/gateway", "StatefulSet", f"{GATEWAY}/name", None, "name"),
    ("examples/gateway", "StatefulSet", "spec/selector", None, "selector"),
    ("examples/gateway", "StatefulSet", f"{GATEWAY}/ports/0/containerPort", "8443", "containerPort"),
    ("examples/gateway", "StatefulSet", "apiVersion", "apps/v9", "apps/v9"),
    ("examples/gateway", "HorizontalPodAutoscaler", "spec/maxReplicas", None, "maxReplicas"),
    ("examples/gateway", "NetworkPolicy:campaign-gateway", "spec/egres", [], "egres"),
    ("examples/gateway", "PodDisruptionBudget", "spec/minAvailible", 1, "minAvailible"),
    ("examples/gateway", "Certificate", "spec/dnsName", ["x"], "dnsName"),
    ("examples/gateway", "Certificate", "spec/privateKey/algorithm", "DSA", "algorithm"),
    ("certificates", "Bundle:campaign-gateway-ca", "spec/source", [], "source"),
    ("central", "CronJob:campaign-gateway-verify", "spec/schedule", None, "schedule"),
    ("monitoring", "PodMonitor:campaign-gateway", "spec/podMetricsEndpoints/0/intervall", "30s", "intervall"),
    ("monitoring", "PrometheusRule", "spec/groups/0/rules/0/exp", "up", "exp"),
    ("admission", "MutatingAdmissionPolicy", "spec/failurePolicy", "Ignor", "failurePolicy"),
    ("admission", "ValidatingAdmissionPolicy:campaign-gateway-guard-secret", "spec/validations/0/mesage", "x", "mesage"),
]


@functools.cache
def type_findings():
    """One question for all: what takes time is to read the types."""
    asked = [{"name": f"{part} {manifests.name_of(each)}", "object": each} for part in PARTS for each in RENDERED[part]]
    for number, (part, kind, path, value, _) in enumerate(MISTAKES):
        each = find(part, *kind.split(":"))
        edit(each, path, value)
        asked.append({"name": f"mistake {number}", "object": each})
    return tools.node("validate.mjs", asked)


def test_kubernetes_knows_every_field():
    assert [each for each in type_findings() if not each.startswith("mistake ")] == []


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_mistakes_in_manifests_are_found(number):
    found = [each for each in type_findings() if each.startswith(f"mistake {number}: ")]
    assert [each for each in found if MISTAKES[number][-1] in each], f"{MISTAKES[number]}: {found}"


# ---- whether it fits together ----

# What people bring, as the table in README.md says; and what one part makes for another.
BROUGHT = {("Secret", None, name): set(re.findall(r"`([^`]+)`", keys)) or None
           for name, keys in re.findall(r"^\| `(campaign-gateway-[a-z-]+)` \| ([^|]*) \|", README, re.M)}
ELSEWHERE = {**BROUGHT, **manifests.made_names(RENDERED["certificates"]), **manifests.made_names(RENDERED["examples/gateway"])}


@pytest.mark.parametrize("part", PARTS)
def test_every_name_leads_somewhere(part):
    assert manifests.dangling(RENDERED[part], ELSEWHERE) == []


@pytest.mark.parametrize("part", PARTS)
def test_every_selector_selects(part):
    assert manifests.selecting_nothing(RENDERED[part], EVERYTHING) == []


@pytest.mark.parametrize("part", PARTS)
def test_pods_are_restricted_and_say_what_they_need(part):
    assert manifests.not_restricted(RENDERED[part]) == []
    assert manifests.not_sized(RENDERED[part]) == []


SIDECAR = "spec/template/spec/initContainers/1"


@pytest.mark.parametrize("question, path, value, why", [
    ("not_restricted", f"{SIDECAR}/securityContext/runAsNonRoot", None, "root"),
    ("not_restricted", f"{SIDECAR}/securityContext/runAsUser", 0, "root"),
    ("not_restricted", f"{SIDECAR}/securityContext/seccompProfile", None, "seccomp"),
    ("not_restricted", f"{SIDECAR}/securityContext/allowPrivilegeEscalation", None, "gain"),
    ("not_restricted", f"{SIDECAR}/securityContext/capabilities/add", ["NET_BIND_SERVICE"], "capabilities"),
    ("not_restricted", f"{SIDECAR}/securityContext/readOnlyRootFilesystem", False, "write"),
    ("not_restricted", f"{SIDECAR}/ports/0/hostPort", 9901, "port of the node"),
    ("not_restricted", "spec/template/spec/hostNetwork", True, "hostNetwork"),
    ("not_restricted", "spec/template/spec/volumes/0", {"name": "x", "hostPath": {"path": "/"}}, "kind"),
    ("not_restricted", "spec/template/spec/securityContext/sysctls/0/name", "net.core.somaxconn", "sysctl"),
    ("not_sized", f"{SIDECAR}/resources/limits", None, "needs"),
    ("not_sized", "spec/template/spec/volumes/6/emptyDir/sizeLimit", None, "sizeLimit"),
    ("dangling", "spec/template/spec/volumes/1/configMap/name", "other", "nobody makes"),
    ("dangling", f"{SIDECAR}/volumeMounts/0/name", "other", "does not have"),
    ("dangling", f"{SIDECAR}/volumeMounts/0/subPath", "gateway.yaml", "subPath"),
    ("dangling", f"{SIDECAR}/livenessProbe/httpGet/port", "admin", "asks the port"),
    ("dangling", "spec/template/spec/initContainers/0/env/1/valueFrom/secretKeyRef/key", "user", "no key"),
    ("selecting", "spec/selector/matchLabels/app.kubernetes.io~name", "other", "selects no pod"),
])
def test_what_does_not_fit_is_found(question, path, value, why):
    deployment = find("examples/sidecar", "Deployment")
    others = [each for each in RENDERED["examples/sidecar"] if each["kind"] != "Deployment"]
    edit(deployment, path, value)
    objects = [*others, deployment]
    found = {"dangling": lambda: manifests.dangling(objects, ELSEWHERE), "not_sized": lambda: manifests.not_sized(objects),
             "not_restricted": lambda: manifests.not_restricted(objects),
             "selecting": lambda: manifests.selecting_nothing(objects, objects)}[question]()
    assert len(found) >= 1 and all(why in each or "mounts it nowhere" in each for each in found), found


def test_the_image_is_of_this_version():
    version = re.search(r"project\(\S+ VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    images = {container["image"] for _, pod in manifests.pods(EVERYTHING) for container in manifests.containers(pod)}
    images.add(find("admission", "ConfigMap")["data"]["image"])
    ours = {image for image in images if "campaign-gateway" in image}
    assert ours == {f"registry.example.org/campaign-gateway:{version}"}


def test_the_sidecar_leaves_the_application_as_it_was():
    plain, = load(KUBERNETES / "examples/sidecar/deployment.yaml")
    before, after = plain["spec"]["template"], find("examples/sidecar", "Deployment")["spec"]["template"]
    assert after["spec"]["containers"] == before["spec"]["containers"]
    assert after["metadata"]["labels"] == {**before["metadata"]["labels"], "campaign-gateway/sidecar": "true"}
    for field in before["spec"].keys() - {"volumes"}:
        assert after["spec"][field] == before["spec"][field]
    assert before["spec"]["volumes"][0] in after["spec"]["volumes"]
    assert set(after["spec"]["securityContext"]) == {"sysctls"}


def test_sidecars_start_before_the_application_and_the_shipper_ends_last():
    sidecars = sidecar_pod()["spec"]["initContainers"]
    assert [each["name"] for each in sidecars] == ["campaign-gateway-ship", "campaign-gateway"]
    assert all(each["restartPolicy"] == "Always" for each in sidecars)
    assert "startupProbe" in sidecars[1] and not any("lifecycle" in each for each in sidecars)


WORKLOAD = """apiVersion: {version}
kind: {kind}
metadata: {{name: "{label}", labels: {{campaign-gateway/sidecar: "{label}"}}}}
spec:
  template:
    metadata: {{labels: {{own: label}}}}
    spec:
      initContainers: [{{name: own, image: x}}]
      hostAliases: [{{ip: 10.0.0.1, hostnames: [x]}}]
      containers: [{{name: app, image: x}}]
      volumes: [{{name: own, emptyDir: {{}}}}]
"""


def test_workloads_of_every_kind_get_the_sidecar_before_what_they_have(tmp_path):
    kinds = [("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"), ("batch/v1", "Job")]
    texts = [WORKLOAD.format(version=version, kind=kind, label=label) for version, kind in kinds for label in ("true", "false")]
    (tmp_path / "workloads.yaml").write_text("---\n".join(texts))
    (tmp_path / "kustomization.yaml").write_text(f"""apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [workloads.yaml]
components: [{os.path.relpath(KUBERNETES / "sidecar", tmp_path)}]
""")
    rendered = render(tmp_path)
    for each in rendered:
        names = [container["name"] for container in each["spec"]["template"]["spec"]["initContainers"]]
        wanted = ["campaign-gateway-ship", "campaign-gateway", "own"] if each["metadata"]["name"] == "true" else ["own"]
        assert names == wanted, manifests.name_of(each)
    if tools.kubectl():
        theirs = yaml.safe_load_all(tools.run(tools.kubectl(), "kustomize", tmp_path))
        assert sorted(theirs, key=identity) == rendered

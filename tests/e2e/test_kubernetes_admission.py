"""The admission policies of deploy/kubernetes, asked by a real implementation of CEL about pods."""
import copy
import functools
import json

import pytest

from kubernetes import tools
from kubernetes.rendered import RENDERED, edit, find, sidecar_pod

ENFORCED = {"campaign-gateway/enforced": "true"}


def ask(*requests, policies=RENDERED["admission"]):
    params = find("admission", "ConfigMap")
    return tools.node("admission.mjs", {"policies": policies, "params": params, "requests": [
        {"operation": "CREATE", "resource": "pods", "namespaceLabels": ENFORCED, **each} for each in requests]})


def bare_pod(**spec):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "labels": {"campaign-gateway/sidecar": "true", "campaign-gateway/team": "billing"}},
            "spec": {"containers": [{"name": "app", "image": "app"}], **spec}}


def test_injection_makes_what_the_component_makes():
    """Whose fields Kubernetes knows. Into a bare pod, and into one that has something of everything."""
    own = {"initContainers": [{"name": "first", "image": "x"}], "volumes": [{"name": "v", "emptyDir": {}}],
           "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["x"]}],
           "securityContext": {"fsGroup": 7, "sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]}}
    bare, full = ask({"object": bare_pod()}, {"object": bare_pod(**own)})
    component = sidecar_pod()["spec"]
    for answer in (bare, full):
        assert answer["denied"] == []
    assert bare["object"]["spec"]["initContainers"] == component["initContainers"]
    assert bare["object"]["spec"]["volumes"] + component["volumes"][-1:] == component["volumes"]
    assert bare["object"]["spec"]["hostAliases"] == component["hostAliases"]
    assert bare["object"]["spec"]["securityContext"] == component["securityContext"]
    spec = full["object"]["spec"]
    assert spec["initContainers"] == component["initContainers"] + own["initContainers"]
    assert spec["volumes"][0] == own["volumes"][0] and spec["hostAliases"][0] == own["hostAliases"][0]
    assert spec["securityContext"] == {"fsGroup": 7, "sysctls": own["securityContext"]["sysctls"]
                                       + component["securityContext"]["sysctls"]}


def test_injection_happens_where_it_is_asked_for_and_once():
    unlabelled = bare_pod()
    unlabelled["metadata"]["labels"] = {}
    elsewhere, not_asked, there = ask({"object": bare_pod(), "namespaceLabels": {}}, {"object": unlabelled},
                                      {"object": sidecar_pod()})
    assert elsewhere == {"object": bare_pod(), "denied": []}
    assert not_asked == {"object": unlabelled, "denied": []}
    assert there == {"object": sidecar_pod(), "denied": []}


GOOD = sidecar_pod()


def spoiled(path, value=None):
    pod = copy.deepcopy(GOOD)
    edit(pod, path, value)
    return pod


NO_SIDECAR, NO_SHIP = "no sidecar campaign-gateway of the image", "no sidecar campaign-gateway-ship"
PODS = [  # and what is said against them
    (GOOD, []),
    (bare_pod(), [NO_SIDECAR, NO_SHIP, "hostAliases"]),
    (spoiled("spec/initContainers/0"), [NO_SHIP]),
    (spoiled("spec/initContainers/1"), [NO_SIDECAR]),
    (spoiled("spec/initContainers/1/restartPolicy"), [NO_SIDECAR]),
    (spoiled("spec/initContainers/1/image", "registry.example.org/campaign-gateway-not:0.1.0"), [NO_SIDECAR]),
    (spoiled("spec/initContainers/1/command", ["sleep"]), [NO_SIDECAR]),
    (spoiled("spec/initContainers/1/args", ["version"]), [NO_SIDECAR]),
    (spoiled("metadata/labels/campaign-gateway~team"), ["whose policy"]),
    (spoiled("metadata/labels/campaign-gateway~team", ""), ["whose policy"]),
    (spoiled("spec/hostAliases/0/ip", "10.0.0.1"), ["hostAliases"]),
    (spoiled("spec/hostAliases/0/hostnames", ["other.example.org"]), ["hostAliases"]),
    (spoiled("spec/hostNetwork", True), ["hostNetwork"]),
    (spoiled("spec/shareProcessNamespace", True), ["shareProcessNamespace"]),
    (spoiled("spec/shareProcessNamespace", False), []),
]


@functools.cache
def verdicts_on_pods():
    validating = [each for each in RENDERED["admission"] if not each["kind"].startswith("Mutating")]
    return ask(*[{"object": pod} for pod, _ in PODS], policies=validating)


@pytest.mark.parametrize("number", range(len(PODS)))
def test_pods_that_ask_for_the_sidecar_have_it(number):
    said, expected = verdicts_on_pods()[number]["denied"], PODS[number][1]
    assert len(said) == len(expected) and all(part in each for part, each in zip(expected, said)), said


def test_pods_from_before_may_be_updated_but_not_changed():
    validating = [each for each in RENDERED["admission"] if not each["kind"].startswith("Mutating")]
    old, finalised, changed, unlabelled = bare_pod(), bare_pod(), bare_pod(), bare_pod()
    old["metadata"]["finalizers"] = ["example.org/x"]
    changed["spec"]["containers"][0]["image"] = "other"
    unlabelled["metadata"]["labels"] = {}
    update = {"operation": "UPDATE"}
    answers = ask({**update, "object": finalised, "oldObject": old}, {**update, "object": changed, "oldObject": old},
                  {**update, "object": bare_pod(), "oldObject": unlabelled}, policies=validating)
    assert [bool(answer["denied"]) for answer in answers] == [False, True, True]


KORE = "kore-credentials"
USES = {
    "env": {"containers": [{"name": "a", "image": "a", "env": [
        {"name": "PLAIN", "value": "x"}, {"name": "T", "valueFrom": {"secretKeyRef": {"name": KORE, "key": "t"}}}]}]},
    "envFrom": {"containers": [{"name": "a", "image": "a", "envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": KORE}}]}]},
    "init": {"initContainers": [{"name": "i", "image": "a", "envFrom": [{"secretRef": {"name": KORE}}]}],
             "containers": [{"name": "a", "image": "a"}]},
    "volume": {"containers": [{"name": "a", "image": "a"}], "volumes": [
        {"name": "e", "emptyDir": {}}, {"name": "s", "secret": {"secretName": KORE}}]},
    "projected": {"containers": [{"name": "a", "image": "a"}], "volumes": [
        {"name": "s", "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": KORE}}]}}]},
}


def plain_pod(spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def requests_with(way):
    """One that is to be refused, and three that are not: another Secret, another namespace, with the sidecar."""
    other = json.loads(json.dumps(USES[way]).replace(KORE, "another"))
    with_sidecar = copy.deepcopy(GOOD)
    for field, value in USES[way].items():
        with_sidecar["spec"][field] = with_sidecar["spec"].get(field, []) + value
    return [{"object": plain_pod(USES[way])}, {"object": plain_pod(other)},
            {"object": plain_pod(USES[way]), "namespaceLabels": {}}, {"object": with_sidecar}]


def test_the_credential_is_for_pods_with_the_sidecar():
    answers = ask(*[each for way in USES for each in requests_with(way)])
    for number, way in enumerate(USES):
        refused, *fine = [answer["denied"] for answer in answers[number * 4:number * 4 + 4]]
        assert len(refused) == 1 and "kore-credentials without the sidecar" in refused[0], way
        assert fine == [[], [], []], way


def test_the_credential_does_not_come_by_an_ephemeral_container():
    debug = plain_pod({"containers": [{"name": "a", "image": "a"}], "ephemeralContainers": [
        {"name": "debug", "image": "x", "envFrom": [{"secretRef": {"name": KORE}}]}]})
    change = {"operation": "UPDATE", "resource": "pods/ephemeralcontainers", "oldObject": plain_pod({"containers": []})}
    refused, = ask({**change, "object": debug})
    assert len(refused["denied"]) == 1


@pytest.mark.parametrize("old, new, why", [
    ("Object.spec.initContainers.ports{", "Object.spec.containers.ports{", "stands where"),
    ("JSONPatch{op: 'add', path: '/spec/volumes/-'", "JSONPatch{op: 'add', path: '/spec/volume/-'", "no such place"),
    ("has(object.spec.volumes) ?", "has(object.spec.volumes ?", "campaign-gateway-inject"),
])
def test_mistakes_in_the_injection_are_found(old, new, why):
    """Otherwise the tests above say nothing about it."""
    policies = copy.deepcopy(RENDERED["admission"])
    policy, = [each for each in policies if each["kind"] == "MutatingAdmissionPolicy"]
    changed = json.dumps(policy).replace(old, new)
    assert changed != json.dumps(policy)
    policies[policies.index(policy)] = json.loads(changed)
    answer, = ask({"object": bare_pod()}, policies=policies)
    assert why in answer["denied"][0]


def test_policies_fail_closed():
    for each in RENDERED["admission"]:
        if each["kind"].endswith("Policy"):
            assert each["spec"]["failurePolicy"] == "Fail"
        elif each["kind"].endswith("Binding"):
            assert each["spec"]["paramRef"]["parameterNotFoundAction"] == "Deny"
            assert each["spec"]["matchResources"]["namespaceSelector"]["matchLabels"] == ENFORCED

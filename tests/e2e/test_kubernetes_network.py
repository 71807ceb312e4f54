"""What the NetworkPolicies of deploy/kubernetes let through: the gateway is the only way to Kore.ai."""
import pytest

from kubernetes import manifests
from kubernetes.network import Peer, may_connect
from kubernetes.rendered import EVERYTHING, find

POLICIES = [each for each in EVERYTHING if each["kind"] == "NetworkPolicy"]


def pod_of(part, kind, name=None):
    """A pod as that object makes it, in the namespace with the labels that it has here."""
    owner = find(part, kind, name)
    namespace = owner["metadata"]["namespace"]
    labels = next(each["metadata"]["labels"] for each in EVERYTHING
                  if each["kind"] == "Namespace" and each["metadata"]["name"] == namespace)
    pod = manifests.template_of(owner)
    ports = {port["name"]: port["containerPort"] for each in manifests.containers(pod) for port in each.get("ports", [])}
    return Peer(namespace, labels, pod["metadata"]["labels"], ports)


GATEWAY = pod_of("examples/gateway", "StatefulSet")
CLIENT = pod_of("examples/client", "Deployment")
NIGHTLY = pod_of("central", "CronJob", "campaign-gateway-verify")
STRANGER = Peer("elsewhere", labels={"app.kubernetes.io/name": "campaign-gateway"})
INTRUDER = Peer("campaign-gateway", GATEWAY.namespace_labels, {"app.kubernetes.io/name": "something-else"})
DNS = Peer("kube-system", labels={"k8s-app": "kube-dns"})
DATABASE = Peer("audit", labels={"app.kubernetes.io/name": "postgres"})
PROMETHEUS = Peer("monitoring")
KORE = Peer(address="203.0.113.7")
METADATA = Peer(address="169.254.169.254")
PRIVATE = Peer(address="10.1.2.3")


@pytest.mark.parametrize("source, target, port", [
    (CLIENT, GATEWAY, 8443), (GATEWAY, KORE, 443), (GATEWAY, DATABASE, 5432), (NIGHTLY, DATABASE, 5432),
    (PROMETHEUS, GATEWAY, 9901), (CLIENT, DNS, 53), (GATEWAY, DNS, 53), (NIGHTLY, DNS, 53),
    (STRANGER, KORE, 443),  # a namespace that nobody put gateway/client into
])
def test_what_has_to_pass_passes(source, target, port):
    assert may_connect(POLICIES, source, target, port)


@pytest.mark.parametrize("source, target, port", [
    (CLIENT, KORE, 443), (CLIENT, KORE, 80), (CLIENT, KORE, 53), (CLIENT, DATABASE, 5432), (CLIENT, GATEWAY, 9901), (CLIENT, METADATA, 80),
    (STRANGER, GATEWAY, 8443), (STRANGER, GATEWAY, 9901), (PROMETHEUS, GATEWAY, 8443), (KORE, GATEWAY, 8443),
    (GATEWAY, KORE, 80), (GATEWAY, METADATA, 443), (GATEWAY, PRIVATE, 443), (GATEWAY, CLIENT, 8080),
    (INTRUDER, KORE, 443), (INTRUDER, DATABASE, 5432), (INTRUDER, GATEWAY, 8443), (NIGHTLY, KORE, 443), (CLIENT, NIGHTLY, 80),
])
def test_nothing_else_does(source, target, port):
    assert not may_connect(POLICIES, source, target, port)


def test_names_are_resolved_over_udp_and_tcp_and_nothing_else_goes_there():
    assert may_connect(POLICIES, CLIENT, DNS, 53, "UDP")
    assert not may_connect(POLICIES, CLIENT, DNS, 443)
    assert not may_connect(POLICIES, CLIENT, Peer("kube-system"), 53, "UDP")


def test_without_the_component_a_namespace_is_open():
    """Otherwise the tests above would pass for another reason."""
    others = [each for each in POLICIES if each["metadata"]["namespace"] != CLIENT.namespace]
    assert may_connect(others, CLIENT, KORE, 443)

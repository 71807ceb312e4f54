"""NetworkPolicies as Kubernetes defines them: who may connect to whom."""
import ipaddress
from dataclasses import dataclass, field


@dataclass
class Peer:
    """A pod, or, with an address, somebody outside of the cluster."""
    namespace: str = ""
    namespace_labels: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    ports: dict = field(default_factory=dict)  # names to numbers
    address: str = ""


def selects(selector, labels):
    return selector.get("matchLabels", {}).items() <= labels.items()


def is_peer(rule, peer, policy_namespace):
    if "ipBlock" in rule:
        block = rule["ipBlock"]
        return bool(peer.address) and ipaddress.ip_address(peer.address) in ipaddress.ip_network(block["cidr"]) and not any(
            ipaddress.ip_address(peer.address) in ipaddress.ip_network(each) for each in block.get("except", []))
    if peer.address:
        return False
    labels = {"kubernetes.io/metadata.name": peer.namespace, **peer.namespace_labels}
    here = selects(rule["namespaceSelector"], labels) if "namespaceSelector" in rule else peer.namespace == policy_namespace
    return here and selects(rule.get("podSelector", {}), peer.labels)


def is_port(rule, target, port, protocol):
    return rule["protocol"] == protocol and target.ports.get(rule["port"], rule["port"]) == port


def direction_allows(policies, pod, other, kind, target, port, protocol):
    """`kind` is Ingress or Egress of `pod`, which nothing restricts while no policy selects it."""
    mine = [each for each in policies if each["metadata"]["namespace"] == pod.namespace and kind in each["spec"]["policyTypes"]
            and selects(each["spec"]["podSelector"], pod.labels)]
    rules = [(rule, each) for each in mine for rule in each["spec"].get(kind.lower(), [])]
    side = "from" if kind == "Ingress" else "to"
    return not mine or any(any(is_peer(peer, other, each["metadata"]["namespace"]) for peer in rule[side])
                           and any(is_port(one, target, port, protocol) for one in rule["ports"]) for rule, each in rules)


def may_connect(policies, source, target, port, protocol="TCP"):
    out = bool(source.address) or direction_allows(policies, source, target, "Egress", target, port, protocol)
    return out and (bool(target.address) or direction_allows(policies, target, source, "Ingress", target, port, protocol))

"""What must hold of rendered objects, beyond their types. Each question gives a list of sentences."""
import re

WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}


def name_of(each):
    return f"{each['kind']}/{each['metadata']['name']}"


def template_of(each):
    """The pod that an object makes, or is; None when it makes none."""
    if each["kind"] == "Pod":
        return each
    if each["kind"] in WORKLOADS:
        return each["spec"]["template"]
    return each["spec"]["jobTemplate"]["spec"]["template"] if each["kind"] == "CronJob" else None


def pods(objects):
    """(the object, its pod) of all that make pods."""
    return [(each, template_of(each)) for each in objects if template_of(each)]


def containers(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


# ---- Pod Security, profile "restricted" ----

ALLOWED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
ALLOWED_SYSCTLS = {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
                   "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"}


def not_restricted_pod(spec):
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{field} is set"
    for volume in spec.get("volumes", []):
        if not set(volume) - {"name"} <= ALLOWED_VOLUMES:
            yield f"volume {volume['name']} is of a kind that is not allowed"
    for sysctl in spec.get("securityContext", {}).get("sysctls", []):
        if sysctl["name"] not in ALLOWED_SYSCTLS:
            yield f"sysctl {sysctl['name']} is not on the list"


def not_restricted_container(container, pod_context):
    own = container.get("securityContext", {})
    both = {**pod_context, **own}
    if both.get("runAsNonRoot") is not True or both.get("runAsUser", 1) == 0:
        yield "may run as root"
    if both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if own.get("privileged"):
        yield "is privileged"
    if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
        yield "keeps capabilities"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "takes a port of the node"
    if own.get("readOnlyRootFilesystem") is not True:  # ours, beyond the profile
        yield "may write to its image"


def not_restricted(objects):
    found = []
    for each, pod in pods(objects):
        found += [f"{name_of(each)}: {why}" for why in not_restricted_pod(pod["spec"])]
        for container in containers(pod):
            context = pod["spec"].get("securityContext", {})
            found += [f"{name_of(each)}: {container['name']} {why}" for why in not_restricted_container(container, context)]
    return found


# ---- what every container has ----

def not_sized(objects):
    found = []
    for each, pod in pods(objects):
        for container in containers(pod):
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get("limits", {}):
                found.append(f"{name_of(each)}: {container['name']} does not say what it needs")
        for volume in pod["spec"].get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                found.append(f"{name_of(each)}: emptyDir {volume['name']} has no sizeLimit")
    return found


# ---- names that lead somewhere ----

def made_names(objects):
    """{("ConfigMap", namespace or None for every one, name): its keys, or None when not known}."""
    made = {}
    for each in objects:
        spec, namespace = each.get("spec", {}), each["metadata"].get("namespace")
        if each["kind"] in ("ConfigMap", "ServiceAccount"):
            made[each["kind"], namespace, each["metadata"]["name"]] = set(each.get("data", {}))
        elif each["kind"] == "Certificate":
            made["Secret", namespace, spec["secretName"]] = {"tls.crt", "tls.key", "ca.crt"}
        elif each["kind"] == "Bundle":
            made["ConfigMap", None, each["metadata"]["name"]] = {spec["target"]["configMap"]["key"]}
    return made


def used_in_volume(volume):
    for kind, field, name in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
        if field in volume:
            items = volume[field].get("items", [])
            yield from ((kind, volume[field][name], item["key"]) for item in items or [{"key": None}])


def used_in_container(container):
    for variable in container.get("env", []):
        for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
            if field in variable.get("valueFrom", {}):
                reference = variable["valueFrom"][field]
                yield kind, reference["name"], reference["key"]


def used_names(pod):
    for volume in pod["spec"].get("volumes", []):
        yield from used_in_volume(volume)
    for container in containers(pod):
        yield from used_in_container(container)
    if "serviceAccountName" in pod["spec"]:
        yield "ServiceAccount", pod["spec"]["serviceAccountName"], None


def dangling(objects, elsewhere):
    """References to what nobody makes. `elsewhere` is as made_names(): what people and other parts bring."""
    made, found = {**elsewhere, **made_names(objects)}, []
    for each, pod in pods(objects):
        for kind, name, key in used_names(pod):
            places = [(kind, each["metadata"].get("namespace"), name), (kind, None, name)]
            keys = next((made[place] for place in places if place in made), False)
            if keys is False:
                found.append(f"{name_of(each)}: nobody makes the {kind} {name}")
            elif key and keys is not None and key not in keys:
                found.append(f"{name_of(each)}: the {kind} {name} has no key {key}")
        found += [f"{name_of(each)}: {why}" for why in wrong_mounts(each, pod)]
        found += [f"{name_of(each)}: {why}" for why in wrong_probes(pod)]
    return found


def wrong_mounts(each, pod):
    claims = {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])}
    volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])} | claims
    mounts = [mount for container in containers(pod) for mount in container.get("volumeMounts", [])]
    for mount in mounts:
        if mount["name"] not in volumes:
            yield f"mounts the volume {mount['name']}, which it does not have"
        if "subPath" in mount:
            yield f"mounts {mount['mountPath']} with subPath, which is never updated"
    for unused in sorted(volumes - {mount["name"] for mount in mounts}):
        yield f"has the volume {unused} and mounts it nowhere"


def wrong_probes(pod):
    for container in containers(pod):
        ports = {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            port = container.get(probe, {}).get("httpGet", {}).get("port")
            if isinstance(port, str) and port not in ports:
                yield f"{probe} of {container['name']} asks the port {port}, which it does not have"


# ---- selectors that select ----

def selectors(each):
    """(namespace or None for any, labels, names of ports) that an object is about."""
    spec, namespace = each.get("spec", {}), each["metadata"].get("namespace")
    if each["kind"] == "Service":
        yield namespace, spec["selector"], {port["targetPort"] for port in spec["ports"]}
    elif each["kind"] == "PodDisruptionBudget":
        yield namespace, spec["selector"]["matchLabels"], set()
    elif each["kind"] == "NetworkPolicy":
        named = {port["port"] for rule in spec.get("ingress", []) for port in rule.get("ports", []) if isinstance(port["port"], str)}
        yield namespace, spec["podSelector"].get("matchLabels", {}), named
    elif each["kind"] == "PodMonitor":
        for where in spec["namespaceSelector"].get("matchNames", [None]):
            yield where, spec["selector"]["matchLabels"], {end["port"] for end in spec["podMetricsEndpoints"]}
    elif each["kind"] in WORKLOADS:
        yield namespace, spec["selector"]["matchLabels"], set()
        for constraint in spec["template"]["spec"].get("topologySpreadConstraints", []):
            yield namespace, constraint["labelSelector"]["matchLabels"], set()


def selecting_nothing(objects, everything):
    """Selectors of `objects` that no pod of `everything` answers to, or whose pods lack the ports."""
    found = []
    for each in objects:
        for namespace, labels, ports in selectors(each):
            chosen = [pod for owner, pod in pods(everything) if namespace in (None, owner["metadata"].get("namespace"))
                      and labels.items() <= pod["metadata"]["labels"].items()]
            there = {port["name"] for pod in chosen for container in containers(pod) for port in container.get("ports", [])}
            if not chosen:
                found.append(f"{name_of(each)} selects no pod by {labels}")
            found += [f"{name_of(each)}: no selected pod has the port {port}" for port in sorted(ports - there)]
    targets = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in everything}
    for each in objects:
        if each["kind"] == "HorizontalPodAutoscaler":
            to = each["spec"]["scaleTargetRef"]
            if (to["kind"], each["metadata"].get("namespace"), to["name"]) not in targets:
                found.append(f"{name_of(each)} scales {to['kind']}/{to['name']}, which is not there")
    return found


# ---- alerts and dashboards ----

STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)")


def metrics_in(expression):
    """The names of metrics in PromQL that are ours, or kube-state-metrics'."""
    bare = GROUPING.sub(" ", STRINGS.sub('""', expression))
    return set(re.findall(r"\b(?:campaign_gateway|kube)_[a-z0-9_]+\b", bare))


def labels_in(expression):
    """{metric: names of labels that are asked of it} of selectors."""
    return {metric: set(re.findall(r"(\w+)\s*[=!]", STRINGS.sub('""', selector)))
            for metric, selector in re.findall(r"\b(campaign_gateway_[a-z0-9_]+)\{([^}]*)\}", expression)}

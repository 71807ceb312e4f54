"""The gateway's containers of a rendered pod on this machine: their files where a kubelet would lay them,
their variables, and the real program that starts from them."""
import contextlib
import json
import os
import re
import subprocess

from harness import BINARY, DEADLINE, wait_for
from kubernetes import manifests

FIELDS = {"metadata.namespace": "ns", "metadata.name": "pod-0"}
TOPS = ("/etc/campaign-gateway", "/var/lib/campaign-gateway")


class Pod:
    """`secrets` and `maps` are {name: {key: its bytes or text}}; what the volumes name must be there.
    `variables` come on top of those of the containers."""

    def __init__(self, root, template, secrets, maps, **variables):
        self.root, self.template = root, template
        self.containers = {each["name"]: each for each in manifests.containers(template) if "campaign-gateway" in each["name"]}
        self.container = self.containers["campaign-gateway"]
        self.secrets, self.variables = secrets, variables
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        for mount in (mount for each in self.containers.values() for mount in each["volumeMounts"]):
            volume, path = volumes.get(mount["name"], {}), self.inside(mount["mountPath"])
            if path.exists():
                continue  # two containers have it
            path.mkdir(parents=True)
            if "secret" in volume:
                lay(path, secrets[volume["secret"]["secretName"]], volume["secret"]["defaultMode"])
            elif "configMap" in volume:
                files = {key: self.relocated(text) for key, text in maps[volume["configMap"]["name"]].items()}
                lay(path, {key: text.encode() for key, text in files.items()}, 0o644)

    def inside(self, path):
        return self.root / path.lstrip("/")

    def relocated(self, text):
        for top in TOPS:
            text = text.replace(top, str(self.inside(top)))
        return text

    def value_of(self, variable):
        if "value" in variable:
            return variable["value"]
        source = variable["valueFrom"]
        if "secretKeyRef" in source:
            return self.secrets[source["secretKeyRef"]["name"]][source["secretKeyRef"]["key"]].decode()
        labels = {f"metadata.labels['{key}']": value for key, value in self.template["metadata"]["labels"].items()}
        return {**FIELDS, **labels}[source["fieldRef"]["fieldPath"]]

    def environment(self, name):
        """The container's variables, but for ports: those are any that are free."""
        values = {}
        for each in self.containers[name]["env"]:
            values[each["name"]] = re.sub(r"\$\((\w+)\)", lambda other: values[other[1]], self.value_of(each))
        return {**os.environ, **values, "CAMPAIGN_GATEWAY_LISTEN": "127.0.0.1:0",
                "CAMPAIGN_GATEWAY_ADMIN_LISTEN": "127.0.0.1:0", **self.variables}

    def command(self, name):
        return [BINARY, *map(self.relocated, self.containers[name]["args"])]

    def run(self, *words):
        """The gateway's container with other arguments, to its end."""
        config = self.relocated(self.container["args"][-1])
        return subprocess.run([BINARY, *words, "--config", config], capture_output=True, text=True, timeout=DEADLINE,
                              env=self.environment("campaign-gateway"))

    @contextlib.contextmanager
    def started(self, name):
        """A container while it runs: the file with what it says."""
        log = self.root / f"{name}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(self.command(name), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       env=self.environment(name))
        try:
            yield log
        finally:
            process.terminate()
            assert process.wait(DEADLINE) == 0, log.read_text()
            assert "Sanitizer" not in log.read_text(), log.read_text()

    @contextlib.contextmanager
    def running(self):
        """The gateway while it runs: its ports, as (data, admin)."""
        with self.started("campaign-gateway") as log:
            yield wait_for(lambda: ports(log.read_text()), f"the gateway to listen; it says in {log}")


def ports(said):
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{") and line.endswith("}")]
    found = {each["event"]: int(each["address"].rsplit(":", 1)[1]) for each in events if "address" in each}
    return (found["listening"], found["admin-listening"]) if {"listening", "admin-listening"} <= found.keys() else None


def lay(path, files, mode):
    """As a kubelet does: a generation behind the link ..data, and a link for each file."""
    generation = path / "..2026_11_28"
    generation.mkdir()
    (path / "..data").symlink_to(generation.name)
    for name, data in files.items():
        (generation / name).write_bytes(data)
        (generation / name).chmod(mode)
        (path / name).symlink_to(f"..data/{name}")

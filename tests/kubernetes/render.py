"""What `kubectl kustomize` makes of deploy/kubernetes, where there is no kubectl: the part of kustomize
that is used there. What is not known here is an error, never left out.

    tests/kubernetes/render.py deploy/kubernetes/examples/sidecar
"""
import copy
import re
import sys
from pathlib import Path

import yaml

NAMES = ["kustomization.yaml", "kustomization.yml", "Kustomization"]
CLUSTER_WIDE = re.compile(r"Namespace|Cluster\w+|(Mutating|Validating)AdmissionPolicy(Binding)?|Bundle")
MERGE_KEYS = {"containers": "name", "initContainers": "name", "volumes": "name", "env": "name",
              "volumeMounts": "mountPath", "ports": "containerPort", "hostAliases": "ip"}


class Strict(yaml.SafeLoader):
    """A key that is there twice is a mistake, not the second one."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"a key is there twice{node.start_mark}: {keys}"
        return super().construct_mapping(node, deep)


def load(path):
    """The documents of a file, without anchors: everything is its own copy."""
    return [copy.deepcopy(each) for each in yaml.load_all(path.read_text(), Strict) if each]


class Kustomization:
    def __init__(self, directory):
        self.directory = directory.resolve()
        found = [self.directory / name for name in NAMES if (self.directory / name).exists()]
        assert len(found) == 1, f"{directory} has {len(found)} kustomizations"
        self.settings, = load(found[0])
        self.kind = self.settings.pop("kind")
        version = {"Kustomization": "v1beta1", "Component": "v1alpha1"}[self.kind]
        assert self.settings.pop("apiVersion") == f"kustomize.config.k8s.io/{version}"
        self.hashed = not self.settings.pop("generatorOptions", {}).get("disableNameSuffixHash")

    def apply(self, objects):
        """Adds to and changes `objects`, in kustomize's order."""
        steps = dict(self.settings)
        for name in steps.pop("resources", []):
            path = self.directory / name
            objects += Kustomization(path).apply([]) if path.is_dir() else load(path)
        for name in steps.pop("components", []):
            component = Kustomization(self.directory / name)
            assert component.kind == "Component"
            component.apply(objects)
        objects += [self.config_map(**each) for each in steps.pop("configMapGenerator", [])]
        for each in steps.pop("patches", []):
            self.patch(objects, **each)
        namespace = steps.pop("namespace", None)
        for each in objects if namespace else []:
            if not CLUSTER_WIDE.fullmatch(each["kind"]):
                each["metadata"]["namespace"] = namespace
        for each in steps.pop("images", []):
            set_image(objects, **each)
        assert not steps, f"{self.directory}: this renderer does not know {sorted(steps)}"
        return objects

    def config_map(self, name, files=(), literals=(), options=None):
        assert not self.hashed, "without disableNameSuffixHash a change restarts the pods"
        data = dict(each.split("=", 1) for each in literals)
        for each in files:
            key, _, file = each.rpartition("=")
            path = (self.directory / file).resolve()
            assert path.is_relative_to(self.directory), f"kustomize does not read {file}, outside of its directory"
            data[key or path.name] = path.read_text()
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **(options or {})}, "data": data}

    def patch(self, objects, path, target):
        change, = load(self.directory / path)
        for field in ("apiVersion", "kind"):
            change.pop(field)
        change["metadata"].pop("name")
        wanted = dict(each.split("=") for each in target["labelSelector"].split(","))
        assert set(target) == {"kind", "labelSelector"}
        for each in objects:
            labels = each["metadata"].get("labels", {})
            if re.fullmatch(target["kind"], each["kind"]) and wanted.items() <= labels.items():
                merge(each, change)


def merge(into, change):
    """A strategic merge patch: maps are merged, lists by their keys; what is new comes first."""
    for key, value in change.items():
        old = into.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            merge(old, value)
        elif isinstance(value, list) and isinstance(old, list) and key in MERGE_KEYS:
            by = MERGE_KEYS[key]
            known = {each[by]: each for each in old}
            for each in value:
                merge(known.get(each[by], {}), each)
            into[key] = [copy.deepcopy(each) for each in value if each[by] not in known] + old
        else:
            into[key] = copy.deepcopy(value)


def set_image(value, name, newName):
    if isinstance(value, list):
        for each in value:
            set_image(each, name, newName)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in ("containers", "initContainers"):
                for container in each:
                    container["image"] = re.sub(rf"^{re.escape(name)}(?=[:@]|$)", newName, container["image"])
            else:
                set_image(each, name, newName)


def identity(each):
    return each["apiVersion"], each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


def render(directory):
    """The objects, sorted by what they are."""
    objects = Kustomization(Path(directory)).apply([])
    names = [identity(each) for each in objects]
    assert len(names) == len(set(names)), f"twice the same: {sorted(names)}"
    return sorted(objects, key=identity)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    print(yaml.safe_dump_all(render(sys.argv[1]), sort_keys=True), end="")

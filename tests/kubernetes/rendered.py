"""What the tests of deploy/kubernetes look at: every part of it, rendered once."""
import copy

from kubernetes.render import render
from kubernetes.tools import ROOT

KUBERNETES = ROOT / "deploy/kubernetes"
PARTS = ["admission", "central", "certificates", "examples/client", "examples/gateway", "examples/sidecar", "monitoring"]
README = (KUBERNETES / "README.md").read_text()
RENDERED = {part: render(KUBERNETES / part) for part in PARTS}
EVERYTHING = [each for objects in RENDERED.values() for each in objects]


def find(part, kind, name=None):
    found, = [each for each in RENDERED[part] if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    return copy.deepcopy(found)


def sidecar_pod():
    """A pod as the example's Deployment makes it."""
    return {"apiVersion": "v1", "kind": "Pod", **find("examples/sidecar", "Deployment")["spec"]["template"]}


def edit(each, path, value=None):
    """Sets what a path such as spec/containers/0/name leads to; without a value, takes it away. ~ is a / in a name."""
    *steps, last = [int(step) if step.isdigit() else step.replace("~", "/") for step in path.split("/")]
    for step in steps:
        each = each[step]
    if value is None:
        del each[last]
    else:
        each[last] = value

"""Alerts and the dashboard of deploy/kubernetes/monitoring, taken apart."""
import json

from kubernetes.rendered import KUBERNETES, find

GROUPS = find("monitoring", "PrometheusRule")["spec"]["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
DASHBOARD = json.loads((KUBERNETES / "monitoring/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]

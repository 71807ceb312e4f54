"""Alerts fire when they should and only then, and a person finds what to do; the dashboard can be loaded."""
import copy
import re

import pytest
import yaml

from harness import ROOT
from kubernetes import tools
from kubernetes.monitoring import DASHBOARD, GROUPS, PANELS, QUERIES, RULES

TESTS = ROOT / "tests/kubernetes/alerts.test.yaml"


def write_rules(path, groups):
    path.write_text(yaml.safe_dump({"groups": groups}))
    return path


def summaries_only(groups):
    """Without what says the same of every alert, so that tests need not repeat it."""
    groups = copy.deepcopy(groups)
    for group in groups:
        for rule in group["rules"]:
            rule["annotations"] = {"summary": rule["annotations"]["summary"]}
    return groups


def test_prometheus_takes_the_rules(tmp_path):
    tools.promtool("check", "rules", write_rules(tmp_path / "rules.yaml", GROUPS))


def run_tests(directory, groups):
    write_rules(directory / "rules.yaml", summaries_only(groups))
    (directory / "alerts.test.yaml").write_text(TESTS.read_text())
    tools.promtool("test", "rules", "alerts.test.yaml", cwd=directory)


def test_alerts_fire_when_they_should_and_not_before(tmp_path):
    run_tests(tmp_path, GROUPS)


@pytest.mark.parametrize("old, new", [("audit_failing == 1", "audit_failing == 0"), ("< 14 * 86400", "< 10 * 86400")])
def test_the_tests_of_alerts_can_fail(tmp_path, old, new):
    changed = yaml.safe_load(yaml.safe_dump(GROUPS, width=10**6).replace(old, new))
    assert changed != GROUPS
    with pytest.raises(AssertionError, match="FAILED"):
        run_tests(tmp_path, changed)


def test_each_alert_is_seen_to_fire_to_wait_and_to_keep_quiet():
    names = {rule["alert"] for rule in RULES}
    tests = [each for test in yaml.safe_load(TESTS.read_text())["tests"] for each in test["alert_rule_test"]]
    assert {each["alertname"] for each in tests if each["exp_alerts"]} == names
    well = yaml.safe_load(TESTS.read_text())["tests"][-1]["alert_rule_test"]
    assert {each["alertname"] for each in well} == names and not any(each["exp_alerts"] for each in well)
    for name in names:
        assert len([each for each in tests if each["alertname"] == name and not each["exp_alerts"]]) >= 2


def test_each_alert_leads_to_what_to_do():
    page = ROOT / "deploy/operations.md"
    headings = set(re.findall(r"^#+ (\S+)$", page.read_text(), re.M)) if page.exists() else None
    for rule in RULES:
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in ("critical", "warning") and notes["summary"] and notes["description"]
        assert notes["runbook"] == f"deploy/operations.md#{rule['alert'].lower()}"
        assert headings is None or rule["alert"] in headings, f"deploy/operations.md says nothing about {rule['alert']}"


# ---- the dashboard ----

def test_prometheus_understands_every_query(tmp_path):
    rules = [{"record": f"panel:{number}", "expr": re.sub(r"\$__\w+", "5m", query).replace("$namespace", ".*").replace("$pod", ".*")}
             for number, query in enumerate(QUERIES)]
    tools.promtool("check", "rules", write_rules(tmp_path / "rules.yaml", [{"name": "panels", "rules": rules}]))


def test_the_dashboard_is_one_that_grafana_loads():
    assert DASHBOARD["uid"] and DASHBOARD["title"] and DASHBOARD["schemaVersion"] >= 36
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len({panel["title"] for panel in PANELS if panel["type"] == "timeseries"}) >= 20
    for panel in PANELS:
        assert panel["type"] in ("timeseries", "stat", "table") and panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    for query in QUERIES:
        assert set(re.findall(r"\$(\w+)", query)) - {"__rate_interval"} <= variables


def test_no_panel_lies_upon_another():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells

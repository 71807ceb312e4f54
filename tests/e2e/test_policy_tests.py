"""`campaign-gateway test`: the tests that the author of a policy writes."""
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from harness import BINARY, POLICY, ROOT, seed_campaign

HEAD = """policy: ..
base: campaign.json
team: billing
at: 2026-11-24T10:00:00+05:30
tests:
"""
HOURS = HEAD + """  - name: office hours are fine
    expect: allow
  - name: refuses a Sunday window
    patch:
      /dialingStrategy/callingHours/days/0/day: SU
    expect: [outside-hours]
    rules: [business_hours]
"""
PACK = "pack: {name: opt-out, opt_out: [STOP]}\n"


def run(*arguments, cwd=None):
    return subprocess.run([BINARY, "test", *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd=cwd)


@pytest.fixture
def policy(tmp_path):
    """A policy with a folder of tests, none in it yet."""
    folder = tmp_path / "policy"
    (folder / "tests").mkdir(parents=True)
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "tests/campaign.json").write_text(json.dumps(seed_campaign()))
    return folder


def put(policy, text, name="hours.yaml"):
    (policy / "tests" / name).write_text(text)


def coverage(*paths):
    done = run("--coverage", "--format=json", *paths)
    assert done.returncode in (0, 1), done.stderr
    return [{(row["layer"], row["rule"]): (row["passed"], row["refused"], row["observed"]) for row in table["rules"]}
            for table in json.loads(done.stdout)["coverage"]]


def test_tests_that_pass(policy):
    put(policy, HOURS)
    done = run(policy)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.splitlines() == ["TAP version 14", "1..2", f"# {policy}/tests/hours.yaml",
                                        "ok 1 - office hours are fine", "ok 2 - refuses a Sunday window",
                                        "# 2 tests, 0 failed"]


def test_a_failure_says_what_came_instead(policy):
    put(policy, HEAD + "  - {name: nobody sends, expect: [frozen, outside-hours]}\n"
                       "  - {name: anybody sends, patch: {/dialingStrategy/callerId/phoneNumber: '+15550001111'}, expect: allow}\n")
    done = run(policy)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = lines.index("not ok 1 - nobody sends")
    assert lines[at + 1:at + 4] == [f"#   at {policy}/tests/hours.yaml:6", "#   expected: outside-hours, frozen",
                                    "#   actual:   allow"]
    at = lines.index("not ok 2 - anybody sends")
    assert lines[at + 2:at + 4] == ["#   expected: allow", "#   actual:   caller-id-not-allowed"]
    assert lines[at + 4].startswith("#   caller-id-not-allowed at /dialingStrategy/callerId/phoneNumber: the caller ID")
    assert lines[at + 4].endswith("(caller_ids, team billing)") and lines[-1] == "# 2 tests, 2 failed"


@pytest.mark.parametrize("test, passes", [
    ("text: 'Hello, reply STOP', expect: [banned-content]", False),
    ("text: Wow, expect: [banned-content]", True),
    ("text: Wow, expect: [banned-content], rules: [banned_words]", True),
    ("text: Wow, expect: [banned-content], rules: [banned_words, opt_out]", False),
    ("text: Wow, expect: [banned-content], rules: []", False),
    ("text: Hi, expect: allow, reported: [opt-out-missing]", True),
    ("text: Hi, expect: allow, reported: []", False),
    ("text: Hi, expect: [opt-out-missing]", False),
    ("text: Hi STOP, expect: allow, reported: [], exceptions: []", True),
    ("text: Hi STOP, patch: {/dncLists: null}, expect: allow, exceptions: [EX-7]", True),
    ("text: Hi STOP, patch: {/dncLists: null}, expect: allow, exceptions: [EX-8]", False),
    ("text: Hi STOP, patch: {/dncLists: null}, expect: allow, exceptions: []", False),
    ("text: Hi STOP, patch: {/dncLists: null}, expect: [dnc-required], at: 2026-12-24T10:00:00Z", True),
    ("text: Hi STOP, patch: {/name: null}, expect: [field-missing], rules: []", True),
    ("text: Hi STOP, team: other, expect: [caller-id-not-allowed]", True),
])
def test_what_can_be_expected(policy, test, passes):
    put(policy, HEAD.replace("policy: ..\n", """with:
  revision: a
  organisation: {banned_words: [Wow], opt_out: [STOP], dnc_required: true, modes: {opt_out: report}}
  teams: {billing: , other: {caller_ids: ["+15550001111"]}}
  exceptions: [{id: EX-7, team: billing, rule: dnc_required, not_before: 2026-11-20, expires: 2026-11-30, approver: A, ticket: T}]
""") + f"  - {{name: it, {test.replace('text: Wow', 'text: Wow STOP')}}}\n")
    done = run(policy)
    assert done.returncode == (0 if passes else 1), done.stdout + done.stderr


def test_where_tests_are_found(policy, tmp_path):
    put(policy, HOURS)
    (policy / "more.test.yaml").write_text(HOURS.replace("policy: ..", "policy: .").replace("campaign.json", "tests/campaign.json"))
    both, folder, single = run(policy), run(policy / "tests"), run(policy / "tests/hours.yaml")
    assert "# 4 tests, 0 failed" in both.stdout and "more.test.yaml" in both.stdout, both.stderr
    assert "# 2 tests, 0 failed" in folder.stdout and "# 2 tests, 0 failed" in single.stdout
    here = run(".", cwd=policy)
    assert here.returncode == 0 and "# tests/hours.yaml" in here.stdout.splitlines()
    (tmp_path / "empty").mkdir()
    nothing = run(tmp_path / "empty")
    assert nothing.returncode == 2 and "holds no tests" in nothing.stderr


def test_a_file_of_tests_is_no_part_of_the_policy(policy):
    (policy / "hours.test.yaml").write_text("this: is no policy\n")
    done = subprocess.run([BINARY, "judge", "--policy", policy, "--at=2026-11-24T10:00:00+05:30",
                           policy / "tests/campaign.json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_pack_is_tested_with_a_small_policy(policy):
    (policy.parent / "packs").mkdir()
    (policy.parent / "packs/pack.yaml").write_text(PACK)
    text = HEAD.replace("team: billing\n", "").replace("policy: ..", "policy: ../../packs/pack.yaml")
    test = "  - {name: STOP is asked for, expect: [opt-out-missing]}\n"
    put(policy, text + test)
    alone = run(policy)
    assert alone.returncode == 2 and "hours.yaml:5:12: the policy has no teams" in alone.stderr
    put(policy, text.replace("base:", "with: {revision: a, teams: {any: {}}}\nbase:") + test)
    assert run(policy).returncode == 0
    put(policy, text.replace("policy: ../../packs/pack.yaml", "with:\n  revision: a\n  organisation:\n"
                             "    include: [../../packs/pack.yaml]\n  teams:\n    any: {}") + test)
    assert run(policy).returncode == 0


def test_what_is_wrong_beside_the_policy_has_its_place(policy):
    put(policy, HOURS.replace("base:", "with:\n  teams:\n    more: {caller_id: []}\nbase:"))
    done = run(policy)
    assert done.returncode == 2 and "tests/hours.yaml:4:12: unknown rule 'caller_id'" in done.stderr


@pytest.mark.parametrize("old, new, sentence", [
    ("tests:", "test:", "hours.yaml:5:1: unknown key 'test'; a file of tests has: policy with base"),
    ("outside-hours", "outside-hour", "hours.yaml:11:14: there is no code 'outside-hour'; did you mean 'outside-hours'?"),
    ("[outside-hours]", "refuse", "hours.yaml:11:13: there is no code 'refuse'; policies/README.md lists them"),
    ("business_hours", "busines_hours", "hours.yaml:12:13: there is no rule 'busines_hours'; did you mean 'business_hours'?"),
    ("/days/0/day", "/days/9/day", "hours.yaml:10:7: the list has 5 elements only"),
    ("campaign.json", "nothing.json", "hours.yaml:2:7: cannot open '"),
    ("campaign.json", "hours.yaml", "hours.yaml:2:7: "),
    ("team: billing", "team: bilding", "hours.yaml:3:7: the policy knows no team 'bilding'; its teams are billing"),
    ("policy: ..", "policy: nowhere", "hours.yaml:1:9: cannot find '"),
    ("at: 2026", "at: x2026", "hours.yaml:4:5: 'x2026-"),
    ("tests:", "tests: [", "this is not YAML"),
])
def test_what_is_wrong_is_a_sentence(policy, old, new, sentence):
    assert old in HOURS
    put(policy, HOURS.replace(old, new, 1))
    done = run(policy)
    assert done.returncode == 2 and sentence in done.stderr


def test_what_cannot_be_run_does_not_hide_the_rest(policy):
    put(policy, HOURS.replace("/days/0/day", "/days/9/day"))
    put(policy, HOURS, "more.yaml")
    done = run("--junit", policy / "junit.xml", policy)
    assert done.returncode == 2 and "# 4 tests, 0 failed, 1 could not be run" in done.stdout
    assert "not ok 2 - refuses a Sunday window" in done.stdout.splitlines()
    suites = ElementTree.parse(policy / "junit.xml").getroot()
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("4", "0", "1")
    assert "the list has 5 elements only" in suites.find(".//error").get("message")


def test_junit_holds_any_name(policy):
    name = "<a & \"b\"> 'c' ]]> \\u20ac \\t \\n \\uFFFE end"
    put(policy, HEAD + f'  - {{name: "{name}", expect: [frozen]}}\n  - {{name: fine, expect: allow}}\n'.replace('"b"', '\\"b\\"'))
    done = run("--junit", policy / "junit.xml", policy)
    assert done.returncode == 1, done.stderr
    suite, = ElementTree.parse(policy / "junit.xml").getroot()
    first, second = suite.findall("testcase")
    assert first.get("name") == "<a & \"b\"> 'c' ]]> € \t \n � end" and first.get("line") == "6"
    assert first.find("failure").get("message") == "expected: frozen; actual:   allow"
    assert second.find("failure") is None and suite.get("failures") == "1"


def test_junit_that_cannot_be_written(policy):
    put(policy, HOURS)
    done = run("--junit", "/no/such/place.xml", policy)
    assert done.returncode == 2 and "cannot write '/no/such/place.xml'" in done.stderr


def test_coverage_counts_over_all_files(policy):
    put(policy, HOURS)
    put(policy, HOURS.replace("policy: ..", f"policy: [{policy}/policy.yaml]"), "by-file.yaml")
    put(policy, HOURS.replace("policy: ..", f"policy: {policy}/../policy"), "other-way.yaml")
    os.symlink(policy, policy.parent / "link")
    put(policy, HEAD.replace("policy: ..", "policy: ../../link")
        + "  - {name: a, patch: {/dialingStrategy/callingHours/timezone: Europe/Berlin}, expect: [timezone-not-allowed, outside-hours]}\n",
        "by-link.yaml")
    tables = coverage(policy)
    whole = {("organisation", "timezones"): (4, 1, 0), ("organisation", "business_hours"): (2, 3, 0),
             ("team billing", "caller_ids"): (5, 0, 0)}
    by_file = {("organisation", "timezones"): (2, 0, 0), ("organisation", "business_hours"): (1, 1, 0),
               ("team billing", "caller_ids"): (2, 0, 0)}
    assert sorted(map(str, tables)) == sorted(map(str, [whole, by_file]))


def test_coverage_counts_what_stands_beside_a_policy(policy):
    put(policy, HOURS)
    put(policy, HOURS.replace("base:", "with: {teams: {more: {days: MO-FR}}}\nbase:").replace("billing", "more")
        .replace("rules: [business_hours]", "rules: [days, business_hours]")
        .replace("[outside-hours]", "[outside-hours, day-not-allowed]"), "more.yaml")
    table, = coverage(policy)
    assert table == {("organisation", "timezones"): (4, 0, 0), ("organisation", "business_hours"): (2, 2, 0),
                     ("team billing", "caller_ids"): (2, 0, 0), ("team more", "days"): (1, 1, 0)}


def test_coverage_tells_what_is_untested(policy):
    (policy / "policy.yaml").write_text(POLICY.replace("  timezones", "  modes: {opt_out: report}\n  opt_out: [STOP]\n  timezones")
                                        + "  sales:\n    priority_cap: 3\n")
    put(policy, HOURS)
    done = run("--coverage", policy)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("# untested")] == [
        "# untested: timezones of organisation refused nothing",
        "# untested: caller_ids of team billing refused nothing",
        "# untested: priority_cap of team sales refused nothing"]
    assert any(line.split() == ["#", "organisation", "opt_out", "0", "0", "2"] for line in lines)
    assert any(line.split() == ["#", "team", "sales", "priority_cap", "0", "0", "0"] for line in lines)


def test_json_holds_the_same(policy):
    put(policy, HOURS + "  - {name: wrong, expect: [frozen]}\n")
    done = run("--format=json", policy)
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert (answer["tests"], answer["failed"], answer["broken"]) == (3, 1, 0)
    tests = answer["files"][0]["tests"]
    assert [test["outcome"] for test in tests] == ["passed", "passed", "failed"]
    assert tests[1]["findings"][0]["code"] == "outside-hours" and tests[1]["line"] == 8
    assert (tests[2]["expected"], tests[2]["actual"]) == ("frozen", "allow")


def test_the_example_in_the_help_is_true(policy):
    page = run("--help").stdout
    text = page.split("example: policies/tests/hours.yaml\n")[1].split("\n\n")[0]
    put(policy, "\n".join(line[2:] for line in text.splitlines()).replace("../example", ".."))
    done = run(policy)
    assert done.returncode == 0 and "# 2 tests, 0 failed" in done.stdout, done.stdout + done.stderr


def test_the_example_policy_passes_its_tests():
    done = run("--coverage", ROOT / "policies/example")
    assert done.returncode == 0 and "# untested: priority_cap of team billing" in done.stdout, done.stdout + done.stderr
    assert "untested: business_hours" not in done.stdout


def test_the_example_in_the_manual_is_true(policy):
    manual = (ROOT / "deploy/man/campaign-gateway.8").read_text()
    put(policy, re.search(r"\.Sh TESTING A POLICY\n.*?\.Bd [^\n]*\n(.*?)\.Ed", manual, re.S)[1])
    done = run(policy)
    assert done.returncode == 0 and "# 2 tests, 0 failed" in done.stdout, done.stdout + done.stderr

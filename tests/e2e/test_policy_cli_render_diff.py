"""The verbs that put policies into sentences: render and diff."""
import json
import os
import re
import subprocess

import pytest

from harness import BINARY, ROOT, Gateway

EXAMPLE = ROOT / "policies/example"
GOLDEN = ROOT / "tests/golden-render"
SHIPPED = [EXAMPLE, *sorted((ROOT / "policies/packs").glob("*.yaml"))]
OLD = """revision: 2026-11-23.1
organisation:
  business_hours: {Asia/Kolkata: {MO-SA: 9:00 AM - 8:00 PM}}
teams:
  billing: {caller_ids: ["+919561612345", "+919561612346"]}
  marketing: {priority_cap: 5}
"""
NEW = """revision: 2026-11-23.2
organisation:
  business_hours: {Asia/Kolkata: {MO-FR: 9:00 AM - 8:00 PM, SA: 9:00 AM - 9:00 PM}}
teams:
  billing: {caller_ids: ["+919561612346"]}
  marketing: {priority_cap: 3}
"""
DIFFERENCES = """\
everybody may do more: hours in Asia/Kolkata: also Saturday 8:00 PM - 9:00 PM
team billing may do less: the caller ID +919561612345 is no longer allowed
team marketing may do less: priority at most 3 (was 5)
"""


def run(*arguments, code=0):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    return path


@pytest.fixture
def new(tmp_path):
    path = tmp_path / "new.yaml"
    path.write_text(NEW)
    return path


# ---- render ----

@pytest.mark.parametrize("policy", SHIPPED, ids=lambda path: path.stem)
def test_shipped_policies_say_what_was_reviewed(policy):
    """GOLDEN_UPDATE=1 rewrites the file; a policy's change is then reviewed as sentences."""
    golden = GOLDEN / f"{policy.stem}.txt"
    text = run("render", policy).stdout
    if os.environ.get("GOLDEN_UPDATE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert golden.exists(), f"{golden} is missing; write it with GOLDEN_UPDATE=1"
    assert text == golden.read_text()


def test_nothing_is_golden_that_is_not_shipped():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in SHIPPED}


def test_files_in_one_command_are_one_policy():
    together = run("render", *sorted(EXAMPLE.glob("*.yaml"))).stdout
    assert together == run("render", EXAMPLE).stdout


def test_the_digest_is_told_when_asked_for():
    assert not re.search("[0-9a-f]{64}", run("render", EXAMPLE).stdout)
    assert re.search("SHA-256 of its files: [0-9a-f]{64}", run("render", "--digest", EXAMPLE).stdout)


def test_the_configuration_names_policies(certs, tmp_path, old):
    gateway = Gateway(tmp_path, certs, 1, policy=OLD, start=False)
    assert run("render", "--config", gateway.config).stdout == run("render", old).stdout


def test_render_as_json_says_the_same():
    page = json.loads(run("render", "--format", "json", EXAMPLE).stdout)
    teams = [section["title"] for section in page["sections"] if section["kind"] == "team"]
    assert teams == ["Team billing", "Team marketing", "Team support"]
    billing = next(section for section in page["sections"] if section["title"] == "Team billing")
    assert {"name": "caller_ids", "remark": "", "says": ["The sender is one of: +919561612345"]} in billing["items"]


@pytest.mark.parametrize("arguments, sentence", [
    ([], "give either POLICY or --config FILE"),
    (["--config", "x.yaml", "y.yaml"], "give either POLICY or --config FILE"),
    (["/nowhere"], "cannot find '/nowhere'"),
    (["--format", "yaml", "x"], "--format takes text or json"),
    (["--frobnicate"], "unknown option '--frobnicate'"),
])
def test_render_tells_what_is_wrong_with_the_command(arguments, sentence):
    done = run("render", *arguments, code=2)
    assert sentence in done.stderr and done.stdout == ""


def test_render_tells_what_is_wrong_with_the_policy(tmp_path):
    (tmp_path / "p.yaml").write_text("revision: a\norganisation: {dais: MO}\n")
    done = run("render", tmp_path / "p.yaml", code=2)
    assert "p.yaml:2:" in done.stderr and "did you mean 'days'" in done.stderr


# ---- diff ----

def test_diff_tells_who_may_do_more_and_who_less(old, new):
    assert run("diff", old, new, code=1).stdout == DIFFERENCES


def test_diff_of_the_same_policy_in_other_words_is_nothing(tmp_path, old):
    (tmp_path / "same").mkdir()
    (tmp_path / "same/a.yaml").write_text("# the teams\n" + OLD[OLD.index("teams:"):])
    (tmp_path / "same/b.yaml").write_text(OLD[:OLD.index("teams:")].replace(".1", ".7"))
    assert run("diff", old, tmp_path / "same").stdout == "no difference\n"


def test_diff_as_json_says_the_same(old, new):
    told = json.loads(run("diff", "--format", "json", old, new, code=1).stdout)
    assert told["old"]["revision"] == "2026-11-23.1" and len(told["new"]["digest"]) == 64
    assert told["differences"][1] == {
        "change": "less", "who": "team billing", "where": "", "rule": "caller_ids",
        "text": "the caller ID +919561612345 is no longer allowed"}
    assert json.loads(run("diff", "--format", "json", old, old).stdout)["differences"] == []


@pytest.mark.parametrize("arguments, sentence", [
    (["{old}"], "OLD NEW is missing"),
    (["{old}", "{old}", "{old}"], "unexpected argument"),
    (["{old}", "/nowhere"], "cannot find '/nowhere'"),
])
def test_diff_tells_what_is_wrong_with_the_command(old, arguments, sentence):
    done = run("diff", *[argument.format(old=old) for argument in arguments], code=2)
    assert sentence in done.stderr and done.stdout == ""


# ---- both ----

@pytest.mark.parametrize("verb", ["render", "diff"])
def test_help_teaches_with_an_example(verb):
    text = run(verb, "--help").stdout
    assert text.startswith(f"usage: campaign-gateway {verb} ") and "\nexample\n" in text
    assert f"  {verb} " in run("--help").stdout


def test_the_example_in_the_help_is_true(old, new):
    shown = run("diff", "--help").stdout
    for line in run("diff", old, new, code=1).stdout.splitlines():
        assert f"  {line}\n" in shown


def test_an_answer_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "render", EXAMPLE], stdout=full, stderr=subprocess.PIPE,
                              text=True)
    assert done.returncode == 2 and "cannot write" in done.stderr

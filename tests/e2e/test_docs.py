"""What the documents show is true."""
import re
import subprocess

import pytest

from harness import BINARY, POLICY, ROOT, Gateway


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / path).read_text(), re.S)


@pytest.mark.parametrize("number, policy", enumerate(blocks("policies/README.md", "yaml")))
def test_every_policy_in_the_guide_compiles(certs, tmp_path, number, policy):
    is_pack = re.search("^pack:", policy, re.M)
    gateway = Gateway(tmp_path, certs, 1, policy=POLICY if is_pack else policy, start=False)
    (tmp_path / "policies/packs").symlink_to(ROOT / "policies/packs")
    if is_pack:
        (tmp_path / "policies/pack.yaml").write_text(policy)
    subprocess.run([BINARY, "check", "--config", gateway.config], check=True)


def test_the_configuration_in_the_readme_is_fine(certs, tmp_path):
    text, = blocks("README.md", "yaml")
    (tmp_path / "certs").symlink_to(certs)
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    (tmp_path / "gateway.yaml").write_text(text)
    subprocess.run([BINARY, "check", "--config", tmp_path / "gateway.yaml"], check=True)


def test_the_guide_lists_every_code():
    defined = re.findall(r'VIOLATION\(\w+,\s*"([^"]+)"',
                         (ROOT / "gateway/campaign/violations.def").read_text())
    listed = re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "policies/README.md").read_text(), re.M)
    assert listed == defined


def test_links_in_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target


def test_every_setting_has_its_place_in_the_manual():
    manual = (ROOT / "deploy/man/campaign-gateway.yaml.5").read_text()
    source = (ROOT / "gateway/config.c").read_text()
    keys = set(re.findall(r'(?:SCALAR|FIXED|MAPPING|NODE)\("(\w+)"', source))
    assert keys and all(re.search(rf"\.(It )?Ic {key}\b", manual) for key in keys), \
        [key for key in keys if not re.search(rf"\.(It )?Ic {key}\b", manual)]


def test_the_callers_in_the_manual_are_fine(certs, tmp_path):
    manual = (ROOT / "deploy/man/campaign-gateway.yaml.5").read_text()
    text = re.search(r"\.Sh CALLERS\n\.Bd [^\n]*\n(.*?)\.Ed", manual, re.S)[1]
    (tmp_path / "callers.yaml").write_text(text)
    gateway = Gateway(tmp_path, certs, 1, team=None, extra="callers: callers.yaml",
                      policy=POLICY + "  marketing:\n  support:\n", start=False)
    subprocess.run([BINARY, "check", "--config", gateway.config], check=True)


def test_the_manual_lists_every_code():
    manual = (ROOT / "deploy/man/campaign-gateway.8").read_text()
    sources = {"http/framing.h": r'X\(\w+, \d+, "[^"]+", "([^"]+)"', "http/refusals.def": r'REFUSAL\(\w+, \d+, "[^"]+", "([^"]+)"',
               "base/json_read.h": r'X\(\w+,\s*"([^"]+)"', "upstream/pool.h": r'X\(\w+,\s*"([^"]+)"',
               "net/connection.c": r'framing_reason \w+ = \{\d+, "[^"]+", "([^"]+)"'}
    standing_in = {"json", "upstream"}      # rows whose code another table knows better
    for path, pattern in sources.items():
        codes = set(re.findall(pattern, (ROOT / "gateway" / path).read_text())) - standing_in
        assert codes, path
        assert {code for code in codes if f".It Li {code} Pq " not in manual} == set(), path

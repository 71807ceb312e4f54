"""The JSON Schema of policies says what the compiler says, as far as a schema can."""
import json
import re
import subprocess

import jsonschema
import pytest
import yaml

from harness import ADMIN, BINARY, ROOT, Gateway

SCHEMA = json.loads((ROOT / "policies/schema.json").read_text())


class Loader(yaml.SafeLoader):
    """YAML as the gateway reads it and an editor of YAML 1.2 does: no dates, no sixties, no yes and no."""
    yaml_implicit_resolvers = {}


for tag, pattern, first in (("bool", r"^(true|false)$", "tf"), ("null", r"^(~|null|)$", "~n\0"), ("int", r"^[0-9]+$", "0123456789")):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first) + [""] * (tag == "null"))


def valid(text):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.load(text, Loader))


def compiles(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text)
    return subprocess.run([BINARY, "render", tmp_path / "p.yaml"], capture_output=True).returncode == 0


SHIPPED = [path.relative_to(ROOT) for path in sorted(ROOT.glob("policies/example/*.yaml")) + sorted(ROOT.glob("policies/packs/*.yaml"))]
GUIDE = [block for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "policies/README.md").read_text(), re.S)
         if not block.startswith("policy: ")]       # a file of tests


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_it_knows_every_rule():
    rules = re.findall(r"^RULE\((\w+),", (ROOT / "gateway/policy/rules.def").read_text(), re.M)
    assert rules and SCHEMA["$defs"]["rule"]["enum"] == rules
    for layer in ("organisation", "pack", "case"):
        assert set(rules) <= set(SCHEMA["$defs"][layer]["properties"])


def test_the_binary_prints_it():
    printed = subprocess.run([BINARY, "check", "--print-schema"], capture_output=True, text=True, check=True)
    assert json.loads(printed.stdout) == SCHEMA


@pytest.mark.parametrize("path", SHIPPED, ids=str)
def test_shipped_policies_are_valid(path):
    jsonschema.validate(yaml.load((ROOT / path).read_text(), Loader), SCHEMA)


@pytest.mark.parametrize("number", range(len(GUIDE)))
def test_policies_of_the_guide_are_valid(number):
    jsonschema.validate(yaml.load(GUIDE[number], Loader), SCHEMA)


# ---- the configuration ----

CONFIG_SCHEMA = json.loads((ROOT / "deploy/gateway.schema.json").read_text())


def check_keys(properties, table, source):
    """The mapping and all within it."""
    body = re.search(rf"static const struct key {table}\[\] = \{{(.*?)\n\}};", source, re.S)[1]
    assert list(properties) == re.findall(r'(?:SCALAR|FIXED|MAPPING|NODE)\("(\w+)"', body), table
    for name, inner in re.findall(r'MAPPING\("(\w+)", (\w+)', body):
        check_keys(properties[name]["properties"], inner, source)


def test_the_configurations_schema_knows_every_key():
    check_keys(CONFIG_SCHEMA["properties"], "root_keys", (ROOT / "gateway/config.c").read_text())


def test_the_binary_prints_the_configurations_schema():
    printed = subprocess.run([BINARY, "check", "--print-config-schema"], capture_output=True, text=True, check=True)
    assert json.loads(printed.stdout) == CONFIG_SCHEMA


def test_configurations_that_run_are_valid(tmp_path, certs):
    jsonschema.Draft202012Validator.check_schema(CONFIG_SCHEMA)
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    readme, = [text for text in blocks if "upstream:" in text]
    gateway = Gateway(tmp_path, certs, 1, start=False, extra=ADMIN + "\nlog: {file: x.log}\naccess_log: {file: '-'}\ntrace: {endpoint: 'http://a/v1/traces', sample: 1}", limits=", body: 64KiB, connections: 10",
                      tls=", client_certificates: optional, client_ca: ca.pem")
    with_tls = gateway.config.read_text().replace("127.0.0.1:0}\n", "127.0.0.1:0, tls: {certificate: a, key: b, client_ca: c}}\n")
    for text in (readme, gateway.config.read_text(), with_tls):
        jsonschema.validate(yaml.load(text, Loader), CONFIG_SCHEMA)


@pytest.mark.parametrize("extra", ["colour: red", "limits: {body: much}", "contract: {midnight: maybe}", "admin: {port: 1}",
                                   "log: {file: }", "log: {format: xml}", "access_log: {format: text}", "access_log: {file: a, format: auto}",
                                   "trace: {sample: 1}", "trace: {endpoint: 'localhost:4318'}", "trace: {endpoint: 'http://a/b', sample: 2}",
                                   "admin: {listen: a, tls: {certificate: a}}", "admin: {listen: a, tls: {}}"])
def test_a_mistake_in_a_configuration_is_not_valid(tmp_path, certs, extra):
    gateway = Gateway(tmp_path, certs, 1, start=False)
    text = gateway.config.read_text().replace("limits: ", "# ") + extra + "\n"
    gateway.config.write_text(text)
    assert not jsonschema.Draft202012Validator(CONFIG_SCHEMA).is_valid(yaml.load(text, Loader))
    assert subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True).returncode == 2


# ---- policies that are wrong ----

# What both refuse, one mistake each.
MISTAKES = """
{organisation: {priority_cap: 6}}
{organisation: {caller_ids: []}}
{organisation: {unknown: 1}}
{unknown: 1}
{organisation: {business_hours: {}}}
{organisation: {business_hours: {'*': {mo: closed}}}}
{organisation: {business_hours: {'*': {MO: 9-5}}}}
{organisation: {days: XX}}
{organisation: {frequencies: weekly}}
{organisation: {dnc_required: maybe}}
{organisation: {templates: {W: {sha256: abc}}}}
{organisation: {templates: {W: {class: ads}}}}
{organisation: {blackout: [{name: x, on: tomorrow}]}}
{organisation: {blackout: [{name: x, from: 2026-01-01}]}}
{organisation: {urls: 'https://acme.com/'}}
{organisation: {segments: 0}}
{organisation: {modes: {urls: maybe}}}
{organisation: {modes: {nothing: off}}}
{organisation: {cases: [{applies_to: {classes: service}}]}}
{organisation: {cases: [{name: a, applies_to: {}}]}}
{exceptions: [{id: E}]}
{pack: {name: x}, teams: {t: }}
{pack: {title: x}}
""".strip().splitlines()


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_refused_by_both(tmp_path, text):
    text = "revision: r\n" + yaml.safe_dump(yaml.load(text, Loader))
    assert not valid(text) and not compiles(tmp_path, text)

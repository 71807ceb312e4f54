"""What the documents show is true."""
import datetime
import json
import re
import shlex
import subprocess

import pytest

from harness import BINARY, POLICY, ROOT, Gateway, seed_campaign
from journal_writer import Journal

GUIDE = "policies/README.md"


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / path).read_text(), re.S)


def pages():
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(str(path) for path in found if not {"build", "node_modules"} & set(path.parts))


def is_tests(text):
    return text.startswith("policy: ")


def guide_policy(revision):
    policy, = [block for block in blocks(GUIDE, "yaml") if f"revision: {revision}\n" in block]
    return policy


@pytest.fixture
def playground(certs, tmp_path):
    """A copy of what the documents' commands name, and a policy in force."""
    text, = [block for block in blocks("README.md", "yaml") if "listen:" in block]
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs/dev").symlink_to(certs)
    for each in ["policies", "deploy"]:
        (tmp_path / each).symlink_to(ROOT / each)
    (tmp_path / "gateway.yaml").write_text(text.replace("/var/lib/campaign-gateway/audit", "journal"))
    (tmp_path / "journal").mkdir()
    (tmp_path / "etc/policies").mkdir(parents=True)
    (tmp_path / "etc/policies/policy.yaml").write_text(POLICY)
    return tmp_path


# Decisions that examples name; and one of them nobody knows what became of.
SHOWN = ["019ac7c2-70fa-7cc3-98c4-dc0c0c073980", "01a22223-6ba1-7221-9b9e-a2fa006b5c5e",
         "01935d8e-7a10-7cc3-98c4-dc0c0c07398f"]
OPEN = "01936b2f-7d41-7c3e-9d0a-2f6f0a9b1c55"


@pytest.fixture
def recorded(playground):
    """The playground with a journal that has something to find."""
    journal = Journal(playground / "journal")
    for name in SHOWN:
        journal.decision(id=name)
        journal.outcome(0, id=name)
    journal.decision(id=OPEN)
    for code in ("outside-hours", "caller-id-not-allowed"):
        journal.decision(id=f"01a22300-0000-7000-8000-{len(code):012}", verdict="deny", status=403, type="policy",
                         campaign={"name": "Diwali offer"}, violations=[{"code": code, "pointer": "/x"}])
    journal.checkpoint()
    (playground / "journal/lock").touch()
    keys = playground / "journal/hash-keys"
    keys.mkdir()
    for month in ("2026-08", "2026-11"):
        (keys / f"{month}.key").write_text("5a" * 32 + "\n")
        (keys / f"{month}.key").chmod(0o600)
    (playground / "signing.key").write_bytes((playground / "journal/signing.key").read_bytes())
    (playground / "signing.key").chmod(0o600)
    shown = subprocess.run([BINARY, "audit", "key", "show", "signing.key"], cwd=playground, capture_output=True, check=True)
    (playground / "keys").write_bytes(shown.stdout)
    (playground / "copy").symlink_to("journal")
    return playground


def run_as_written(playground, command):
    """A command of a document, but for `run`, which is only checked."""
    today = datetime.date.today()
    command = command.replace("/srv/audit/", "journal/")
    command = command.replace("2026-11-01", str(today - datetime.timedelta(days=2)))
    command = command.replace("2026-11-30", str(today + datetime.timedelta(days=2)))
    command = command.replace("/etc/campaign-gateway/gateway.yaml", "gateway.yaml")
    command = command.replace("/etc/campaign-gateway/policies", "etc/policies")
    command = re.sub(r"^campaign-gateway run (?!.*--print-sandbox)", "campaign-gateway check ", command)
    done = subprocess.run(re.sub(r"^campaign-gateway ", shlex.quote(str(BINARY)) + " ", command), shell=True,
                          cwd=playground, capture_output=True, text=True, timeout=60)
    expected = {"diff": (1,), "replay": (0, 1)}.get(command.split()[1], (0,))
    assert done.returncode in expected, command + "\n" + done.stdout + done.stderr


def commands(text):
    return [line for line in re.sub(r"\\e?\n *", "", text).splitlines() if line.startswith("campaign-gateway ")]


def test_the_commands_in_the_documents_work(recorded):
    readme = "".join(blocks("README.md", "sh"))
    packs = "".join(blocks("policies/packs/README.md", "sh"))
    guide = "\n".join(re.findall(r"`(campaign-gateway [^`]+ [^`]+)`", (ROOT / GUIDE).read_text()))
    manual, audit = [re.search(r"\.Sh EXAMPLES\n\.Bd [^\n]*\n(.*?)\.Ed", (ROOT / "deploy/man" / page).read_text(), re.S)[1]
                     for page in ("campaign-gateway.8", "campaign-gateway-audit.8")]
    for text, count in [(readme, 10), (packs, 1), (guide, 7), (manual, 5), (audit, 6)]:
        assert len(commands(text)) == count
        for command in commands(text):
            run_as_written(recorded, command)


@pytest.mark.parametrize("verb", ["run", "check", "judge", "test", "render", "diff", "replay"])
def test_the_commands_in_the_help_work(playground, verb):
    page = subprocess.run([BINARY, verb, "--help"], capture_output=True, text=True, check=True).stdout
    examples = re.sub(r"\\\n *", "", page.split("\nexample")[1])
    shown = re.findall(r"^  (?:\$ )?(campaign-gateway .*)$", examples, re.M)
    assert shown
    for command in shown:
        run_as_written(playground, command)


# In an order in which one can use what another made. `ship` and `reconcile` need others to talk to.
AUDIT_VERBS = ["search", "show", "export", "verify", "prove", "verify-proof", "hash", "key make", "key show",
               "key rotate", "key destroy", "close"]


def test_the_commands_in_the_help_of_audit_work(recorded):
    for verb in AUDIT_VERBS:
        if verb == "key make":
            (recorded / "signing.key").unlink()
        page = subprocess.run([BINARY, "audit", *verb.split(), "--help"], capture_output=True, text=True, check=True).stdout
        shown = re.findall(r"^  (campaign-gateway .*)$", re.sub(r"\\\n *", "", page.split("\nexample")[1]), re.M)
        assert shown, verb
        for command in shown:
            run_as_written(recorded, command)


@pytest.mark.parametrize("verb", [*AUDIT_VERBS, "reconcile", "ship"])
def test_a_verb_of_audit_calls_itself_by_its_whole_name(verb):
    done = subprocess.run([BINARY, "audit", *verb.split(), "--nonsense"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == \
        (2, f"campaign-gateway audit {verb}: unknown option '--nonsense'; try --help\n")


@pytest.mark.parametrize("page", sorted((ROOT / "deploy/man").iterdir()), ids=lambda page: page.name)
def test_every_section_of_the_manual_says_something(page):
    sections = re.split(r"^\.Sh ", page.read_text(), flags=re.M)[1:]
    assert [section.strip() for section in sections if "\n" not in section.strip()] == []


@pytest.mark.parametrize("verb", AUDIT_VERBS)
def test_the_manual_knows_every_option_of_audit(verb):
    page = subprocess.run([BINARY, "audit", *verb.split(), "--help"], capture_output=True, text=True, check=True).stdout
    manual = (ROOT / "deploy/man/campaign-gateway-audit.8").read_text().replace("\\-", "-")
    options = set(re.findall(r"--([a-z-]+)", page.split("\nexample")[0]))
    assert {each for each in options if not re.search(rf"Fl (-|Fl ){each}\b", manual)} == set()


@pytest.mark.parametrize("verb", ["run", "check", "judge", "test", "render", "diff", "replay"])
def test_the_manual_knows_every_option(verb):
    page = subprocess.run([BINARY, verb, "--help"], capture_output=True, text=True, check=True).stdout
    manual = (ROOT / "deploy/man/campaign-gateway.8").read_text().replace("\\-", "-")
    options = set(re.findall(r"^ {2,}(?:-., )?--([a-z-]+)", page.split("\nexample")[0], re.M))
    assert options or verb == "run"
    assert {each for each in options if not re.search(rf"Fl (-|Fl ){each}\b", manual)} == set()


def test_the_manual_knows_every_signal():
    manual = (ROOT / "deploy/man/campaign-gateway.8").read_text()
    page = subprocess.run([BINARY, "run", "--help"], capture_output=True, text=True, check=True).stdout
    told = re.findall(r"^  ([A-Z0-9]+(?:, [A-Z0-9]+)*)  ", re.search(r"\nsignals\n(.*?)\n\n", page, re.S)[1], re.M)
    signals = [each for line in told for each in line.split(", ")]
    assert "TERM" in signals and [each for each in signals if f"SIG{each}" not in manual] == []


def test_the_map_names_every_file():
    """A folder's file is on the map by its name or by one with others: parse_{who,when,what}.c."""
    text = (ROOT / "gateway/ARCHITECTURE.md").read_text()
    for stem, endings in re.findall(r"(\w+_)\{([\w,]+)\}", text):
        text += "".join(f" {stem}{ending}" for ending in endings.split(","))
    names = {path.stem for path in (ROOT / "gateway").rglob("*.[ch]")}
    assert names and {name for name in names if not re.search(rf"\b{name}\b", text)} == set()


def test_check_names_the_candidate_too(certs, tmp_path):
    gateway = Gateway(tmp_path, certs, 1, start=False, extra="candidate_policies: [candidate.yaml]")
    (gateway.config.parent / "candidate.yaml").write_text(POLICY.replace("2026-11-23.1", "next"))
    done = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True, check=True)
    assert re.search(r"fine: policy 2026-11-23\.1 \(.*\ncandidate: policy next \(sha256 [0-9a-f]{64}\), 1 teams\n", done.stdout)


@pytest.mark.parametrize("page", pages())
def test_the_scripts_in_the_documents_exist(page):
    for script in re.findall(r"^((?:deploy|tests|certs)/\S+)", "".join(blocks(page, "sh")), re.M):
        assert (ROOT / script).stat().st_mode & 0o100, script


@pytest.mark.parametrize("page", pages())
def test_what_is_shown_as_shell_is_shell(page):
    for block in re.findall(r"^ *```sh[^\n]*\n(.*?)^ *```", (ROOT / page).read_text(), re.M | re.S):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, block + done.stderr


def test_what_developers_are_told_to_build_is_there():
    text = "".join(blocks("gateway/ARCHITECTURE.md", "sh"))
    presets = {each["name"] for each in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
    targets = re.findall(r"add_custom_target\((\S+)", (ROOT / "CMakeLists.txt").read_text())
    told = re.findall(r"--preset (\w+)", text), re.findall(r"--target ([\w-]+)", text)
    assert all(told) and set(told[0]) <= presets and set(told[1]) <= set(targets)


def test_the_tests_in_the_guide_pass(tmp_path):
    tests, = [block for block in blocks(GUIDE, "yaml") if is_tests(block)]
    (tmp_path / "tests").mkdir()
    (tmp_path / "policy.yaml").write_text(guide_policy("2026-11-23.2"))
    (tmp_path / "tests/hours.yaml").write_text(tests)
    (tmp_path / "tests/campaign.json").write_text(json.dumps(seed_campaign()))
    done = subprocess.run([BINARY, "test", tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "# 4 tests, 0 failed" in done.stdout, done.stdout + done.stderr


def test_the_refusal_in_the_guide_is_true(tmp_path):
    shown, = blocks(GUIDE, "json")
    problem = json.loads(shown)
    (tmp_path / "policy.yaml").write_text(guide_policy(problem["policy"]["revision"]))
    campaign = seed_campaign()
    campaign["dialingStrategy"]["callerId"]["phoneNumber"] = "+919561600001"
    for block in campaign["dialingStrategy"]["callingHours"]["days"][:4]:
        block.update(start="10:00 AM", end="1:00 PM")
    done = subprocess.run([BINARY, "judge", "--policy", tmp_path, "--team", "marketing", "--format", "json", "-"],
                          input=json.dumps(campaign), capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    assert answer["status"] == problem["status"] and answer["violations"] == problem["errors"]


def test_the_policies_in_the_guide_of_packs_compile(tmp_path):
    (tmp_path / "packs").symlink_to(ROOT / "policies/packs")
    (tmp_path / "mine").mkdir()
    for part in blocks("policies/packs/README.md", "yaml"):
        (tmp_path / "mine/policy.yaml").write_text("revision: a\n" + part + "teams: {any: }\n")
        subprocess.run([BINARY, "render", tmp_path / "mine"], check=True, stdout=subprocess.DEVNULL)


def test_the_policy_in_the_readme_compiles(playground):
    policy, = [block for block in blocks("README.md", "yaml") if "teams:" in block]
    (playground / "policy.yaml").write_text(policy)
    subprocess.run([BINARY, "render", playground / "policy.yaml"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("number, policy", enumerate(
    block for block in blocks(GUIDE, "yaml") if not is_tests(block)))
def test_every_policy_in_the_guide_compiles(certs, tmp_path, number, policy):
    is_pack = re.search("^pack:", policy, re.M)
    gateway = Gateway(tmp_path, certs, 1, policy=POLICY if is_pack else policy, start=False)
    (tmp_path / "policies/packs").symlink_to(ROOT / "policies/packs")
    if is_pack:
        (tmp_path / "policies/pack.yaml").write_text(policy)
    subprocess.run([BINARY, "check", "--config", gateway.config], check=True)


def test_the_guide_lists_every_code():
    defined = re.findall(r'VIOLATION\(\w+,\s*"([^"]+)"',
                         (ROOT / "gateway/campaign/violations.def").read_text())
    listed = re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "policies/README.md").read_text(), re.M)
    assert listed == defined


def anchors(path):
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", path.read_text(), flags=re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https:"):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / page).parent / file if file else ROOT / page
        assert path.exists() and (not anchor or anchor in anchors(path)), target


SETTINGS = json.loads((ROOT / "deploy/gateway.schema.json").read_text())
SETTINGS_PAGE = (ROOT / "deploy/man/campaign-gateway.yaml.5").read_text()
OF_CALLERS = {"certificates", "api_keys", "id", "team", "sha256", "expires", "uri", "dns", "common_name"}


def settings(schema, prefix=""):
    """Every setting, with its path and what the schema says of it."""
    for name, value in schema.get("properties", {}).items():
        yield prefix + name, value
        yield from settings(value, f"{prefix}{name}.")
        yield from settings(value.get("items", {}), f"{prefix}{name}.")


def in_the_manual(page):
    """What stands behind .Ic: names of settings; .Fl, .Li and the like end it."""
    for line in re.findall(r"^\.(?:It )?Ic (.*)$", page, re.M):
        yield from re.findall(r"[a-z][\w.]*", re.split(r" (?:Pq|Po|Ns|No|Pc|Li|Ar|Op|Fl)\b", line)[0])


def part_of_the_manual(name):
    """From where a setting is named first, to the next entry."""
    return re.split(r"^\.(?:It|Sh) ", SETTINGS_PAGE[re.search(rf"^\.(It )?Ic (.* )?{name}\b", SETTINGS_PAGE, re.M).end():], 1,
                    re.M)[0]


def test_every_setting_has_its_place_in_the_manual():
    names = set(in_the_manual(SETTINGS_PAGE))
    assert {path for path, _ in settings(SETTINGS) if path.split(".")[-1] not in names} == set()


def test_the_manual_names_no_setting_that_is_none():
    known = {path for path, _ in settings(SETTINGS)}
    known |= {path.split(".")[-1] for path in known} | OF_CALLERS
    assert set(in_the_manual(SETTINGS_PAGE)) - known == set()


@pytest.mark.parametrize("path, schema", [(path, schema) for path, schema in settings(SETTINGS)
                                          if "enum" in schema or "maximum" in schema], ids=lambda each: each if isinstance(each, str) else "")
def test_the_manual_says_what_a_setting_may_be(path, schema):
    text = part_of_the_manual(path.split(".")[-1]).replace("\\-", "-")
    if path.startswith("limits.") and schema.get("maximum") == 1000000:
        text = part_of_the_manual("connections")        # said once for all of them
    words = schema.get("enum", [schema.get("minimum"), schema.get("maximum")])
    assert [word for word in words if not re.search(rf"\b{re.escape(str(word))}\b", text)] == []


def test_the_configurations_in_the_manual_are_fine(certs, tmp_path):
    examples = re.findall(r"^\.Bd [^\n]*\n(listen:.*?)\.Ed", SETTINGS_PAGE, re.S | re.M)
    assert len(examples) == 2
    etc = tmp_path / "etc"
    gateway = Gateway(tmp_path, certs, 1, policy=POLICY + "  marketing:\n  support:\n", start=False)
    (etc / "tls").mkdir(parents=True)
    for ours, theirs in (("tls.crt", "gateway.pem"), ("tls.key", "gateway.key"), ("clients-ca.pem", "ca.pem")):
        (etc / "tls" / ours).write_bytes((certs / theirs).read_bytes())
    (etc / "policies").symlink_to(gateway.config.parent / "policies")
    (etc / "kore-token").write_text("a-token")
    (etc / "callers.yaml").write_text(re.search(r"\.Sh CALLERS\n\.Bd [^\n]*\n(.*?)\.Ed", SETTINGS_PAGE, re.S)[1])
    for text in examples:
        (etc / "gateway.yaml").write_text(text.replace("/var/", f"{tmp_path}/var/").replace("/srv/", f"{tmp_path}/srv/"))
        done = subprocess.run([BINARY, "check", "--config", etc / "gateway.yaml"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_settings_for_the_central_database_are_fine(certs, tmp_path):
    shown, = blocks("deploy/sql/README.md", "yaml")
    gateway = Gateway(tmp_path, certs, 1, start=False)
    text = re.sub(r"^audit:.*\n(?: .*\n)*", "", gateway.config.read_text(), flags=re.M)
    gateway.config.write_text(text + shown.replace("/var/lib/campaign-gateway/audit", str(tmp_path / "journal")))
    subprocess.run([BINARY, "check", "--config", gateway.config], check=True)


def test_the_callers_in_the_manual_are_fine(certs, tmp_path):
    manual = (ROOT / "deploy/man/campaign-gateway.yaml.5").read_text()
    text = re.search(r"\.Sh CALLERS\n\.Bd [^\n]*\n(.*?)\.Ed", manual, re.S)[1]
    (tmp_path / "callers.yaml").write_text(text)
    gateway = Gateway(tmp_path, certs, 1, team=None, extra="callers: callers.yaml",
                      policy=POLICY + "  marketing:\n  support:\n", start=False)
    subprocess.run([BINARY, "check", "--config", gateway.config], check=True)


def displays(page, section):
    """The literal displays of a section of the manual, as a reader sees them."""
    text = re.search(rf"^\.Sh {section}\n(.*?)(?=^\.Sh |\Z)", (ROOT / "deploy/man" / page).read_text(), re.M | re.S)[1]
    return [each.replace("\\&", "").replace("\\-", "-") for each in re.findall(r"^\.Bd [^\n]*\n(.*?)^\.Ed", text, re.M | re.S)]


def test_the_tests_in_the_manual_pass(tmp_path):
    shown, = displays("campaign-gateway.8", "TESTING A POLICY")
    (tmp_path / "tests").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "tests/hours.yaml").write_text(shown)
    (tmp_path / "tests/campaign.json").write_text(json.dumps(seed_campaign()))
    done = subprocess.run([BINARY, "test", tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "# 2 tests, 0 failed" in done.stdout, done.stdout + done.stderr


def test_the_keys_and_the_connection_in_the_manual_are_understood(recorded):
    keys, = [each for each in displays("campaign-gateway-audit.8", "VERIFYING") if "ed25519" in each]
    (recorded / "pins").write_text(keys)
    done = subprocess.run([BINARY, "audit", "verify", "--directory", "journal", "--keys", "pins"], cwd=recorded,
                          capture_output=True, text=True)
    assert done.returncode == 1 and "broken" in done.stdout, done.stderr      # read, and not the journal's own
    shown, = [each for each in displays("campaign-gateway-audit.8", "SHIPPING") if "central:" in each]
    config = recorded / "gateway.yaml"
    config.write_text(re.sub(r"^audit: .*\n", shown + "  directory: journal\n", config.read_text(), flags=re.M))
    (recorded / "journal/lock").unlink()
    subprocess.run([BINARY, "check", "--config", config], check=True)


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

"""audit search and audit show: what they find, against looking at every record; and what they never show."""
import fnmatch
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from harness import BINARY, request, seed_campaign, wait_for
from journal_writer import Journal

MAKER = Path(BINARY).parent / "journal_maker"


def run(*arguments, code=0, **options):
    done = subprocess.run([BINARY, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert code is None or done.returncode == code, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def search(directory, *arguments, code=None):
    """The page as JSON; nothing found is an empty page."""
    done = run("search", "--directory", directory, "--format", "json", *arguments, code=code)
    assert done.returncode in (0, 1), done.stderr
    page = json.loads(done.stdout)
    assert (done.returncode == 0) == bool(page["records"])
    return page


def seqs(page):
    return [hit["seq"] for hit in page["records"]]


def pages(directory, *arguments):
    """All that is found, page by page."""
    found, after = [], []
    while True:
        page = search(directory, *arguments, *after)
        found += seqs(page)
        if "next" not in page:
            return found
        after = ["--after", page["next"]]


# ---- against looking at every record ----

def texts(value):
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [text for each in value for text in texts(each)] if not isinstance(value, (int, float, type(None))) else []


def words(record):
    left_out = ("id", "prev", "time", "note", "frontier", "open")
    all_texts = texts([value for key, value in record.items() if key not in left_out])
    return {word for text in all_texts for word in re.findall(r"[^\W_]+", text.casefold())}


def codes(record):
    lists = [record.get(name, []) for name in ("violations", "reported", "waived")]
    return {violation["code"] for each in lists for violation in each} | {record.get("code")}


ASKED_OF_STORY = {
    "team": lambda r, v: r.get("team") == v,
    "caller": lambda r, v: r.get("caller") == v,
    "verdict": lambda r, v: r.get("verdict") == v,
    "code": lambda r, v: v in codes(r),
    "outcome": lambda r, v: r.get("outcome") == v,
    "campaign": lambda r, v: "campaign" in r and fnmatch.fnmatchcase(r["campaign"]["name"], v),
    "template": lambda r, v: r.get("campaign", {}).get("template") == v,
    "caller-id": lambda r, v: r.get("campaign", {}).get("caller_id") == v,
    "campaign-id": lambda r, v: r.get("upstream", {}).get("campaign_id") == v,
    "policy": lambda r, v: r.get("policy", {}).get("revision") == v or r.get("policy", {}).get("digest", "").startswith(v),
}


class Truth:
    def __init__(self, directory):
        lines = b"".join(path.read_bytes() for path in sorted(Path(directory).glob("*.jsonl"))).splitlines()
        self.records = [json.loads(line.rsplit(b"\t", 1)[0]) for line in lines]
        self.stories = {}
        for record in self.records:
            if "id" in record:
                self.stories.setdefault(record["id"], []).append(record)
            record["words"] = None

    def words_of(self, record):
        if record["words"] is None:
            record["words"] = words({key: value for key, value in record.items() if key != "words"})
        return record["words"]

    def holds(self, record, asked):
        story = self.stories.get(record.get("id"), [record])
        for name, value in asked.items():
            if name == "kind" and value != "any" and record["kind"] != value:
                return False
            if name == "since" and not record["time"] >= value or name == "until" and not record["time"] < value:
                return False
            if name in ASKED_OF_STORY and not any(ASKED_OF_STORY[name](each, value) for each in story):
                return False
            if name == "text" and not all(any(word in self.words_of(each) for each in story) for word in value.casefold().split()):
                return False
        return True

    def find(self, asked):
        return [record["seq"] for record in self.records if self.holds(record, asked)]

    def some(self, random, wanted):
        """A value that a record really has."""
        while True:
            record = random.choice(self.records)
            value = wanted(record)
            if value:
                return value


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("made") / "journal"
    subprocess.run([MAKER, directory, "3000", "segment=500000", "open=30", "clear=1", "checkpoint=300", "seed=7"], check=True,
                   capture_output=True)
    assert len(list(directory.glob("*.jsonl"))) > 5
    return directory, Truth(directory)


def ask_for_something(truth, random):
    campaign = lambda r: r.get("campaign", {})
    name = lambda r: campaign(r).get("name")
    choices = {
        "team": lambda: truth.some(random, lambda r: r.get("team")),
        "caller": lambda: truth.some(random, lambda r: r.get("caller")),
        "verdict": lambda: random.choice(["allow", "deny"]),
        "code": lambda: truth.some(random, lambda r: random.choice(sorted(c for c in codes(r) if c) or [None])),
        "outcome": lambda: truth.some(random, lambda r: r.get("outcome")),
        "campaign": lambda: pattern_of(truth.some(random, name), random),
        "template": lambda: truth.some(random, lambda r: campaign(r).get("template")),
        "caller-id": lambda: truth.some(random, lambda r: campaign(r).get("caller_id")),
        "campaign-id": lambda: truth.some(random, lambda r: r.get("upstream", {}).get("campaign_id")),
        "policy": lambda: truth.some(random, lambda r: r.get("policy", {}).get(random.choice(["revision", "digest"]), "")[:random.choice([6, 64])]),
        "text": lambda: " ".join(truth.some(random, lambda r: random.choice(sorted(truth.words_of(r)))) for _ in range(random.choice([1, 1, 2]))),
        "kind": lambda: random.choice(["any", "decision", "outcome", "checkpoint", "segment", "reloaded"]),
        "since": lambda: truth.some(random, lambda r: r["time"]),
        "until": lambda: truth.some(random, lambda r: r["time"]),
    }
    asked = {key: choices[key]() for key in random.sample(sorted(choices), random.choice([0, 1, 1, 2, 2, 3]))}
    if "since" in asked and "until" in asked and asked["since"] >= asked["until"]:
        del asked["since"]
    return asked


def pattern_of(name, random):
    first, second = sorted(random.sample(range(len(name) + 1), 2))
    return random.choice([name, name[:second] + "*", "*" + name[first:], "*" + name[first:second] + "*", name[:first] + "*" + name[second:]])


@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_is_what_looking_at_every_record_finds(made, seed):
    directory, truth = made
    chance = random.Random(seed)
    hits = 0
    for _ in range(20):
        asked = ask_for_something(truth, chance)
        options = [part for name, value in ({"kind": "any"} | asked).items() for part in (f"--{name}", value)]
        expected = truth.find(asked)
        up = chance.random() < 0.5
        found = pages(directory, "--limit", "1000", *options, *(["--oldest-first"] if up else []))
        assert found == (expected if up else expected[::-1]), (asked, len(expected), len(found))
        hits += bool(expected)
    assert hits > 10


def test_small_pages_come_to_the_same(made):
    directory, truth = made
    asked = {"team": "billing", "verdict": "deny"}
    expected = truth.find({"kind": "decision", **asked})
    assert 20 < len(expected) < 200
    assert pages(directory, "--team", "billing", "--verdict", "deny", "--limit", "7") == expected[::-1]
    assert pages(directory, "--team", "billing", "--verdict", "deny", "--limit", "7", "--oldest-first") == expected


def test_records_are_the_journal_s_own(made):
    directory, truth = made
    for hit in search(directory, "--limit", "3", "--outcome", "created")["records"]:
        file, line = hit["place"].rsplit(":", 1)
        text, digest = Path(file).read_bytes().splitlines()[int(line) - 1].rsplit(b"\t", 1)
        assert json.loads(text) == hit["record"] and digest.decode() == hit["hash"]
        assert [each["record"]["kind"] for each in hit["story"]] == ["outcome"]


def test_the_command_for_the_next_page_works_as_it_is_printed(made):
    directory, truth = made
    done = run("search", "--directory", directory, "--limit", "2", "--campaign", "*für alle*", "--text", "sommerfest")
    lines = done.stdout.splitlines()
    assert len(lines) == 5 and lines[0].startswith("TIME ") and lines[-1].startswith("more: campaign-gateway audit search ")
    again = subprocess.run([BINARY, *shlex.split(lines[-1])[2:]], capture_output=True, text=True, check=True).stdout.splitlines()
    expected = [truth.records[seq - 1]["id"] for seq in truth.find({"kind": "decision", "campaign": "*für alle*"})[::-1][:4]]
    assert [line.split()[-1] for line in lines[1:3] + again[1:3]] == expected


def test_an_id_is_shown_by_any_beginning_that_suffices(made):
    directory, truth = made
    record = truth.records[truth.find({"kind": "decision", "outcome": "created"})[5] - 1]
    whole = run("show", "--directory", directory, record["id"]).stdout
    length = next(n for n in range(8, 37) if sum(other.startswith(record["id"][:n]) for other in truth.stories) == 1)
    assert run("show", "--directory", directory, record["id"][:length]).stdout == whole
    assert record["campaign"]["name"] in whole and "verdict     allow" in whole
    assert "begins several ids" in run("show", "--directory", directory, record["id"][:length - 1], code=2).stderr
    assert "there is no campaign" in run("show", "--directory", directory, "ffff", code=1).stderr


def test_show_names_the_policy_in_force_and_the_checkpoint(made):
    directory, truth = made
    for seq in truth.find({"kind": "decision"})[50::400]:
        record = truth.records[seq - 1]
        story = json.loads(run("show", "--directory", directory, record["id"], "--format", "json").stdout)
        last = truth.stories[record["id"]][-1]["seq"]
        before = [r["seq"] for r in truth.records if r["kind"] in ("started", "reloaded") and r["seq"] < seq]
        behind = [r["seq"] for r in truth.records if r["kind"] in ("checkpoint", "segment") and r["seq"] > last]
        assert story["policy_in_force"]["seq"] == before[-1] and story["checkpoint"]["seq"] == behind[0]
        assert story["checkpoint"]["size"] == behind[0] - 1
        assert [each["record"] for each in story["records"]] == [
            {key: value for key, value in each.items() if key != "words"} for each in truth.stories[record["id"]]]


# ---- what was deleted, altered, doctored ----

@pytest.fixture
def copy(made, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(made[0], directory)
    for path in directory.glob("*.jsonl"):
        path.chmod(0o600)
    for path in directory.glob("index.sqlite*"):
        path.unlink()
    return directory


def test_old_segments_that_are_gone_are_not_missed(copy, made):
    first, second, *_ = sorted(copy.glob("*.jsonl"))
    run("search", "--directory", copy)
    before = (copy / "index.sqlite").stat().st_ino
    first.unlink()
    left = [seq for seq in made[1].find({"kind": "decision", "team": "sales"}) if seq >= int(second.stem)]
    assert pages(copy, "--team", "sales", "--limit", 1000) == left[::-1]
    assert "anew" not in run("search", "--directory", copy).stderr and (copy / "index.sqlite").stat().st_ino == before


def test_an_altered_record_is_never_shown(copy):
    run("search", "--directory", copy)
    path = sorted(copy.glob("*.jsonl"))[3]
    data = path.read_bytes()
    victim = data.splitlines()[100]
    assert b'"kind":"decision"' in victim or b'"kind":"outcome"' in victim
    ident = json.loads(victim.rsplit(b"\t", 1)[0])["id"]
    path.write_bytes(data.replace(victim, victim.replace(b'"time":"2025', b'"time":"2024'), 1))
    done = run("search", "--directory", copy, "--kind", "any", "--id", ident, code=2)
    assert "THE JOURNAL IS BROKEN" in done.stderr and f"{path}:101: the record was altered" in done.stderr
    assert "2024-" not in done.stdout
    assert "THE JOURNAL IS BROKEN" in run("show", "--directory", copy, ident, code=2).stderr


def test_a_doctored_index_shows_and_hides_nothing_after_a_rebuild(copy, made):
    sqlite3 = pytest.importorskip("sqlite3")
    run("search", "--directory", copy)
    with sqlite3.connect(copy / "index.sqlite") as database:
        database.execute("delete from posting")
    database.close()
    assert search(copy, "--team", "sales")["records"] == []
    expected = made[1].find({"kind": "decision", "team": "sales"})[::-1]
    assert seqs(search(copy, "--team", "sales", "--limit", 1000, "--rebuild")) == expected
    assert seqs(search(copy, "--team", "sales", "--limit", 1000)) == expected


def test_rubbish_in_place_of_the_index_is_replaced(copy):
    (copy / "index.sqlite").write_bytes(b"rubbish" * 1000)
    done = run("search", "--directory", copy, "--limit", 1)
    assert "made anew" in done.stderr and len(done.stdout.splitlines()) == 4
    other = copy.parent / "rubbish"
    other.write_bytes(b"rubbish" * 1000)
    assert "is no index" in run("search", "--directory", copy, "--index", other, code=2).stderr
    assert other.read_bytes() == b"rubbish" * 1000


def test_a_full_disk_leaves_the_search_working(copy, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        done = run("search", "--directory", copy, "--index", disk / "index.sqlite", "--limit", 1)
        assert "made for this search alone" in done.stderr and "full" in done.stderr
        assert len(done.stdout.splitlines()) == 4
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_only_read_the_journal_can_search_it(copy):
    for path in [copy, *copy.parents]:
        if path == Path("/"):
            break
        path.chmod(path.stat().st_mode | 0o055)
    for path in copy.iterdir():
        path.chmod(0o755 if path.is_dir() else 0o444)
    if not shutil.which("setpriv") or not os.access(BINARY, os.X_OK):
        pytest.skip("nobody else can run the gateway here")
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BINARY, "audit", "search", "--directory", str(copy)]
    done = subprocess.run([*as_nobody, "--limit", "1"], capture_output=True, text=True, cwd="/")
    if done.returncode == 126 or "cannot read the directory" in done.stderr:
        pytest.skip("nobody else can come here")
    assert done.returncode == 0 and "Permission denied; one was made for this search alone; --index FILE" in done.stderr
    assert len(done.stdout.splitlines()) == 4 and not (copy / "index.sqlite").exists()


# ---- what others wrote ----

def test_what_others_wrote_cannot_fool_a_terminal(tmp_path):
    journal = Journal(tmp_path / "journal")
    nasty = "\x1b]0;owned\x07 \u009b31m\u202egpj \x7f\u2028x"
    journal.decision(campaign={"name": nasty}, team=nasty, caller=nasty, peer=nasty, id="019ac7c2-evil" + nasty,
                     violations=[{"code": nasty, "pointer": nasty, "rule": nasty}], verdict="deny")
    journal.outcome(2, id="019ac7c2-evil" + nasty, outcome=nasty, upstream={"host": nasty, "detail": nasty})
    journal.add({"kind": nasty, "reason": nasty})
    journal.flush()
    outputs = [run("search", "--directory", journal.directory, "--kind", "any", *more).stdout for more in ([], ["--format", "json"])]
    outputs += [run("show", "--directory", journal.directory, "019ac7c2-evil", *more).stdout for more in ([], ["--format", "json"])]
    outputs += [run("search", "--directory", journal.directory, "--campaign", "*" + nasty[3:], "--limit", 1, code=None).stdout]
    for output in outputs:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028]", output), repr(output)
    page = json.loads(outputs[1])
    assert page["records"][0]["record"]["kind"] == nasty


def test_words_are_never_a_query_language(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.decision(campaign={"name": "Alpha Beta"})
    for text in ['"Alpha" AND "Beta"', "alpha*", "alpha OR gamma", "NOT alpha", "alpha NEAR beta", "(alpha)", "name:alpha", "^alpha", "'; drop table record; --"]:
        found = seqs(search(journal.directory, "--text", text))
        assert found == ([2] if text in ("alpha*", "(alpha)", "^alpha") else []), text


# ---- times ----

def test_times_are_instants_days_or_durations(tmp_path):
    now = datetime.now(timezone.utc)
    journal = Journal(tmp_path / "journal", now=now - timedelta(days=9))
    for days in (8, 3, 1, 0):
        journal.now = now - timedelta(days=days, minutes=5)
        journal.decision()
    find = lambda *options: seqs(search(journal.directory, *options))
    day = lambda days: (now - timedelta(days=days, minutes=5)).strftime("%Y-%m-%d")
    assert find("--since", "1h") == [5] and find("--since", "7d") == [5, 4, 3] and find("--since", "2w") == [5, 4, 3, 2]
    assert find("--until", "36h") == [3, 2]
    assert find("--since", day(3), "--until", day(3)) == [3] and find("--until", day(8)) == [2]
    instant = (now - timedelta(days=2)).astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()
    assert find("--since", instant) == [5, 4] and find("--until", instant) == [3, 2]
    for wrong in ("yesterday", "24", "h", "1.5h", "2026-02-30", "-1h", "9999999999d"):
        assert "is no time" in run("search", "--directory", journal.directory, "--since", wrong, code=2).stderr
    assert "nothing lies between" in run("search", "--directory", journal.directory, "--since", "1h", "--until", "2h", code=2).stderr


def test_wrong_use_is_told(made):
    directory, _ = made
    assert "which journal?" in run("search", code=2).stderr
    assert "--limit takes" in run("search", "--directory", directory, "--limit", "0", code=2).stderr
    assert "--limit takes" in run("search", "--directory", directory, "--limit", "1001", code=2).stderr
    assert "--verdict takes allow or deny" in run("search", "--directory", directory, "--verdict", "no", code=2).stderr
    assert "holds no word" in run("search", "--directory", directory, "--text", "--", code=2).stderr
    assert "is no cursor" in run("search", "--directory", directory, "--after", "x", code=2).stderr
    cursor = search(directory, "--limit", "1")["next"]
    assert "of another search" in run("search", "--directory", directory, "--team", "sales", "--after", cursor, code=2).stderr
    assert "No such file" in run("search", "--directory", directory / "no", code=2).stderr
    assert "nothing was found" in run("search", "--directory", directory, "--team", "x", code=1).stderr


# ---- with a gateway ----

def test_a_campaign_is_found_by_all_that_is_known_of_it(make_gateway, tmp_path):
    gateway = make_gateway()
    campaign = seed_campaign()
    answer = gateway.post(campaign)
    ident, created = answer.header("x-decision-id"), answer.json()["data"]["_id"]
    bad = dict(seed_campaign(), priority="9", name="Another +49 1512 3456789 one")
    refused = gateway.post(bad).header("x-decision-id")

    def found(*options):
        done = run("search", "--config", gateway.config, "--format", "json", *options, code=None)
        return [hit["record"]["id"] for hit in json.loads(done.stdout)["records"]]

    assert found() == [refused, ident]
    number = campaign["dialingStrategy"]["callerId"]["phoneNumber"]
    for options in (["--verdict", "allow"], ["--outcome", "created"], ["--campaign", campaign["name"]], ["--campaign-id", created],
                    ["--text", campaign["name"].upper()], ["--id", ident[:30]], ["--text", ident],
                    ["--template", "Welcome", "--team", "billing", "--outcome", "created"]):
        assert found(*options) == [ident], options
    assert found("--code", "field-value") == [refused] and found("--policy", "2026-11-23.1") == [refused, ident]
    for way in (number, number[1:], f"00{number[1:3]} {number[3:]}"):
        assert found("--caller-id", way) == [refused, ident] and found("--number", way) == [refused, ident]
    assert found("--caller-id", number, "--verdict", "deny") == [refused]
    assert found("--number", "0049 (0) 1512 3456789") == [refused]
    assert found("--campaign", "Another * one") == [refused] and found("--number", "+491512345678") == []
    hint = run("search", "--config", gateway.config, "--campaign", bad["name"], code=1).stderr
    assert "look for it with --number" in hint
    shown = run("show", "--config", gateway.config, ident).stdout
    assert campaign["name"] in shown and "created; it was created: yes" in shown and created in shown


def test_who_looks_for_a_number_is_recorded(make_gateway, tmp_path):
    gateway = make_gateway()
    gateway.post(seed_campaign())
    done = run("search", "--config", gateway.config, "--caller-id", "+919561612345")
    assert done.stderr == ""
    lookup, = wait_for(lambda: [r for r in gateway.journal() if r["kind"] == "looked_up"], "the record")
    assert lookup["by"] and gateway.decisions()[0]["campaign"]["caller_id"] in lookup["hashes"]   # under each key there is
    copy = tmp_path / "copy"
    shutil.copytree(gateway.audit, copy)
    assert "is not recorded: that takes --config" in run("search", "--directory", copy, "--caller-id", "+919561612345").stderr
    shutil.rmtree(copy / "hash-keys")
    done = run("search", "--directory", copy, "--caller-id", "+919561612345", code=1)
    assert "there is no key to hash numbers with" in done.stderr
    found = search(copy, "--caller-id", "+919561612345", "--keys-directory", gateway.audit / "hash-keys")
    assert len(found["records"]) == 1


@pytest.mark.concurrency
def test_several_search_while_the_gateway_writes(make_gateway):
    gateway = make_gateway()
    done, answered, problems = threading.Event(), [], []

    def load():
        with gateway.client() as client:
            while not done.is_set():
                client.send(request(seed_campaign()))
                answered.append(client.read().header("x-decision-id"))

    def look(number):
        try:
            last = 0
            for _ in range(8):
                before = len(answered)
                page = search(gateway.audit, "--limit", 1000, "--outcome", "created", *(["--rebuild"] if number == 0 else []))
                ids = [hit["record"]["id"] for hit in page["records"]]
                if len(ids) < 1000:
                    assert set(answered[:before]) <= set(ids) and len(ids) >= last
                last = len(ids)
        except AssertionError as problem:
            problems.append(problem)

    writer = threading.Thread(target=load)
    writer.start()
    wait_for(lambda: len(answered) > 5, "some answers")
    lookers = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for thread in lookers:
        thread.start()
    for thread in lookers:
        thread.join()
    done.set()
    writer.join()
    assert not problems, problems
    gateway.stop()
    assert len(pages(gateway.audit, "--outcome", "created", "--limit", 1000)) == len(answered)


# ---- in the central database ----

@pytest.fixture
def shipped(made, tmp_path, database):
    """A journal, and the same in the central database."""
    directory = tmp_path / "kept"
    subprocess.run([MAKER, directory, "800", "open=50", "segment=200000"], check=True, capture_output=True)
    shutil.copytree(directory, tmp_path / "shipped")     # from here old segments go once they are confirmed
    run("ship", "--directory", tmp_path / "shipped", "--database", database.conninfo("gateway"), "--once")
    return directory, database


def test_the_central_database_finds_the_same(shipped):
    directory, database = shipped
    central = lambda *options: ("--central", "--database", database.conninfo("officer"), "--format", "json", "--limit", "1000", *options)
    record = search(directory, "--outcome", "created", "--limit", "1")["records"][0]["record"]
    for options in ([], ["--team", "sales"], ["--verdict", "deny", "--code", "field-value"], ["--outcome", "failed"], ["--kind", "any"],
                    ["--campaign", "*Bayern*"], ["--text", "sommerfest mumbai"], ["--id", record["id"][:20]], ["--policy", "2026-11-02.1"],
                    ["--caller-id", "+919561600042", "--keys-directory", directory / "hash-keys"],
                    ["--number", "+919561600042", "--keys-directory", directory / "hash-keys"],
                    ["--kind", "any", "--team", "claims", "--outcome", "created"], ["--template", "Offer", "--caller", "key:events-2026"]):
        here = search(directory, "--limit", "1000", *options)
        there = json.loads(run("search", *central(*options), code=None).stdout)
        assert {hit["hash"] for hit in there["records"]} == {hit["hash"] for hit in here["records"]}, options
        assert here["records"] or options[0] in ("--id", "--policy")
    shown = json.loads(run("show", "--central", "--database", database.conninfo("officer"), "--format", "json", record["id"]).stdout)
    local = json.loads(run("show", "--directory", directory, "--format", "json", record["id"]).stdout)
    for story in (shown, local):
        for part in (*story["records"], story["policy_in_force"], story["checkpoint"]):
            part.pop("place", None)
    assert shown == local


def test_an_export_of_the_central_database_is_the_same(shipped, tmp_path):
    directory, database = shipped
    for format in ("jsonl", "csv", "ocsf", "cloudevents"):
        run("export", "--directory", directory, "--format", format, "--output", tmp_path / f"here.{format}")
        done = run("export", "--central", "--database", database.conninfo("officer"), "--format", format, "--output", tmp_path / f"there.{format}")
        assert "IS NOT SIGNED" in done.stderr
        here, there = (sorted((tmp_path / f"{side}.{format}").read_bytes().splitlines()) for side in ("here", "there"))
        assert here == there and len(here) > 100
    manifest = json.loads((tmp_path / "there.jsonl.manifest").read_text().splitlines()[0])
    source, = manifest["sources"]
    assert (source["first_seq"], source["last_seq"]) == (1, manifest["rows"]) and source["checkpoint"].startswith("campaign-gateway/made/")


def test_a_record_that_was_altered_in_the_database_is_not_shown(shipped):
    directory, database = shipped
    hit = search(directory, "--limit", "1")["records"][0]
    database.rows(f"set session_replication_role = replica; update audit.audit_record set json = replace(json, '\"team\":', '\"teem\":') "
                  f"where seq = {hit['seq']};")
    done = run("search", "--central", "--database", database.conninfo("officer"), "--limit", "1", code=2)
    assert f"record {hit['seq']} of campaign-gateway/made/" in done.stderr and "WAS ALTERED" in done.stderr
    assert "teem" not in done.stdout

"""`--central`: the same questions find the same records, in the journal and in the central database."""
import json
import subprocess

import pytest

from harness import BINARY
from journal_writer import Journal

ID = "019ac7c2-70fa-72f4-b033-54fd6cdaa4%02d"
NUMBER = "919561612345"


def fill(journal):
    """Stories of every kind: allowed, refused, unknown and closed, and the gateway's own records."""
    journal.add({"kind": "started", "time": journal.tick(), "version": "0.1.0", "policy": {"revision": "old", "digest": "ab" * 32}})
    for number in range(12):
        identity = {"id": ID % number}
        campaign = {"name": ["Diwali Offer", "100% off_now", "Ünïcode Öffer", "plain"][number % 4] + f" {number}",
                    "caller_id": ["hmac:2026-11:" + "0f" * 32, NUMBER][number % 2],
                    "template": ["welcome", "due"][number % 2], "contact_lists": ["gold members", "silver/members"][:number % 3]}
        policy = {"revision": f"2026-11-{20 + number % 3}.1", "digest": f"{number % 3}" * 64}
        if number % 3 == 0:
            journal.decision(**identity, campaign=campaign, policy=policy, verdict="deny", team="marketing", code="policy",
                             status=422, violations=[{"code": "outside-hours", "pointer": "/a"}, {"code": "caller-id"}],
                             reported=[{"code": "name-pattern"}], waived=[{"code": "frozen"}])
            continue
        journal.decision(**identity, campaign=campaign, policy=policy, team=["billing", "support"][number % 2])
        journal.outcome(number, **identity, outcome=["created", "unknown"][number % 2], policy=policy,
                        upstream={"host": "platform.kore.ai", "campaign_id": f"cd-{number}"})
        if number % 4 == 1:
            journal.add({"kind": "closed", "id": identity["id"], "time": journal.tick(), "by": "Ann", "reason": "asked Kore.ai, it exists"})
    journal.checkpoint()
    journal.add({"kind": "shutdown", "time": journal.tick(), "version": "0.1.0", "policy": {"revision": "new", "digest": "cd" * 32}})


@pytest.fixture
def places(database, tmp_path):
    """The options that lead to the journal, and to the database with the same records."""
    journal = Journal(tmp_path / "journal")
    fill(journal)
    for start in range(0, journal.seq, 5):      # stories are parted over batches
        assert database.put(journal.source, start + 1, journal.lines[start:start + 5])[2] == "stored"
    return ["--directory", str(journal.directory)], ["--central", "--database", database.conninfo("officer")]


def found(place, *options):
    """What a search prints: the records, and the cursor of the next page."""
    done = subprocess.run([BINARY, "audit", "search", *place, "--format", "json", *options], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    records = [record.get("record", record) for record in answer["records"]]
    return records, answer.get("next")


def numbers(records):
    return [record["seq"] for record in records]


@pytest.mark.parametrize("options, at_least", [
    ([], 10), (["--team", "marketing"], 4), (["--team", "billing"], 4), (["--team", "nobody"], 0),
    (["--verdict", "deny"], 4), (["--verdict", "allow"], 8), (["--code", "outside-hours"], 4), (["--code", "policy"], 4),
    (["--code", "name-pattern"], 4), (["--code", "frozen"], 4), (["--code", "nothing"], 0),
    (["--outcome", "unknown"], 4), (["--outcome", "created", "--team", "billing"], 4), (["--outcome", "created", "--team", "support"], 0),
    (["--campaign", "Diwali *"], 2), (["--campaign", "*offer*"], 0), (["--campaign", "100% off_now 1"], 1),
    (["--campaign", "100%*"], 2), (["--campaign", "*o_f*"], 0), (["--campaign", "100_ off*"], 0),
    (["--template", "due"], 4), (["--campaign-id", "cd-4"], 1), (["--campaign-id", "CD-4"], 0),
    (["--policy", "2026-11-21.1"], 4), (["--policy", "2222"], 4), (["--policy", "abab", "--kind", "any"], 1), (["--policy", "%"], 0),
    (["--id", ID % 5], 1), (["--id", ID % 5, "--kind", "any"], 3), (["--id", "019ac7c2"], 12), (["--id", "19ac7c2"], 0), (["--id", "1"], 0),
    (["--kind", "closed"], 1), (["--kind", "started"], 1), (["--kind", "decision", "--outcome", "unknown"], 4),
    (["--kind", "closed", "--team", "support"], 2), (["--kind", "any"], 20),
    (["--text", "gold"], 4), (["--text", "GOLD members"], 4), (["--text", "silver members"], 2), (["--text", "silver/members"], 2),
    (["--text", "exists unknown"], 2), (["--text", "platform.kore.ai deny"], 0), (["--text", "cd"], 4), (["--text", ID % 5], 1),
    (["--text", "offer", "--verdict", "deny"], 1), (["--number", NUMBER], 4), (["--caller-id", NUMBER], 4),
    (["--since", "2000-01-01", "--until", "2000-12-31"], 0), (["--since", "1h", "--team", "billing"], 4),
])
def test_the_same_is_found(places, options, at_least):
    local, central = (found(place, *options) for place in places)
    assert numbers(central[0]) == numbers(local[0])
    assert central[0] == local[0]
    assert len(local[0]) >= at_least and (at_least or not local[0])


@pytest.mark.parametrize("order", [[], ["--oldest-first"]])
def test_pages_follow_each_other(places, order):
    for place in places:
        whole, rest = found(place, "--kind", "any", *order)
        assert rest is None
        pages, after = [], []
        while True:
            records, cursor = found(place, "--kind", "any", "--limit", "4", *order, *after)
            pages += records
            if not cursor:
                break
            assert len(records) == 4
            after = ["--after", cursor]
        assert pages == whole


@pytest.mark.parametrize("cursor", ["x", "1.2", "1.2.3.4", "1.2.-3", "99999999999999999999.1.1", "1'.2.3"])
def test_a_cursor_that_is_none_is_told(places, cursor):
    done = subprocess.run([BINARY, "audit", "search", *places[1], "--after", cursor], capture_output=True, text=True)
    assert done.returncode == 2 and "is not a cursor" in done.stderr


def test_a_row_that_was_altered_is_not_shown(places, database):
    database.rows("set role audit_owner; update audit_record set json = replace(json, 'gold', 'lead') where seq < 20;")
    done = subprocess.run([BINARY, "audit", "search", *places[1], "--kind", "any"], capture_output=True, text=True)
    assert done.returncode == 2 and "WAS ALTERED" in done.stderr


def test_a_campaign_is_shown_from_there(places):
    shown = [subprocess.run([BINARY, "audit", "show", *place, ID % 5], capture_output=True, text=True, check=True).stdout
             for place in places]
    assert all(word in text for text in shown for word in ("support", "cd-5", "asked Kore.ai"))

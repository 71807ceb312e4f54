"""audit export: what each format says, what a manifest vouches for, and that files are whole or not there."""
import base64
import csv
import io
import json
import os
import re
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest

from harness import BINARY, ROOT, seed_campaign, wait_for
from journal_writer import Journal, Key

GOLDEN = ROOT / "tests/golden-export"
FORMATS = ("jsonl", "csv", "ocsf", "cloudevents")


def audit(*arguments, code=0, cwd=None):
    done = subprocess.run([BINARY, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done


class FixedKey(Key):
    """RFC 8032 7.1, test 1: the same signatures each time."""

    def __init__(self, path):
        self.path = Path(path)
        secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        der = bytes.fromhex("302e020100300506032b657004220420") + secret
        self.path.write_text(f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END PRIVATE KEY-----\n")
        self.path.chmod(0o600)
        self.public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


@pytest.fixture
def journal(tmp_path):
    """The journal of records.json, always the same, in tmp_path/journal."""
    directory = tmp_path / "journal"
    directory.mkdir()
    journal = Journal(directory, key=FixedKey(directory / "signing.key"),
                      now=datetime(2026, 11, 28, 11, 29, 59, tzinfo=timezone.utc))
    for number, record in enumerate(json.loads((GOLDEN / "records.json").read_text())):
        if number == 9:
            journal.segment()
        journal.add(record)
    journal.now = datetime(2026, 11, 28, 11, 30, 41, tzinfo=timezone.utc)
    journal.checkpoint()
    return journal


def export(tmp_path, name, *arguments, code=0):
    audit("export", "--directory", "journal", "--output", name, *arguments, code=code, cwd=tmp_path)
    return (tmp_path / name).read_bytes()


def compare(name, actual):
    path = GOLDEN / name
    if os.environ.get("GOLDEN_UPDATE"):
        path.write_bytes(actual)
    assert path.read_bytes() == actual, f"{name} differs; GOLDEN_UPDATE=1 writes it anew"


# ---- formats ----

@pytest.mark.parametrize("format", FORMATS)
def test_each_format_is_as_it_was(journal, tmp_path, format):
    compare(f"export.{format}", export(tmp_path, "out", "--format", format))


def test_search_and_show_are_as_they_were(journal, tmp_path):
    searched = audit("search", "--directory", "journal", "--limit", 5, cwd=tmp_path)
    compare("search.txt", searched.stdout.encode())
    searched = audit("search", "--directory", "journal", "--kind", "any", "--format", "json", "--limit", 3, cwd=tmp_path)
    compare("search.json", searched.stdout.encode())
    for number in (2, 3, 4, 5, 6, 7, 8):
        shown = audit("show", "--directory", "journal", f"0193d8e0-0000-7000-8000-00000000000{number}", cwd=tmp_path)
        compare(f"show-{number}.txt", shown.stdout.encode())
    shown = audit("show", "--directory", "journal", "0193d8e0-0000-7000-8000-000000000002", "--format", "json", cwd=tmp_path)
    compare("show-2.json", shown.stdout.encode())


def test_jsonl_is_the_journal_byte_by_byte(journal, tmp_path):
    lines = export(tmp_path, "out").splitlines()
    assert lines == [line.rsplit(b"\t", 1)[0] for line in journal.lines]
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))


def test_csv_is_what_a_strict_reader_reads(journal, tmp_path):
    text = export(tmp_path, "out", "--format", "csv").decode()
    assert text.endswith("\r\n") and "\n" not in re.sub(r'"[^"]*"', "", text).replace("\r\n", "")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == 8 and {len(row) for row in rows} == {31} and None not in rows[0]
    names = [row["campaign"] for row in rows]
    assert names[0] == "Diwali Offer 21" and names[1].startswith("'=HYPERLINK(")
    assert names[2] == "'+1-800 \"quotes\", commas; and\nlines"
    assert rows[1]["codes"] == "outside-hours; caller-id-not-allowed" and rows[1]["outcome"] == ""
    assert rows[0]["outcome"] == "created" and rows[0]["campaign_id"] == "cd-0a1b2c"
    assert (rows[3]["outcome"], rows[3]["created"]) == ("created", "yes")      # the last one counts: it was reconciled
    assert (rows[6]["outcome"], rows[6]["created"], rows[6]["closed_by"]) == ("failed", "no", "alice")


def test_no_cell_begins_a_formula(journal, tmp_path):
    rows = csv.reader(io.StringIO(export(tmp_path, "out", "--format", "csv", "--kind", "any").decode(), newline=""))
    for cell in (cell for row in rows for cell in row):
        assert not re.match(r'["\s]*[=+\-@\t\r\n]', cell), cell


def is_uri_reference(text):
    return re.fullmatch(r"(?:[A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-F]{2})+", text)


def test_cloudevents_have_what_1_0_requires(journal, tmp_path):
    events = [json.loads(line) for line in export(tmp_path, "out", "--format", "cloudevents").splitlines()]
    records = [json.loads(line) for line in export(tmp_path, "plain").splitlines()]
    assert [event["data"] for event in events] == records
    assert len({(event["source"], event["id"]) for event in events}) == len(events)
    for event in events:
        assert event["specversion"] == "1.0" and event["datacontenttype"] == "application/json"
        assert is_uri_reference(event["source"]) and re.fullmatch(r"\d+-[0-9a-f]{64}", event["id"])
        assert re.fullmatch(r"com\.campaign-gateway\.audit\.[A-Za-z0-9_-]+", event["type"])
        assert set(event) <= {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}
        if "time" in event:
            datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    assert [event["type"].rsplit(".", 1)[1] for event in events[-4:]] == ["looked_up", "unknown", "shutdown", "checkpoint"]


def test_ocsf_events_have_what_api_activity_requires(journal, tmp_path):
    events = [json.loads(line) for line in export(tmp_path, "out", "--format", "ocsf").splitlines()]
    assert len(events) == 8
    for event in events:
        assert (event["class_uid"], event["category_uid"], event["activity_id"], event["type_uid"]) == (6003, 6, 1, 600301)
        assert isinstance(event["time"], int) and event["severity_id"] in (1, 2, 3) and event["status_id"] in (0, 1, 2)
        assert event["metadata"]["version"] and event["metadata"]["product"]["vendor_name"]
        assert event["actor"]["user"]["name"] and event["api"]["operation"] and event["src_endpoint"]["ip"]
    assert [event["status_id"] for event in events] == [1, 2, 2, 1, 2, 0, 2, 2]
    assert events[2]["src_endpoint"] == {"ip": "2001:db8::7", "port": 443}
    assert events[0]["time"] == 1795865401000


def test_ocsf_has_no_events_for_other_kinds(journal, tmp_path):
    done = audit("export", "--directory", "journal", "--format", "ocsf", "--kind", "outcome", "--output", "out", code=2, cwd=tmp_path)
    assert "has events for the kind 'decision' only" in done.stderr and not (tmp_path / "out").exists()


def test_filters_are_those_of_search(journal, tmp_path):
    rows = export(tmp_path, "out", "--verdict", "deny").splitlines()
    found = json.loads(audit("search", "--directory", "journal", "--kind", "any", "--verdict", "deny", "--oldest-first", "--format", "json",
                             cwd=tmp_path).stdout)
    assert [json.loads(row) for row in rows] == [hit["record"] for hit in found["records"]] and len(rows) == 3


# ---- manifests ----

@pytest.fixture
def keys(journal, tmp_path):
    (tmp_path / "keys").write_text(audit("key", "show", tmp_path / "journal/signing.key").stdout)
    return tmp_path / "keys"


def manifest_of(path):
    return json.loads(path.read_text().splitlines()[0])


def test_the_manifest_says_what_the_file_is(journal, tmp_path):
    data = export(tmp_path, "out.csv", "--format", "csv", "--since", "2026-11-28", "--team", "billing", "--campaign", "*49 1512 3456789*",
                  code=1)
    manifest = manifest_of(tmp_path / "out.csv.manifest")
    assert manifest["rows"] == 0 and manifest["file"] == "out.csv" and manifest["bytes"] == len(data)
    assert manifest["filter"] == {"since": "2026-11-28T00:00:00.000Z", "kind": "decision", "team": "billing", "campaign": "*{number}*"}
    data = export(tmp_path, "out.jsonl", "--id", "0193d8e0-0000-7000-8000-000000000004")
    manifest = manifest_of(tmp_path / "out.jsonl.manifest")
    source, = manifest["sources"]
    assert manifest["rows"] == source["rows"] == 3 and source["source"] == journal.source
    assert [json.loads(data.splitlines()[i])["seq"] for i in (0, -1)] == [source["first_seq"], source["last_seq"]]
    assert source["checkpoint"] == json.loads(journal.lines[-1].rsplit(b"\t", 1)[0])["note"]
    assert manifest["first_time"] == "2026-11-28T11:30:04.000Z" and manifest["last_time"] == "2026-11-28T11:30:20.000Z"


def test_a_file_that_is_what_was_exported_passes_the_check(journal, tmp_path, keys):
    export(tmp_path, "out")
    assert "as it was exported, 22 rows (jsonl)" in audit("export", "--check", tmp_path / "out.manifest", "--keys", keys).stdout
    (tmp_path / "out").rename(tmp_path / "moved")
    audit("export", "--check", tmp_path / "out.manifest", "--keys", keys, code=2)
    audit("export", "--check", tmp_path / "out.manifest", "--keys", keys, "--output", tmp_path / "moved")


def test_an_altered_file_fails_the_check(journal, tmp_path, keys):
    data = bytearray(export(tmp_path, "out"))
    data[100] ^= 1
    (tmp_path / "out").write_bytes(data)
    assert "IS NOT WHAT WAS EXPORTED: its SHA-256" in audit("export", "--check", tmp_path / "out.manifest", "--keys", keys, code=1).stderr
    (tmp_path / "out").write_bytes(data + b"x")
    assert "IS NOT WHAT WAS EXPORTED: it has" in audit("export", "--check", tmp_path / "out.manifest", "--keys", keys, code=1).stderr


def test_an_altered_manifest_fails_the_check(journal, tmp_path, keys):
    export(tmp_path, "out")
    path = tmp_path / "out.manifest"
    good = path.read_text()
    for before, behind in [('"rows":22', '"rows":23'), ("\n\n", "\n \n"), ("— ", "- "), ("campaign-gateway/export/1", "x")]:
        path.write_text(good.replace(before, behind, 1))
        audit("export", "--check", path, "--keys", keys, code=1)
    path.write_text(good.splitlines()[0] + "\n")
    assert "not signed" in audit("export", "--check", path, "--keys", keys, code=1).stderr
    path.write_text(good.replace('"file":"out"', '"file":"../../etc/passwd"'))
    audit("export", "--check", path, "--keys", keys, code=1)


def test_the_check_needs_keys_and_believes_no_others(journal, tmp_path, keys):
    export(tmp_path, "out")
    assert "needs the keys" in audit("export", "--check", tmp_path / "out.manifest", code=2).stderr
    other = Key(tmp_path / "other.pem")
    (tmp_path / "others").write_text(f"ed25519 {base64.b64encode(other.public).decode()}\n")
    audit("export", "--check", tmp_path / "out.manifest", "--keys", tmp_path / "others", code=1)


def test_openssl_agrees_about_the_signature(journal, tmp_path):
    export(tmp_path, "out")
    text, signature = (tmp_path / "out.manifest").read_text().split("\n\n", 1)
    name, value = re.fullmatch(r"— (\S+) (\S+)\n", signature).groups()
    assert name == journal.source
    (tmp_path / "text").write_text(text + "\n")
    (tmp_path / "signature").write_bytes(base64.b64decode(value)[4:])
    subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-inkey", tmp_path / "journal/signing.key", "-in", tmp_path / "text", "-sigfile",
                    tmp_path / "signature"], check=True, capture_output=True)


def test_without_the_key_the_manifest_is_not_signed_and_says_so(journal, tmp_path):
    (tmp_path / "journal/signing.key").unlink()
    done = audit("export", "--directory", "journal", "--output", "out", cwd=tmp_path)
    assert "IS NOT SIGNED" in done.stderr and "not recorded" in done.stderr
    assert (tmp_path / "out.manifest").read_text().count("\n") == 1


# ---- files ----

def test_files_that_are_there_are_not_replaced_without_force(journal, tmp_path):
    export(tmp_path, "out")
    (tmp_path / "out").write_text("precious")
    assert "--force" in audit("export", "--directory", "journal", "--output", "out", code=2, cwd=tmp_path).stderr
    assert (tmp_path / "out").read_text() == "precious"
    (tmp_path / "out").unlink()
    assert "out.manifest' is there" in audit("export", "--directory", "journal", "--output", "out", code=2, cwd=tmp_path).stderr
    assert not (tmp_path / "out").exists()
    export(tmp_path, "out", "--force")
    assert manifest_of(tmp_path / "out.manifest")["rows"] == 22


def test_a_broken_journal_leaves_no_file(journal, tmp_path):
    path, *_ = sorted((tmp_path / "journal").glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b"Diwali", b"Divali"))
    done = audit("export", "--directory", "journal", "--output", "out", code=2, cwd=tmp_path)
    assert "THE JOURNAL IS BROKEN" in done.stderr and ".jsonl:3: the record was altered" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["journal"]


def test_wrong_use_is_told(journal, tmp_path):
    assert "--output FILE is missing" in audit("export", "--directory", "journal", code=2, cwd=tmp_path).stderr
    assert "--format takes" in audit("export", "--directory", "journal", "--format", "xml", "--output", "x", code=2, cwd=tmp_path).stderr
    assert "No such file" in audit("export", "--directory", "journal", "--output", "no/such/file", code=2, cwd=tmp_path).stderr


# ---- with a gateway ----

@pytest.mark.parametrize("running", [True, False])
def test_an_export_is_recorded(make_gateway, tmp_path, running):
    gateway = make_gateway()
    gateway.post(seed_campaign())
    if not running:
        gateway.stop()
    audit("export", "--config", gateway.config, "--format", "csv", "--text", "billing +4915123456789", "--output", tmp_path / "out.csv", code=1)
    exported = wait_for(lambda: [r for r in gateway.journal() if r["kind"] == "exported"], "the record")
    assert len(exported) == 1 and exported[0]["format"] == "csv" and exported[0]["rows"] == 0
    assert exported[0]["filter"] == {"kind": "decision", "text": "billing {number}"} and exported[0]["by"]
    audit("export", "--config", gateway.config, "--format", "csv", "--caller-id", "+919561612345", "--output", tmp_path / "found.csv")
    gateway.stop()
    records = gateway.journal()
    found = [r for r in records if r["kind"] == "exported"][-1]
    assert found["rows"] == 1 and found["filter"]["caller_ids"][0].startswith("hmac:")
    assert found["file_sha256"] == manifest_of(tmp_path / "found.csv.manifest")["sha256"]
    assert [r["kind"] for r in records if r["kind"] == "looked_up"] == ["looked_up"]
    assert b"9561612345" not in b"".join(path.read_bytes() for path in gateway.audit.glob("*.jsonl"))
    assert b"9561612345" not in (tmp_path / "found.csv").read_bytes() + (tmp_path / "found.csv.manifest").read_bytes()

"""audit verify --central and --from-central: what a gateway wrote, what was shipped, and what was changed since."""
import json
import subprocess

import pytest

from harness import BINARY, seed_campaign


def audit(*arguments, code=0):
    done = subprocess.run([BINARY, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + (done.stderr if code == 2 else "")


def reports(text):
    return [json.loads(line) for line in text.splitlines()]


class Shipped:
    """A gateway's journal and what the central database has of it."""

    def __init__(self, gateway, database):
        self.gateway, self.database = gateway, database
        self.run(1)

    def run(self, posts):
        for _ in range(posts):
            self.gateway.post(seed_campaign())
        self.gateway.stop()
        self.ship()

    def ship(self):
        audit("ship", "--directory", self.gateway.audit, "--database", self.database.conninfo("gateway"), "--once")

    def central(self, *arguments, user="officer", code=0):
        return reports(audit("verify", "--central", "--database", self.database.conninfo(user), "--format", "json",
                             *arguments, code=code))

    def local(self, *arguments, code=0):
        report, = reports(audit("verify", "--directory", self.gateway.audit, "--from-central", "--database",
                                self.database.conninfo("officer"), "--format", "json", *arguments, code=code))
        return report


@pytest.fixture
def shipped(make_gateway, database):
    return Shipped(make_gateway(), database)


def change(shipped, sql):
    shipped.database.rows(f"set session_replication_role = replica; {sql};")


def test_the_central_database_has_what_the_gateway_wrote(shipped):
    report, = shipped.central()
    local, = reports(audit("verify", "--directory", shipped.gateway.audit, "--format", "json"))
    assert report["fine"] and report["source"] == local["source"] and report["checkpoint"] == local["checkpoint"]
    for part in ("records", "checkpoints", "segments", "last_seq", "allowed", "keys"):
        assert report[part] == local[part]
    assert report["expected"] == 1      # its own last checkpoint


def test_every_source_is_verified_and_one_can_be_chosen(shipped, make_gateway, database):
    other = Shipped(make_gateway(), database)
    one, two = shipped.central()
    assert one["source"] < two["source"] and one["fine"] and two["fine"]
    report, = shipped.central("--source", two["source"])
    assert report["source"] == two["source"]
    assert "has no journal nobody" in audit("verify", "--central", "--database", database.conninfo("officer"),
                                            "--source", "nobody", code=2)
    assert "choose one with --source" in audit("verify", "--central", "--database", database.conninfo("officer"),
                                               "--checkpoint-out", other.gateway.directory / "out", code=2)


def test_a_row_that_was_changed_deleted_or_cut_off_is_found(shipped):
    last = shipped.central()[0]["last_seq"]
    for sql, sentence in [
            ("update audit_record set json = replace(json, '\"allow\"', '\"deny\"') where seq = 3", "record 3: the record was altered"),
            ("delete from audit_record where seq = 4", "record 5: the record does not have the number that follows"),
            (f"delete from audit_record where seq = {last}", "records are missing from the journal's end")]:
        change(shipped, "create table kept as select * from audit_record")
        change(shipped, sql)
        report, = shipped.central(code=1)
        assert sentence in report["broken"] and not report["fine"]
        change(shipped, "delete from audit_record; insert into audit_record select * from kept; drop table kept")
    assert shipped.central()[0]["fine"]


def test_the_result_is_noted_by_who_may(shipped):
    shipped.central("--note", user="nightly")
    change(shipped, "update audit_record set json = replace(json, '\"allow\"', '\"deny\"') where seq = 3")
    shipped.central("--note", user="nightly", code=1)
    rows = shipped.database.rows("select fine, sentence from audit_verification order by id;")
    assert rows[0] == ("t", "") and rows[1][0] == "f" and "was altered" in rows[1][1]
    text = audit("verify", "--central", "--database", shipped.database.conninfo("officer"), "--note", code=2)
    assert "permission denied" in text


def test_files_are_compared_with_what_was_shipped(shipped):
    assert shipped.local()["expected"] == 1
    shipped.gateway.start()
    shipped.run(1)
    assert shipped.local()["fine"]


def test_files_that_were_cut_off_are_found_by_the_central_database(shipped):
    path, = shipped.gateway.audit.glob("*.jsonl")
    path.chmod(0o600)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    for name in ("durable", "receipt"):
        (shipped.gateway.audit / name).unlink()
    assert audit("verify", "--directory", shipped.gateway.audit)
    assert "as the central database says" in shipped.local(code=1)["broken"]


def test_a_journal_made_anew_is_not_known_to_the_central_database(shipped, make_gateway, database):
    other = make_gateway()
    other.stop()
    assert "does not know the journal" in audit("verify", "--directory", other.audit, "--from-central",
                                                "--database", database.conninfo("officer"), code=2)


def test_a_kept_checkpoint_of_a_source_that_is_gone_is_missed(shipped, make_gateway, tmp_path):
    kept = tmp_path / "kept"
    shipped.central("--checkpoint-out", kept)
    report, = shipped.central("--expect-checkpoint", kept)
    assert report["expected"] == 2
    other = make_gateway()
    other.stop()
    audit("verify", "--directory", other.audit, "--checkpoint-out", kept)
    text = audit("verify", "--central", "--database", shipped.database.conninfo("officer"),
                 "--expect-checkpoint", kept, code=2)
    assert "has nothing of the journal" in text


def test_months_that_were_dropped_leave_the_rest_verifiable(shipped):
    for path in shipped.gateway.audit.glob("*.jsonl"):
        path.chmod(0o400)       # finished: the next run begins another segment
    shipped.gateway.start()
    shipped.run(1)
    second = max(int(path.stem) for path in shipped.gateway.audit.glob("*.jsonl"))
    change(shipped, f"delete from audit_record where seq < {second - 2}")
    report, = shipped.central()
    assert report["fine"] and report["first_seq"] == second and report["linked"] == 2
    change(shipped, f"update audit_record set json = replace(json, 'time', 'Time') where seq = {second - 1}")
    assert f"record {second - 1}: the record was altered" in shipped.central(code=1)[0]["broken"]


@pytest.mark.parametrize("arguments, sentence", [
    (["--central"], "which central database?"),
    (["--directory", "/tmp", "--from-central"], "which central database?"),
    (["--directory", "/tmp", "--note"], "go with --central"),
    (["--directory", "/tmp", "--source", "a"], "go with --central"),
    (["--central", "--from-central", "--database", "host=/nowhere"], "give one of them"),
    (["--central", "--database", "host=/nowhere"], "/nowhere"),
])
def test_wrong_usage_is_said(arguments, sentence):
    assert sentence in audit("verify", *arguments, code=2)

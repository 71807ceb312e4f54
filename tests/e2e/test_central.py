"""deploy/sql: what the central database takes from gateways, what it refuses, and who may do what."""
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import ROOT
from journal_writer import Journal, Key, ZEROS, sha256
from postgres import Database


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.fill(20, checkpoint_every=5)
    return journal


@pytest.fixture
def stored(database, journal):
    """The journal's first records, in the database."""
    assert database.put(journal.source, 1, journal.lines)[2] == "stored"
    return database


# ---- what is taken ----

def test_a_batch_is_stored_byte_for_byte(database, journal):
    assert database.put(journal.source, 1, journal.lines) == (journal.seq, journal.hash, "stored", "")
    assert database.lines(journal.source) == journal.lines
    row, = database.rows("select source, writer, first_seq, head_seq, encode(head_hash, 'hex'), conflicts from audit_source;")
    assert row == (journal.source, "gateway", "1", str(journal.seq), journal.hash, "0")


def test_batches_follow_each_other(database, journal):
    for start in range(0, journal.seq, 3):
        upto, head, verdict, _ = database.put(journal.source, start + 1, journal.lines[start:start + 3])
        assert (upto, verdict) == (min(start + 3, journal.seq), "stored")
        assert head.encode() == journal.lines[upto - 1][-64:]
    assert database.lines(journal.source) == journal.lines


def test_what_came_before_is_ignored(stored, journal):
    assert stored.put(journal.source, 1, journal.lines) == (journal.seq, journal.hash, "stored", "")
    journal.fill(6)
    assert stored.put(journal.source, journal.seq - 9, journal.lines[-10:])[0] == journal.seq
    assert stored.lines(journal.source) == journal.lines
    assert stored.value("select count(*) from audit_conflict;") == "0"


def test_the_server_says_where_a_source_stands(stored, journal):
    assert stored.rows(f"select * from audit_upto('{journal.source}');", "gateway") == [(str(journal.seq), journal.hash)]
    assert stored.rows("select * from audit_upto('campaign-gateway/nobody/1');", "gateway") == [("0", ZEROS)]


def test_an_outcome_is_found_by_what_its_decision_says(database, tmp_path):
    journal = Journal(tmp_path / "journal")
    refused = journal.decision(team="marketing", verdict="deny", code="policy", violations=[{"code": "caller-id"}])
    allowed = journal.decision(team="marketing", reported=[{"code": "hours"}])
    database.put(journal.source, 1, journal.lines)
    journal.outcome(allowed, outcome="unknown")
    late = journal.decision()
    journal.outcome(late)
    database.put(journal.source, 4, journal.lines[3:])
    rows = database.rows("select seq, team, verdict, codes, outcome, campaign_id from audit_record where seq > 1 order by seq;")
    assert rows == [(str(refused), "marketing", "deny", "{policy,caller-id}", "", ""),
                    (str(allowed), "marketing", "allow", "{hours}", "", ""),
                    ("4", "marketing", "allow", "{hours}", "unknown", f"cm-{allowed}"),
                    (str(late), "billing", "allow", "{}", "", ""),
                    ("6", "billing", "allow", "{}", "created", f"cm-{late}")]


@pytest.mark.parametrize("members", [
    {"kind": "decision", "id": "x", "time": "yesterday", "path": "nul \0 nul"},
    {"kind": "decision", "id": "x", "time": "9999-12-31T23:59:59.999Z", "campaign": {"name": "n" * 100000}},
    {"kind": "decision", "id": "y" * 5000, "campaign": ["no", "object"], "violations": "none", "policy": 7},
    {"kind": 12, "id": {"a": 1}, "time": None},
    {"kind": "decision", "id": "x", "time": "infinity"},
    {"text": " ".join(str(number) for number in range(20000))},
], ids=["time", "long", "kinds", "numbers", "infinity", "words"])
def test_no_record_is_so_strange_that_it_is_kept_out(stored, journal, members):
    journal.add(members)
    assert stored.put(journal.source, journal.seq, journal.lines[-1:])[2] == "stored"
    assert stored.lines(journal.source) == journal.lines
    assert stored.value("select bool_and(isfinite(time)) from audit_record;") == "t"


def test_a_source_may_begin_with_a_later_segment(database, tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.fill(30)
    journal.segment()
    journal.fill(5)
    first = 32
    assert database.put(journal.source, first, journal.lines[first - 1:]) == (journal.seq, journal.hash, "stored", "")
    journal.checkpoint()
    assert database.put(journal.source, journal.seq, journal.lines[-1:])[2] == "stored"


# ---- what is refused ----

def test_a_gap_is_refused_with_what_is_expected(stored, journal):
    journal.fill(5)
    said = stored.refusal(f"select audit.audit_put('{journal.source}', {journal.seq}, array['x'])", "gateway")
    assert f"the next record of {journal.source} is 22, not 26" in said


@pytest.mark.parametrize("batch", ["null", "'{}'", "array[null]", "array['a', null]", "array[['a'], ['b']]",
                                   "'[0:1]={a,b}'::text[]", "array_fill('x'::text, array[1001])"])
def test_what_is_no_batch_is_refused(database, batch):
    assert "a batch has a source" in database.refusal(f"select audit.audit_put('a', 1, {batch})", "gateway")


@pytest.mark.parametrize("first_seq, line, why", [
    (1, b"no record", "does not have the hash"),
    (1, b'{"seq":1}\t' + sha256(b'{"seq":1}').hex().encode(), "does not begin with its number"),
], ids=["garbage", "short"])
def test_a_line_that_is_no_record_is_refused(database, first_seq, line, why):
    upto, head, verdict, reason = database.put("campaign-gateway/a/1", first_seq, [line])
    assert (upto, head, verdict) == (0, ZEROS, "invalid") and why in reason
    assert database.value("select count(*) from audit_source;") == "0"


def test_every_bit_of_a_line_counts(stored, journal):
    journal.decision(note="é")
    line = journal.lines[-1]
    for bit in range(0, 8 * len(line), 8 * len(line) // 40):
        turned = bytearray(line)
        turned[bit // 8] ^= 1 << bit % 8
        try:
            turned.decode()
        except UnicodeDecodeError:
            continue
        if b"\n" in turned or b"\0" in turned:
            continue
        upto, _, verdict, _ = stored.put(journal.source, journal.seq, [bytes(turned)])
        assert (upto, verdict) == (journal.seq - 1, "invalid"), bit
    assert stored.put(journal.source, journal.seq, [line])[2] == "stored"


def test_a_source_begins_with_a_segment(database, tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.decision()
    _, _, verdict, reason = database.put(journal.source, 2, journal.lines[1:])
    assert verdict == "invalid" and 'begins with a record of the kind "segment"' in reason


def other_root(journal):
    return {"root": sha256(b"other records")}


@pytest.mark.parametrize("make, why", [
    (lambda journal: {"key": Key(journal.directory / "other.key")}, "not signed by the source's key"),
    (other_root, "not those that were signed"),
    (lambda journal: {"size": journal.seq - 1}, "and 21 came before it"),
    (lambda journal: {"origin": "campaign-gateway/other/1"}, "of another source"),
    (lambda journal: {"successor": b"k" * 32}, "does not name the key that follows"),
], ids=["signature", "root", "size", "origin", "successor"])
def test_a_bad_checkpoint_ends_the_batch_before_it(stored, journal, make, why):
    before = journal.seq
    options = make(journal)
    journal.checkpoint(**options)
    journal.decision()
    upto, _, verdict, reason = stored.put(journal.source, before + 1, journal.lines[before:])
    assert (upto, verdict) == (before, "invalid")
    assert why in reason and f"record {before + 1} of" in reason


@pytest.mark.parametrize("edit", [
    lambda note: note.replace("—", "-"),
    lambda note: note[:-10] + "AAAA====\n",
    lambda note: note.rsplit("\n", 2)[0] + "\n",
    lambda note: note + note.rsplit("\n", 2)[1] + "\n",
    lambda note: note.replace("time ", "Time "),
    lambda note: "",
], ids=["dash", "base64", "unsigned", "twice", "time", "empty"])
def test_a_note_that_is_not_well_formed_is_refused(stored, journal, edit):
    before = journal.seq
    journal.checkpoint(note=edit(journal.note()) or "x")
    assert stored.put(journal.source, before + 1, journal.lines[before:])[:3:2] == (before, "invalid")


def test_a_bad_note_is_found_behind_good_ones(stored, journal):
    """Only the last note's signature of a batch is looked at, unless it is bad."""
    before = journal.seq
    journal.checkpoint()
    journal.decision()
    journal.checkpoint()
    journal.decision()
    journal.checkpoint(key=Key(journal.directory / "other.key"))
    upto, _, verdict, reason = stored.put(journal.source, before + 1, journal.lines[before:])
    assert (upto, verdict) == (before + 4, "invalid") and "not signed" in reason


def test_a_witness_may_sign_too(stored, journal):
    note = journal.note() + "— witness.example.org AAAAAAAA\n"
    journal.checkpoint(note=note)
    assert stored.put(journal.source, journal.seq, journal.lines[-1:])[2] == "stored"


def test_records_rewritten_before_their_checkpoint_are_refused(database, tmp_path):
    """Whoever has the login but not the key cannot bring other records than those that were signed."""
    journal = Journal(tmp_path / "journal")
    journal.decision()
    note = journal.note()
    forger = Journal(tmp_path / "forger", key=journal.key, now=journal.now)
    forger.decision(team="somebody else")
    forger.checkpoint(note=note)
    upto, _, verdict, reason = database.put(journal.source, 1, forger.lines)
    assert (upto, verdict) == (2, "invalid") and "not those that were signed" in reason


# ---- keys ----

def test_a_key_is_introduced_by_the_one_before(stored, journal):
    before, old = journal.seq, journal.key
    journal.rotate_key(Key(journal.directory / "next.key"))
    journal.segment()
    journal.checkpoint()
    assert stored.put(journal.source, before + 1, journal.lines[before:])[2] == "stored"
    assert stored.rows("select encode(key, 'hex'), pinned, from_seq from audit_key order by from_seq;") == [
        (old.public.hex(), "f", "1"), (journal.key.public.hex(), "f", str(before + 1))]
    journal.checkpoint(key=old)
    assert "not signed" in stored.put(journal.source, journal.seq, journal.lines[-1:])[3]


def test_a_key_that_introduces_itself_is_refused(stored, journal):
    thief = Key(journal.directory / "thief.key")
    journal.rotate_key(thief, signer=thief)
    assert "not signed" in stored.put(journal.source, journal.seq, journal.lines[-1:])[3]


def test_a_segment_with_another_key_is_refused(stored, journal):
    journal.key = Key(journal.directory / "thief.key")
    journal.segment()
    assert "did not introduce" in stored.put(journal.source, journal.seq, journal.lines[-1:])[3]


@pytest.mark.parametrize("pinned, which, window, fine", [
    ("campaign-gateway", "own", "", True), ("campaign-gateway/test", "own", "", True),
    ("campaign-gateway/test", "other", "", False), ("campaign-gateway/tes", "other", "", True),
    ("campaign-gateway", "own", ", not_after => now() - interval '1 day'", False),
    ("campaign-gateway", "own", ", not_before => now() + interval '1 day'", False),
], ids=["all", "name", "other key", "other name", "too late", "too early"])
def test_a_pinned_key_is_the_only_one_to_begin_with(database, tmp_path, pinned, which, window, fine):
    journal = Journal(tmp_path / "journal")
    keys = {"own": journal.key, "other": Key(tmp_path / "other.key")}
    database.rows(f"select audit_pin('{pinned}', '{keys[which].public.hex()}'{window});")
    verdict, reason = database.put(journal.source, 1, journal.lines)[2:]
    assert verdict == ("stored" if fine else "invalid") and ("pinned" in reason) == (not fine)


# ---- forks ----

def fork(journal, tmp_path, at):
    """Another journal with the same name and key that shares the records before `at`."""
    other = Journal(tmp_path / "fork", source=journal.source, key=journal.key)
    other.tree, other.seq, other.hash, other.lines = type(other.tree)(), 0, ZEROS, []
    for line in journal.lines[:at - 1]:
        other.add_line(line)
    return other


def test_another_record_with_the_same_number_is_kept_as_a_conflict(stored, journal, tmp_path):
    other = fork(journal, tmp_path, at=10)
    other.fill(3, checkpoint_every=0)
    upto, _, verdict, reason = stored.put(journal.source, 9, other.lines[8:])
    assert (upto, verdict) == (journal.seq, "fork")
    assert reason == f"record 10 of {journal.source} is stored already, and is another one"
    row, = stored.rows("select seq, stored_line, other_line, times, login from audit_conflict;")
    assert row == ("10", journal.lines[9].decode(), other.lines[9].decode(), "1", "gateway")
    assert stored.lines(journal.source) == journal.lines
    assert stored.value("select state from audit_sources_health;", "officer") == "forked"


def test_a_record_that_follows_another_one_is_a_conflict(stored, journal, tmp_path):
    other = fork(journal, tmp_path, at=journal.seq)
    other.decision()
    other.decision()
    upto, _, verdict, reason = stored.put(journal.source, journal.seq + 1, other.lines[-1:])
    assert (upto, verdict) == (journal.seq, "fork") and "names another record before it" in reason
    assert stored.rows("select seq, other_line from audit_conflict;") == [(str(journal.seq), other.lines[-1].decode())]


def test_the_same_conflict_is_counted_not_repeated(stored, journal, tmp_path):
    other = fork(journal, tmp_path, at=10)
    other.decision()
    for _ in range(3):
        stored.put(journal.source, 10, other.lines[9:])
    assert stored.value("select times from audit_conflict;") == "3"
    stored.rows(f"select audit_settle_conflicts('{journal.source}', 'the copy was taken off the network');")
    assert stored.value("select state from audit_sources_health;", "officer") == "fine"
    assert stored.value("select count(*) from audit_conflict;") == "1"


# ---- who may do what ----

@pytest.mark.parametrize("sql", [
    "select * from audit.audit_record", "select * from audit.audit_source", "select * from audit.audit_sources_health",
    "insert into audit.audit_record (source_id, seq) values (1, 1)", "update audit.audit_record set json = ''",
    "delete from audit.audit_record", "truncate audit.audit_record", "delete from audit.audit_conflict",
    "update audit.audit_source set head_seq = 0", "drop table audit.audit_record", "create table audit.x ()",
    "select audit._store_source(null, now())", "select audit._make_month(now())", "select audit.audit_make_months()",
    "select audit.audit_drop_month('2020-01-01', 'x')", "select audit.audit_hand_over('a', 'gateway', 'x')",
    "select audit.audit_accept_gap('a', 2, 'x')", "select audit.audit_pin('a', 'b')",
    "select audit.audit_note_verification('a', 1, 2, 3, true, '')", "set role audit_owner",
    "alter function audit.audit_put owner to gateway",
])
def test_a_gateway_can_only_add(stored, sql):
    said = stored.refusal(sql, "gateway")
    assert "permission denied" in said or "must be owner" in said or "must be member" in said


@pytest.mark.parametrize("sql", [
    "update audit.audit_record set json = ''", "delete from audit.audit_record where seq = 3",
    "truncate audit.audit_conflict", "select * from audit.audit_put('a', 1, array['x'])",
    "select * from audit.audit_upto('a')", "select audit.audit_note_verification('a', 1, 2, 3, true, '')",
    "insert into audit.audit_verification (source_id) values (1)", "select audit.audit_hold_month('2020-01-01', 'x')",
])
def test_an_officer_can_only_read(stored, sql):
    assert stored.value("select count(*) from audit_record;", "officer") == "21"
    assert "permission denied" in stored.refusal(sql, "officer")


def test_a_source_belongs_to_the_login_that_began_it(stored, journal):
    journal.decision()
    for sql in (f"select audit.audit_put('{journal.source}', 1, array['x'])", f"select audit.audit_upto('{journal.source}')"):
        assert "is shipped by the login gateway, not by other_gateway" in stored.refusal(sql, "other_gateway")
    stored.rows(f"select audit_hand_over('{journal.source}', 'other_gateway', 'moved to another cluster');")
    assert stored.put(journal.source, journal.seq, journal.lines[-1:], "other_gateway")[2] == "stored"
    assert stored.rows("select login, act, reason from audit_act;") == [
        ("postgres", "audit_hand_over", "moved to another cluster")]


def test_a_verification_is_noted_with_who_did_it(stored, journal):
    note = f"select audit_note_verification('{journal.source}', 1, {journal.seq}, 4, %s, '%s');"
    stored.rows(note % ("true", ""), "nightly")
    assert stored.rows("select login, upto_seq, fine from audit_verification;") == [("nightly", str(journal.seq), "t")]
    stored.rows(note % ("false", "record 3 was altered"), "nightly")
    assert stored.rows("select state, verified_upto from audit_sources_health;") == [("broken", str(journal.seq))]


def test_a_login_cannot_make_its_commits_less_durable(stored, journal):
    shown = stored.rows(f"begin; set local synchronous_commit = off; select upto from audit_upto('{journal.source}'); "
                        "show synchronous_commit; commit;", "gateway")
    assert shown == [(str(journal.seq),), ("on",)]


# ---- months, gaps, silence ----

def test_a_month_without_partition_gets_one(database, journal):
    names = "select relname from pg_class where relname ~ '^audit_record_[0-9_]+$' order by 1;"
    made = database.rows(names)
    assert len(made) == 3
    for name, in made:
        database.rows(f"drop table {name};")
    assert database.put(journal.source, 1, journal.lines)[2] == "stored"
    assert len(database.rows(names)) == 1
    database.rows("select audit_make_months(1);")
    assert database.rows(names) == made[:2]


def test_a_login_cannot_move_the_bounds_of_a_month(database, journal):
    """In this style of dates a zone is an abbreviation, and IST may be read as Israel's."""
    for name, in database.rows("select relname from pg_class where relname ~ '^audit_record_[0-9_]+$';"):
        database.rows(f"drop table {name};")
    lines = "\n".join(line.decode() for line in journal.lines)
    database.rows("set datestyle = 'SQL'; set timezone = 'Asia/Kolkata'; "
                  f"select * from audit_put('{journal.source}', 1, string_to_array($lines${lines}$lines$, E'\\n'));", "gateway")
    bounds = database.value("set timezone = 'UTC'; select pg_get_expr(relpartbound, oid) from pg_class "
                            "where relname ~ '^audit_record_[0-9_]+$';")
    assert bounds.count("-01 00:00:00+00'") == 2, bounds
    database.rows("select audit_make_months(2);")


def test_many_sources_may_begin_a_month_at_once(database, tmp_path):
    key = Key(tmp_path / "key")
    journals = [Journal(tmp_path / str(number), source=f"campaign-gateway/many/{number}", key=key) for number in range(12)]
    for _ in range(3):
        database.rows("delete from audit_record; delete from audit_checkpoint; delete from audit_source;")
        for name, in database.rows("select inhrelid::regclass from pg_inherits where inhparent = 'audit_record'::regclass;"):
            database.rows(f"drop table {name};")
        with ThreadPoolExecutor(len(journals)) as pool:
            verdicts = list(pool.map(lambda journal: database.put(journal.source, 1, journal.lines)[2], journals))
        assert verdicts == ["stored"] * len(journals)


def put_into_last_year(database, journal):
    database.put(journal.source, 1, journal.lines[:10])
    database.rows("set role audit_owner; select _make_month('2025-03-05Z'); "
                  "update audit_record set received = '2025-03-05Z' where seq <= 8;")
    assert database.value("select count(*) from audit_record_2025_03;") == "8"


def test_a_month_is_dropped_and_the_source_goes_on(database, journal):
    put_into_last_year(database, journal)
    assert database.value("select audit_drop_month('2025-03-01', 'retention');") == "8"
    assert database.lines(journal.source) == journal.lines[8:10]
    assert database.put(journal.source, 1, journal.lines)[:3:2] == (journal.seq, "stored")
    assert database.lines(journal.source) == journal.lines[8:]
    assert database.rows("select act, subject from audit_act;") == [("audit_drop_month", "2025-03-01: 8 records")]


def test_a_held_month_stays(database, journal):
    put_into_last_year(database, journal)
    database.rows("select audit_hold_month('2025-03-01', 'case 7/26');")
    drop = "select audit.audit_drop_month('2025-03-01', 'retention')"
    assert "2025-03-01 is held: case 7/26" in database.refusal(drop, "postgres")
    database.rows("select audit_release_month('2025-03-01', 'case 7/26', 'settled');")
    database.rows(drop + ";")
    assert database.value("select count(*) from audit_act;") == "3"


@pytest.mark.parametrize("month, why", [("date_trunc('month', now())::date", "too young"),
                                        ("'2024-01-01'", "there are no records"),
                                        ("date_trunc('month', now())::date + 1", "name it by its first day")])
def test_a_month_that_must_not_be_dropped(stored, month, why):
    assert why in stored.refusal(f"select audit.audit_drop_month({month}, 'x')", "postgres")
    assert stored.value("select count(*) from audit_record;") == "21"


def test_the_last_checkpoint_of_each_hour_stays(stored, journal):
    journal.decision()
    journal.checkpoint()
    stored.put(journal.source, journal.seq - 1, journal.lines[-2:])
    row, = stored.rows("select size, note, encode(root, 'hex') from audit_checkpoint "
                       "join audit_source on id = source_id order by hour desc limit 1;".replace("note,", "length(note),"))
    record = json.loads(journal.lines[-1].split(b"\t")[0])
    assert row[:2] == (str(journal.seq - 1), str(len(record["note"])))


def test_a_gap_that_cannot_be_filled_is_accepted_by_a_person(stored, journal):
    lost_from = journal.seq + 1
    journal.fill(10)
    journal.segment()
    journal.decision()
    first = journal.seq - 1
    assert "there is no gap before" in stored.refusal(
        f"select audit.audit_accept_gap('{journal.source}', {lost_from}, 'x')", "postgres")
    stored.rows(f"select audit_accept_gap('{journal.source}', {first}, 'the backup was older than the hold time');")
    assert stored.rows(f"select * from audit_upto('{journal.source}');", "gateway") == [(str(first - 1), ZEROS)]
    assert "begins with a record of the kind" in stored.put(journal.source, first, [
        journal.line({"kind": "decision"}, seq=first)])[3]
    assert stored.put(journal.source, first, journal.lines[first - 1:])[:3:2] == (journal.seq, "stored")
    assert stored.value("select subject from audit_act;") == f"{journal.source}: {lost_from} to {first - 1}"


@pytest.mark.parametrize("change, state", [
    ("last_seen = now() - interval '16 minutes'", "silent"),
    ("checkpoint_received = now() - interval '16 minutes'", "unsigned"),
    ("last_seen = now() - interval '14 minutes'", "fine")])
def test_a_silent_source_shows(stored, change, state):
    stored.rows(f"update audit_source set {change};")
    assert stored.value("select state from audit_sources_health;", "officer") == state


# ---- installing ----

def test_installing_again_changes_nothing(stored, journal):
    done = subprocess.run([ROOT / "deploy/sql/install", stored.conninfo("postgres")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert stored.lines(journal.source) == journal.lines
    assert "permission denied" in stored.refusal("select * from audit.audit_record", "gateway")


def test_installing_needs_utf8(postgres):
    postgres.psql("postgres", "create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'")
    done = subprocess.run([ROOT / "deploy/sql/install", postgres.conninfo("latin")], capture_output=True, text=True)
    assert done.returncode != 0 and "encoding is LATIN1" in done.stderr
    assert Database(postgres, "latin").value("select count(*) from pg_namespace where nspname = 'audit';") == "0"


def test_a_dump_can_be_restored(stored, journal, postgres):
    dump = subprocess.run(["pg_dump", "--no-password", stored.conninfo("postgres")], capture_output=True, text=True, check=True)
    postgres.psql("postgres", "create database restored")
    copy = Database(postgres, "restored")
    postgres.psql(copy.name, dump.stdout)
    assert copy.lines(journal.source) == journal.lines
    journal.checkpoint()
    assert copy.put(journal.source, journal.seq, journal.lines[-1:])[2] == "stored"

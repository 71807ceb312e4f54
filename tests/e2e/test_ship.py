"""`audit ship`: a journal on its way to the central database, through everything that can go wrong."""
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from authority import Authority
from harness import BINARY, DEADLINE, seed_campaign, wait_for
from journal_writer import Journal
from postgres import Database, Postgres


class Shipper:
    """One `audit ship`, in the background."""

    def __init__(self, directory, journal, conninfo, *options):
        self.log = directory / f"ship-{len(list(directory.glob('ship-*')))}.log"
        arguments = journal if isinstance(journal, list) else ["--directory", journal.directory]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([BINARY, "audit", "ship", *arguments, "--database", conninfo, *options],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def events(self, name):
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def wait_for(self, name, count=1):
        return wait_for(lambda: len(self.events(name)) >= count and self.events(name)[-1], f"{name} in {self.log.read_text()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        assert "Sanitizer" not in self.log.read_text(), self.log.read_text()
        return code


@pytest.fixture
def ship(tmp_path):
    """Starts shippers; all must stop well in the end."""
    started = []

    def start(*arguments, **options):
        shipper = Shipper(tmp_path, *arguments, **options)
        started.append(shipper)
        return shipper

    yield start
    for shipper in started:
        assert shipper.stop() == 0, shipper.log.read_text()


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.fill(500)
    return journal


def once(journal, conninfo, *options):
    """`audit ship --once`: its exit code, and what it said."""
    arguments = journal if isinstance(journal, list) else ["--directory", journal.directory]
    done = subprocess.run([BINARY, "audit", "ship", *arguments, "--database", conninfo, "--once", *options],
                          capture_output=True, text=True, timeout=60)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def receipt(journal):
    """The number and hash in DIRECTORY/receipt; None when there is no whole one."""
    path = journal.directory / "receipt"
    match = re.fullmatch(r"(\d{20}) ([0-9a-f]{64}) (\d{20})\n", path.read_text() if path.exists() else "")
    return (int(match[1]), match[2]) if match and match[1] == match[3] else None


def confirmed(journal):
    wait_for(lambda: receipt(journal) == (journal.seq, journal.hash), f"the receipt of record {journal.seq}")


def segments(directory):
    return sorted(path.name for path in directory.glob("*.jsonl"))


# ---- the ordinary ----

@pytest.mark.parametrize("batch", ["1", "7", "200"])
def test_everything_is_shipped_once(database, journal, batch):
    code, said = once(journal, database.conninfo(), "--batch", batch)
    assert code == 0, said
    assert database.lines(journal.source) == journal.lines
    assert receipt(journal) == (journal.seq, journal.hash)


def test_what_is_there_already_is_not_sent_again(database, journal):
    once(journal, database.conninfo())
    journal.fill(50)
    code, said = once(journal, database.conninfo())
    assert code == 0 and '"ship-connected"' in said and '"upto":501' in said
    assert database.lines(journal.source) == journal.lines


def test_records_are_shipped_as_they_become_durable(database, journal, ship):
    shipper = ship(journal, database.conninfo())
    shipper.wait_for("ship-caught-up")
    for _ in range(5):
        journal.decision()
        confirmed(journal)
    journal.segment()
    journal.fill(20)
    confirmed(journal)
    assert database.lines(journal.source) == journal.lines
    assert shipper.stop() == 0


def test_what_came_just_before_it_was_told_to_stop_is_shipped(database, journal, ship):
    """As when a pod ends: the gateway writes its last records, and then the shipper is stopped at once."""
    shipper = ship(journal, database.conninfo(), "--batch", "7")
    shipper.wait_for("ship-caught-up")
    shipper.process.send_signal(signal.SIGSTOP)
    journal.fill(100)
    shipper.process.send_signal(signal.SIGTERM)
    shipper.process.send_signal(signal.SIGCONT)
    assert shipper.stop() == 0
    assert database.lines(journal.source) == journal.lines


def test_what_is_not_durable_is_not_shipped(database, journal, ship):
    shipper = ship(journal, database.conninfo())
    confirmed(journal)
    journal.decision(flush=False)
    journal.file.flush()
    shipped = journal.seq - 1
    time.sleep(1.5)     # longer than it looks by itself
    assert database.value("select head_seq from audit_source;") == str(shipped)
    journal.flush()
    confirmed(journal)
    assert shipper.stop() == 0


def test_a_record_that_was_taken_back_is_not_shipped(database, journal, ship):
    """The writer cut off what it could not make durable, and wrote something else there."""
    shipper = ship(journal, database.conninfo())
    confirmed(journal)
    state = (journal.seq, journal.hash, journal.file.tell(), journal.tree.size, list(journal.tree.frontier))
    durable = journal.seq + 1
    journal.decision(flush=False)
    journal.decision(flush=False, team="taken back")
    journal.file.flush()
    journal.say_durable(durable)    # the reader has both in one piece
    wait_for(lambda: receipt(journal)[0] == durable, "the first of them")
    kept = journal.lines[durable - 1]
    journal.seq, journal.hash, place, journal.tree.size, journal.tree.frontier = state
    del journal.lines[durable - 1:]
    journal.file.truncate(place)
    journal.file.seek(place)
    journal.add_line(kept)
    journal.decision(team="put in its place")
    confirmed(journal)
    assert database.lines(journal.source) == journal.lines
    assert shipper.stop() == 0


def test_an_empty_journal_is_waited_for(database, tmp_path, ship):
    directory = tmp_path / "journal"
    directory.mkdir()
    assert once(["--directory", directory], database.conninfo())[0] == 0
    shipper = ship(["--directory", directory], database.conninfo())
    journal = Journal(directory)
    confirmed(journal)
    assert shipper.stop() == 0


def test_two_shippers_do_no_harm(database, journal, ship):
    first, second = ship(journal, database.conninfo()), ship(journal, database.conninfo())
    for _ in range(10):
        journal.fill(30, checkpoint_every=0)
    confirmed(journal)
    assert first.stop() == second.stop() == 0
    assert database.lines(journal.source) == journal.lines


def test_large_records_arrive(database, journal):
    for number in range(40):
        journal.decision(flush=False, text="x" * (110 * 1024), number=number)
    journal.flush()
    assert once(journal, database.conninfo())[0] == 0
    assert database.lines(journal.source) == journal.lines


def test_a_sign_of_life_also_finds_what_the_server_lost(database, journal, ship):
    """Behind a pooler a failover may not even break the connection."""
    shipper = ship(journal, database.conninfo())
    confirmed(journal)
    columns = "head_seq, head_hash, frontier, checkpoint_size, checkpoint_note"
    database.rows(f"create table saved as select {columns} from audit_source;")
    journal.fill(20)
    confirmed(journal)
    database.rows("delete from audit_record where seq > 501; update audit_source set last_seen = now() - interval '1 hour', "
                  f"({columns}) = (select {columns} from saved); drop table saved;")
    until = time.monotonic() + 45
    while database.value("select last_seen > now() - interval '1 minute' and head_seq > 501 from audit_source;") != "t":
        assert time.monotonic() < until, "it stays silent"
        time.sleep(0.5)
    confirmed(journal)
    assert "stands at 501 and had confirmed 521" in shipper.events("ship-interrupted")[0]["error"]
    assert database.lines(journal.source) == journal.lines


# ---- wrong usage ----

@pytest.mark.parametrize("options, why", [
    ([], "which central database?"), (["--database", "dbname=x"], "which journal?"),
    (["--database", "dbname=x", "--directory", ".", "--batch", "201"], "a number from 1 to 200"),
    (["--database", "dbname=x", "--directory", ".", "--hold", "3 days"], "is not a duration"),
    (["--database", "no connection string", "--directory", "."], "cannot be read"),
    (["--database", "dbname=x", "--directory", "/nowhere/at/all"], "cannot write '/nowhere/at/all/receipt'"),
])
def test_what_cannot_work_is_told(tmp_path, options, why):
    done = subprocess.run([BINARY, "audit", "ship", *options], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2 and why in done.stderr, done.stderr


def test_a_database_that_is_not_prepared_is_told(postgres, journal):
    code, said = once(journal, postgres.conninfo("postgres", "gateway"))
    assert code == 2 and "is not prepared, see deploy/sql/install" in said


def test_a_login_without_rights_is_told(database, journal):
    code, said = once(journal, database.conninfo("officer"))
    assert code == 2 and "permission denied for function audit_upto" in said


def test_the_configuration_says_where(database, journal, make_gateway):
    gateway = make_gateway(start=False)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("audit: {directory: audit}", "audit: {directory: " + str(journal.directory) +
                                           ", central: \"" + database.conninfo() + "\"}"))
    done = subprocess.run([BINARY, "audit", "ship", "--config", gateway.config, "--once"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert database.lines(journal.source) == journal.lines


# ---- servers that go, and come back ----

@pytest.fixture
def own_server(open_directory, tmp_path, prepared_postgres):
    """Servers that a test may kill."""
    started = []

    def make(name):
        server = Postgres(open_directory / f"{tmp_path.name}-{name}").copy(prepared_postgres).start()
        started.append(server)
        return server

    make.started = started
    yield make
    for server in started:
        if (server.data / "postmaster.pid").exists():
            server.kill()
        shutil.rmtree(server.directory)


class Writer(threading.Thread):
    """Adds to a journal until told to stop."""

    def __init__(self, journal):
        super().__init__()
        self.journal, self.goes_on = journal, True
        self.start()

    def run(self):
        while self.goes_on:
            self.journal.fill(20, checkpoint_every=200)
            time.sleep(0.02)

    def stop(self):
        self.goes_on = False
        self.join()


def test_a_server_killed_while_shipping_loses_and_doubles_nothing(own_server, journal, ship):
    server = own_server("only")
    database = Database(server, "audit")
    shipper = ship(journal, database.conninfo())
    writer = Writer(journal)
    try:
        for _ in range(3):
            before = (receipt(journal) or (0,))[0]
            wait_for(lambda: (receipt(journal) or (0,))[0] > before + 100, "shipping to go on")
            server.kill()
            server.start()
    finally:
        writer.stop()
    confirmed(journal)
    assert database.lines(journal.source) == journal.lines
    assert database.value("select count(*) from audit_conflict;") == "0"
    assert shipper.events("ship-interrupted")


def test_a_server_that_comes_later_is_waited_for(own_server, journal, ship):
    server = own_server("only")
    server.kill()
    shipper = ship(journal, server.conninfo("audit", "gateway"))
    shipper.wait_for("ship-interrupted", 2)
    assert receipt(journal) is None
    code, said = once(journal, server.conninfo("audit", "gateway"))
    assert code == 2 and "ship-interrupted" in said
    server.start()
    confirmed(journal)


def hosts(*servers):
    places = [str(server.directory) for server in servers], [str(server.port) for server in servers]
    return f"host={','.join(places[0])} port={','.join(places[1])} dbname=audit user=gateway"


def synchronous(primary, name):
    """From now on a commit waits for this standby."""
    primary.psql("postgres", f"alter system set synchronous_standby_names = '{name}'")
    primary.psql("postgres", "select pg_reload_conf()")
    wait_for(lambda: primary.psql("postgres", "select sync_state from pg_stat_replication") == [("sync",)], "the standby")


def test_a_primary_that_is_lost_loses_nothing(own_server, open_directory, tmp_path, journal, ship):
    primary = own_server("primary")
    standby = primary.standby(open_directory / f"{tmp_path.name}-standby", "second")
    own_server.started.append(standby)
    synchronous(primary, "second")
    shipper = ship(journal, hosts(primary, standby))
    writer = Writer(journal)
    try:
        wait_for(lambda: (receipt(journal) or (0,))[0] > 300, "shipping to begin")
        primary.kill()
        acknowledged = receipt(journal)[0]
        standby.promote()
        stored = int(Database(standby, "audit").value("select head_seq from audit_source;"))
        assert stored >= acknowledged
        wait_for(lambda: receipt(journal)[0] > stored + 100, "shipping to go on")
    finally:
        writer.stop()
    confirmed(journal)
    assert Database(standby, "audit").lines(journal.source) == journal.lines
    assert shipper.stop() == 0


def test_what_a_failover_lost_is_shipped_again(own_server, open_directory, tmp_path, journal, ship):
    """The standby was behind: the server lost what it had confirmed."""
    primary = own_server("primary")
    standby = primary.standby(open_directory / f"{tmp_path.name}-standby", "second")
    own_server.started.append(standby)
    shipper = ship(journal, hosts(primary, standby))
    confirmed(journal)
    behind = journal.seq
    wait_for(lambda: Database(standby, "audit").value("select head_seq from audit_source;") == str(behind), "the standby")
    standby.kill()
    journal.fill(300)
    confirmed(journal)
    primary.kill()
    standby.start()
    standby.promote()
    journal.fill(50)
    confirmed(journal)
    assert [event["upto"] for event in shipper.events("ship-connected")] == [0, behind]
    assert Database(standby, "audit").lines(journal.source) == journal.lines
    assert shipper.stop() == 0


def test_a_commit_that_no_standby_has_is_no_receipt(own_server, open_directory, tmp_path, journal, ship):
    primary = own_server("primary")
    standby = primary.standby(open_directory / f"{tmp_path.name}-standby", "second")
    own_server.started.append(standby)
    synchronous(primary, "second")
    shipper = ship(journal, primary.conninfo("audit", "gateway"))
    confirmed(journal)
    before = receipt(journal)
    standby.kill()
    journal.decision()
    waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep' and usename = 'gateway'"
    (pid,), = wait_for(lambda: primary.psql("audit", waiting), "the commit to wait")
    primary.psql("audit", f"select pg_cancel_backend({pid})")
    assert "does not vouch for its commit" in shipper.wait_for("ship-interrupted")["error"]
    wait_for(lambda: primary.psql("audit", waiting), "the next one to wait")
    assert Database(primary, "audit").value("select head_seq from audit_source;") == str(journal.seq), "committed here"
    assert receipt(journal) == before, "but not to be relied upon"
    standby.start()
    confirmed(journal)
    assert shipper.stop() == 0


# ---- records here and there that do not agree ----

def test_a_forked_copy_is_stopped_and_shows(database, journal, tmp_path, ship):
    shutil.copytree(journal.directory, tmp_path / "copy")
    once(journal, database.conninfo())
    copy = Journal(tmp_path / "other", source=journal.source, key=journal.key)
    for name in segments(copy.directory):
        (copy.directory / name).unlink()
    copy.directory = tmp_path / "copy"
    copy.tree, copy.seq, copy.hash = journal.tree, journal.seq, journal.hash
    copy.file = open(copy.directory / segments(copy.directory)[-1], "ab")
    copy.decision(team="of the copy")
    theirs = journal.line({"kind": "decision", "id": "a", "time": journal.tick(), "team": "of the original"}, copy.seq,
                          copy.lines[-1].split(b'"prev":"')[1][:64].decode())
    assert database.put(journal.source, copy.seq, [theirs])[2] == "stored"
    code, said = once(copy, database.conninfo())
    assert code == 1 and "is stored already, and is another one" in said
    assert receipt(copy) is None
    row, = database.rows("select stored_line, other_line from audit_conflict;")
    assert row == (theirs.decode(), copy.lines[-1].decode())
    assert database.value("select state from audit_sources_health;") == "forked"
    shipper = ship(copy, database.conninfo())
    shipper.wait_for("ship-stopped")
    assert shipper.process.poll() is None, "somebody may settle it"


def test_a_journal_that_was_put_back_is_stopped(database, journal, tmp_path):
    shutil.copytree(journal.directory, tmp_path / "backup")
    journal.fill(10)
    once(journal, database.conninfo())
    code, said = once(["--directory", tmp_path / "backup"], database.conninfo())
    assert code == 1 and "an older state of it was put back" in said


def test_a_damaged_journal_is_shipped_as_far_as_it_is_whole(database, journal):
    path = journal.directory / segments(journal.directory)[0]
    data = bytearray(path.read_bytes())
    place = data.index(b'"seq":400,') + 200
    data[place] ^= 1
    path.write_bytes(data)
    code, said = once(journal, database.conninfo())
    assert code == 1 and "the record was altered" in said
    assert database.lines(journal.source) == journal.lines[:399]


def test_a_journal_that_lacks_what_the_server_lost_is_stopped(database, journal):
    once(journal, database.conninfo())
    journal.segment()
    journal.fill(10)
    first = journal.seq - 10
    (journal.directory / segments(journal.directory)[0]).unlink()
    database.rows(f"delete from audit_record where seq > 300; update audit_source set head_seq = 300, "
                  f"head_hash = decode('{journal.lines[299][-64:].decode()}', 'hex');")
    code, said = once(journal, database.conninfo())
    assert code == 1 and f"lacks the records 301 to {first - 1}" in said and "audit_accept_gap" in said
    database.rows(f"select audit_accept_gap('{journal.source}', {first}, 'restored an old backup');")
    assert once(journal, database.conninfo())[0] == 0
    assert database.lines(journal.source) == journal.lines[:300] + journal.lines[first - 1:]


def test_a_bad_checkpoint_stops_it(database, journal):
    good = journal.seq
    journal.checkpoint(root=b"\1" * 32)
    code, said = once(journal, database.conninfo())
    assert code == 1 and "has another root" in said
    assert database.value("select head_seq from audit_source;") == str(good)


# ---- what need not stay ----

@pytest.fixture
def old_journal(tmp_path):
    """Three closed segments, the last of them just now, and an open one."""
    journal = Journal(tmp_path / "old", now=datetime.now(timezone.utc) - timedelta(hours=100))
    for _ in range(2):
        journal.fill(20)
        journal.segment()
    journal.fill(20)
    journal.now = datetime.now(timezone.utc)
    journal.segment()
    journal.fill(20)
    return journal


def test_confirmed_segments_are_deleted_after_their_time(database, old_journal):
    names = segments(old_journal.directory)
    code, said = once(old_journal, database.conninfo(), "--hold", "72h")
    assert code == 0 and said.count('"segment-deleted"') == 2
    assert segments(old_journal.directory) == names[2:], "the third was closed just now"
    assert once(old_journal, database.conninfo(), "--hold", "0")[0] == 0
    assert segments(old_journal.directory) == names[3:], "the newest stays"
    old_journal.fill(5)
    assert once(old_journal, database.conninfo(), "--hold", "0")[0] == 0
    assert database.lines(old_journal.source) == old_journal.lines


def test_what_is_not_confirmed_stays(database, old_journal):
    names = segments(old_journal.directory)
    old_journal.say_durable(45)     # the third segment begins with 43
    (old_journal.directory / "receipt").write_text(f"{84:020d} {'0' * 64} {84:020d}\n")
    assert once(old_journal, database.conninfo(), "--hold", "0")[0] == 0
    assert segments(old_journal.directory) == names[2:]
    assert receipt(old_journal)[0] == 45


def test_a_server_that_claims_more_than_it_was_sent_confirms_no_more(database, old_journal):
    """What it claims is kept by nobody else: it would be deleted here, too."""
    database.rows("""set role audit_owner; alter function audit_put rename to true_put;
        create function audit_put(origin text, first_seq bigint, lines text[], out upto bigint, out head text,
            out verdict text, out reason text) language plpgsql security definer set search_path = audit as $$
        begin
            select * into upto, head, verdict, reason from true_put(origin, first_seq, lines);
            upto := upto + 1000000;
        end $$;
        grant execute on function audit_put to audit_ship;""")
    try:
        names = segments(old_journal.directory)
        old_journal.say_durable(45)     # the third segment begins with 43
        once(old_journal, database.conninfo(), "--hold", "0")
        assert receipt(old_journal)[0] == 45
        assert segments(old_journal.directory) == names[2:]
    finally:
        database.rows("set role audit_owner; drop function audit_put; alter function true_put rename to audit_put;")


def test_without_a_server_everything_stays(tmp_path, old_journal):
    names = segments(old_journal.directory)
    (old_journal.directory / "receipt").write_text(f"{84:020d} {'0' * 64} {84:020d}\n")
    assert once(old_journal, f"host={tmp_path} dbname=x", "--hold", "0")[0] == 2
    assert segments(old_journal.directory) == names


def test_a_second_directory_is_read_and_cleared_too(database, tmp_path):
    second = tmp_path / "second"
    second.mkdir()
    journal = Journal(tmp_path / "first", now=datetime.now(timezone.utc) - timedelta(hours=100))
    journal.fill(20)
    journal.segment(second)
    journal.fill(20)
    journal.segment()
    journal.fill(20)
    both = ["--directory", journal.directory, "--directory", second]
    code, said = once(both, database.conninfo(), "--hold", "72h")
    assert code == 0, said
    assert database.lines(journal.source) == journal.lines
    assert segments(second) == [] and len(segments(journal.directory)) == 1


def test_each_directory_gets_the_receipt_and_one_is_enough(database, journal, tmp_path):
    second = tmp_path / "second"
    second.mkdir()
    both = ["--directory", journal.directory, "--directory", second]
    code, said = once(both, database.conninfo())
    assert code == 0, said
    assert receipt(journal) and (second / "receipt").read_text() == (journal.directory / "receipt").read_text()
    (journal.directory / "receipt").unlink()
    (journal.directory / "receipt").mkdir()    # nothing can be written there, root or not
    journal.fill(10)
    code, said = once(both, database.conninfo())
    assert code == 0, said
    assert int((second / "receipt").read_text()[:20]) == journal.seq
    (second / "receipt").unlink()
    (second / "receipt").mkdir()
    code, said = once(both, database.conninfo())
    assert code == 2 and "receipt" in said


# ---- TLS ----

@pytest.fixture
def tls_server(own_server, tmp_path):
    """A server with a certificate for localhost and for 0.0.0.0, which counts as another machine."""
    authority = Authority(tmp_path / "authority")
    server = own_server("tls")
    certificate, key = authority.issue(san="DNS:localhost,IP:0.0.0.0", usage="serverAuth")
    for path, name in ((certificate, "server.crt"), (key, "server.key")):
        shutil.copy(path, server.data / name)
        os.chmod(server.data / name, 0o600)
        if os.geteuid() == 0:
            shutil.chown(server.data / name, "postgres", "postgres")
    server.psql("postgres", "alter system set ssl = on")
    server.psql("postgres", "select pg_reload_conf()")
    wait_for(lambda: server.psql("postgres", "show ssl") == [("on",)], "TLS")
    server.ca = authority.pem
    return server


def elsewhere(server, **more):
    return server.conninfo("audit", "gateway", host="0.0.0.0", **more)


def test_another_machine_is_verified_by_default(tls_server, journal):
    assert once(journal, elsewhere(tls_server, sslrootcert=tls_server.ca))[0] == 0
    assert Database(tls_server, "audit").lines(journal.source) == journal.lines


def test_a_server_of_another_authority_is_refused(tls_server, journal, tmp_path):
    other = Authority(tmp_path / "other")
    for conninfo in (elsewhere(tls_server, sslrootcert=other.pem), elsewhere(tls_server)):
        code, said = once(journal, conninfo)
        assert code == 2 and ("certificate verify failed" in said or "root certificate file" in said)
    code, said = once(journal, tls_server.conninfo("audit", "gateway", host="localhost", sslmode="verify-full",
                                                   sslrootcert=other.pem))
    assert code == 2 and "certificate verify failed" in said


def test_a_server_of_another_name_is_refused(tls_server, journal):
    code, said = once(journal, tls_server.conninfo("audit", "gateway", host="127.0.0.1", sslmode="verify-full",
                                                   sslrootcert=tls_server.ca))
    assert code == 2 and "does not match host name" in said


@pytest.mark.parametrize("mode", ["disable", "allow", "require", "verify-ca"])
def test_less_than_verification_is_refused(tls_server, journal, mode):
    code, said = once(journal, elsewhere(tls_server, sslmode=mode, sslrootcert=tls_server.ca))
    assert code == 2 and f"sslmode={mode} does not verify" in said
    assert Database(tls_server, "audit").value("select count(*) from audit_source;") == "0"


@pytest.mark.parametrize("hosts", ["/tmp,0.0.0.0", "localhost,127.0.0.1.invalid", "127.0.0.1,0.0.0.0,::1"])
def test_one_host_elsewhere_is_enough(tls_server, journal, hosts):
    code, said = once(journal, f"host={hosts} port={tls_server.port} dbname=audit user=gateway sslmode=require")
    assert code == 2 and "sslmode=require does not verify" in said


# ---- with a gateway ----

def test_a_decision_waits_for_the_central_database(database, make_gateway, kore, ship):
    gateway = make_gateway(start=False)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("audit: {directory: audit}", "audit: {directory: audit, durability: central, "
                                           "central_timeout: 2s, central: \"" + database.conninfo() + "\"}"))
    gateway.start()
    assert gateway.post(seed_campaign()).status == 503, "nobody ships"
    shipper = ship(["--config", gateway.config], database.conninfo())
    shipper.wait_for("ship-caught-up")
    wait_for(lambda: gateway.post(seed_campaign()).status < 400, "the gateway to notice")
    decisions = database.rows("select id, seq from audit_record, lateral (select json::jsonb ->> 'id' as id) x "
                              "where kind = 'decision' order by seq;")
    assert len(decisions) >= 2
    assert database.value("select count(*) from audit_record where outcome = 'created';") == "1"
    assert len(kore.requests) == 1

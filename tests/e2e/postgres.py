"""A real PostgreSQL for tests: initdb in a temp dir, a socket and a port of its own, fsync on."""
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from harness import ROOT, wait_for


LOGINS = {"gateway": "audit_ship", "other_gateway": "audit_ship", "officer": "audit_read", "nightly": "audit_verify"}


def tool(name):
    """A server's program; Debian keeps these out of PATH."""
    for directory in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (directory / name).exists():
            return str(directory / name)
    return shutil.which(name) or name


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_server(command):
    """PostgreSQL refuses to run as root; then it runs as its own user."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


class Postgres:
    """One server. `directory` must not exist yet, and its parents must be open to everybody."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.port = free_port()
        self.directory.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")

    def run(self, *command):
        return subprocess.run(as_server([str(part) for part in command]), check=True, capture_output=True, text=True,
                              cwd="/")

    def init(self):
        self.run(tool("initdb"), "--pgdata", self.data, "--auth=trust", "--username=postgres", "--no-locale",
                 "--encoding=UTF8", "--no-sync")
        return self

    def copy(self, other):
        """Begins with what another server, which is stopped, has."""
        subprocess.run(["cp", "--archive", other.data, self.data], check=True)
        return self

    def configure(self, file="postgresql.conf", **settings):
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        with open(self.data / file, "a") as config:
            config.writelines(lines)
        return self

    def start(self):
        self.configure(fsync="on", port=self.port, listen_addresses="127.0.0.1", unix_socket_directories=self.directory,
                       log_min_messages="warning", shared_buffers="32MB")
        self.run(tool("pg_ctl"), "start", "--pgdata", self.data, "--log", self.directory / "log", "--wait")
        return self

    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def is_running(self):
        return subprocess.run([tool("pg_isready"), "-h", str(self.directory), "-p", str(self.port)],
                              capture_output=True).returncode == 0

    def kill(self):
        """kill -9 of the postmaster; its children end when they notice, and only then may it start again."""
        pid = self.postmaster()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, signal.SIGKILL)
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not any(Path(f"/proc/{process}").exists() and "Z" not in state(process)
                                 for process in [pid, *children]), "the server's processes to end")
        for lock in (self.data / "postmaster.pid", self.directory / f".s.PGSQL.{self.port}.lock"):
            lock.unlink()  # it believes a zombie to be alive

    def stop(self):
        self.run(tool("pg_ctl"), "stop", "--pgdata", self.data, "--mode=fast", "--wait")
        return self

    def standby(self, directory, name):
        """A standby of this server, streaming."""
        other = Postgres(directory)
        self.run(tool("pg_basebackup"), "--pgdata", other.data, "--host", self.directory, "--port", self.port,
                 "--username=postgres", "--write-recovery-conf", "--checkpoint=fast")
        line = f"host={self.directory} port={self.port} user=postgres application_name={name}"
        other.configure("postgresql.auto.conf", primary_conninfo=line)
        return other.start()

    def promote(self):
        self.run(tool("pg_ctl"), "promote", "--pgdata", self.data, "--wait")

    # ---- databases ----

    def conninfo(self, database, user="postgres", tcp=False, **more):
        host = "127.0.0.1" if tcp else self.directory
        parts = {"host": host, "port": self.port, "dbname": database, "user": user, **more}
        return " ".join(f"{key}={value}" for key, value in parts.items())

    def psql(self, database, sql, user="postgres", check=True):
        """The rows of a statement, as tuples of texts; or what went wrong, when not to be checked."""
        done = subprocess.run(["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\x1f",
                               "--set=ON_ERROR_STOP=1", self.conninfo(database, user)], input=sql, capture_output=True,
                              text=True)
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return [tuple(line.split("\x1f")) for line in done.stdout.splitlines()]

    def make_database(self, name):
        """A database with deploy/sql, and a login for each role."""
        self.psql("postgres", f"create database {name}")
        subprocess.run([ROOT / "deploy/sql/install", self.conninfo(name)], check=True, capture_output=True)
        for login, role in LOGINS.items():
            self.psql("postgres", f"create role {login} login in role {role}")


class Database:
    """One database on a server, and what gateways and officers do there."""

    def __init__(self, server, name):
        self.server, self.name = server, name

    def clear(self):
        """As after `install`: no record, and no month but this one and the next two."""
        tables = "record conflict checkpoint key verification act hold source".split()
        self.rows("".join(f"delete from audit_{table};" for table in tables) + """
            set role audit_owner;
            do $$ declare name text; begin
                for name in select relname from pg_inherits join pg_class on oid = inhrelid
                    where inhparent = 'audit_record'::regclass
                    and relname < 'audit_record_' || to_char(now() at time zone 'UTC', 'YYYY_MM')
                loop execute format('drop table %I', name); end loop;
                perform audit_make_months(2);
            end $$;""")

    def conninfo(self, user="gateway", **more):
        return self.server.conninfo(self.name, user, **more)

    def rows(self, sql, user="postgres"):
        return self.server.psql(self.name, "set search_path = audit;\n" + sql, user)

    def value(self, sql, user="postgres"):
        (value,), = self.rows(sql, user)
        return value

    def refusal(self, sql, user):
        """What the server says against it."""
        done = self.server.psql(self.name, sql, user, check=False)
        assert done.returncode != 0, f"{user} may: {sql}"
        return done.stderr

    def put(self, source, first_seq, lines, user="gateway"):
        """audit_put: (upto, head, verdict, reason)."""
        text = "\n".join(line.decode() for line in lines)
        rows = self.rows(f"select * from audit_put('{source}', {first_seq}, "
                         f"string_to_array($lines${text}$lines$, E'\\n'));", user)
        (upto, head, verdict, reason), = rows
        return int(upto), head, verdict, reason

    def lines(self, source):
        """What is stored of a source, as lines of the journal."""
        rows = self.rows("select json || E'\\t' || encode(hash, 'hex') from audit_record r "
                         f"join audit_source s on s.id = r.source_id where source = '{source}' order by seq;")
        return [line.encode() for line, in rows]


def state(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"

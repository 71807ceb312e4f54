"""The page about the central database is true: from a server without one to the nightly commands."""
import os
import subprocess

import pytest

from harness import BINARY, ROOT
from journal_writer import Journal
from playbook import Play
from postgres import LOGINS, Postgres


@pytest.fixture
def server(open_directory, tmp_path, prepared_postgres):
    server = Postgres(open_directory / f"{tmp_path.name}-guide").copy(prepared_postgres).start()
    yield server
    server.kill()


def test_every_command_of_the_page_works(server, tmp_path):
    def a_server_without_the_database():
        server.psql("postgres", "drop database audit")
        server.psql("postgres", "".join(f"drop role {login};" for login in LOGINS))

    def a_journal_that_was_shipped():
        journal = Journal(tmp_path / "journal")
        journal.decision()
        journal.checkpoint()
        subprocess.run([BINARY, "audit", "ship", "--directory", journal.directory, "--once", "--database",
                        server.conninfo("audit", "gateway_billing")], check=True, capture_output=True)

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/campaign-gateway").symlink_to(BINARY)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "PGHOST": str(server.directory), "PGPORT": str(server.port),
                   "PGUSER": "postgres", "PGDATABASE": "postgres"}
    givens = {"a server without the database": a_server_without_the_database,
              "a journal that was shipped": a_journal_that_was_shipped}
    replacements = {"host=db.example.org": f"host={server.directory} port={server.port}"}
    assert Play("deploy/sql/README.md", tmp_path, replacements, givens, environment).run() == 3

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import ROOT, Gateway, release_to_oneself
from kore import KoreHost
from postgres import Database, Postgres


def pytest_configure(config):
    config.addinivalue_line("markers", "concurrency: worth running under ThreadSanitizer, too")
    config.addinivalue_line("markers", "mounts: mounts file systems, or takes a copy of all mounts")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """
    Of tests that run at the same time: those of one file stay together, because they share fixtures, and
    so do all that mount, because one's copy of the mounts keeps another's from ending.
    """
    for item in items:
        group = "mounts" if item.get_closest_marker("mounts") else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certs")
    subprocess.run([ROOT / "certs/make-dev-certs", directory], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="session")
def release():
    """The directory of the release build, which is made when it is not there: what is shipped is tested, without sanitizers."""
    with release_to_oneself():
        for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"]):
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build/release"


@pytest.fixture
def kore(certs):
    with KoreHost(certs / "kore.pem", certs / "kore.key") as host:
        yield host
        assert host.broken == [], "the gateway sent something that is not HTTP"
        assert [seen.problems for seen in host.requests + host.looks if seen.problems] == [], \
            "the gateway let something through that the real host would refuse"


@pytest.fixture
def make_gateway(tmp_path, certs, kore):
    """Starts gateways; all are drained and checked at the end, their logs shown on failure."""
    started = []

    def make(**options):
        directory = tmp_path / f"gateway-{len(started)}"
        directory.mkdir()
        options.setdefault("upstream_port", kore.port)
        gateway = Gateway(directory, certs, **options)
        started.append(gateway)
        return gateway

    make.certs = certs
    yield make
    problems = []
    for gateway in started:
        print(f"--- stderr of {gateway.directory.name}\n{gateway.stderr()}")
        try:
            gateway.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def gateway(make_gateway):
    gateway = make_gateway()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def open_directory():
    """A temp dir that the server's own user may enter, too."""
    directory = Path(tempfile.mkdtemp(prefix="postgres-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def prepared_postgres(open_directory):
    """A server that is stopped, with the database "audit": others begin as its copies."""
    server = Postgres(open_directory / "prepared").init().start()
    server.make_database("audit")
    return server.stop()


@pytest.fixture(scope="session")
def postgres(open_directory, prepared_postgres):
    """One server for all tests that need no more."""
    server = Postgres(open_directory / "shared").copy(prepared_postgres).start()
    yield server
    server.kill()


@pytest.fixture
def database(postgres):
    """The database, with deploy/sql and nothing in it."""
    database = Database(postgres, "audit")
    database.clear()
    return database

import subprocess

import pytest

from harness import ROOT, Gateway
from kore import KoreHost


def pytest_configure(config):
    config.addinivalue_line("markers", "concurrency: worth running under ThreadSanitizer, too")


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certs")
    subprocess.run([ROOT / "certs/make-dev-certs", directory], check=True, capture_output=True)
    return directory


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

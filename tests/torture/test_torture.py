"""An even sample of tests/torture/run, for every day. All of it takes minutes and is run by hand."""
import multiprocessing
import os
import shutil
import subprocess

import pytest

import torture
from torture import ROOT, Rack, cases_of, spread

CASES = int(os.environ.get("TORTURE_CASES", "80"))
AT_ONCE = 2


def play(arguments):
    """A share of the sample, in a process of its own. Answers what was found, as sentences."""
    directory, certs, old_journal, cases = arguments
    rack, found = Rack(directory, certs), []
    rack.old_journal = old_journal
    for site, how in cases:
        run, _ = rack.run(site, how)
        if run.problems and not site.known():
            found.append(f"{site.name} {how}, {site.describe()}: {run.problems}\n{run.stderr()}")
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    directory = tmp_path_factory.mktemp("torture")
    subprocess.run([ROOT / "certs/make-dev-certs", directory / "certs"], check=True, capture_output=True)
    rack = Rack(directory, directory / "certs")
    rack.age()
    yield rack
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def sites(base):
    return base.sites(1)


def test_the_scenario_reaches_what_it_is_meant_to(sites):
    kinds = {site.kind for site in sites}
    for kind in ("malloc", "calloc", "realloc", "strdup", "open", "openat", "fstatat", "fallocate", "pread", "pwrite",
                 "read", "write", "fsync", "fdatasync", "ftruncate", "unlinkat", "socket", "bind", "listen",
                 "accept4", "connect", "recv", "getaddrinfo", "getrandom", "epoll_ctl", "eventfd",
                 "signalfd", "pthread_create", "fopen64", "opendir", "scandir", "flock", "poll"):
        assert kind in kinds, f"nothing calls {kind} any more, or torture does not see it"
    places = {frame.split("+")[0] for site in sites for frame in site.frames[:1]}
    for library in ("libcrypto", "libssl", "libevent", "libevhtp", "libyaml"):
        assert any(place.startswith(library) for place in places), f"{library} is not reached"


def test_a_fault_is_noticed_by_these_tests(base, sites):
    """Breaks what must not break (the verdict's own write) and expects to hear of it."""
    site = next(site for site in sites if site.kind == "fdatasync" and "writer_append" in site.describe())
    run, struck = base.run(site, "dry")
    assert struck and run.code == 2, "a gateway that cannot write its first record must not start"


@pytest.mark.parametrize("how", torture.HOWS)
def test_whatever_fails_nothing_breaks(base, sites, how):
    cases = [(site, how) for site, how in spread(cases_of(sites, (how,)), CASES // len(torture.HOWS))]
    shares = [(base.directory / f"{how}-{i}", base.certs, base.old_journal, cases[i::AT_ONCE])
              for i in range(AT_ONCE)]
    for share in shares:
        share[0].mkdir()
    with multiprocessing.Pool(AT_ONCE) as pool:
        found = [problem for problems in pool.map(play, shares) for problem in problems]
    assert not found, "\n\n".join(found)

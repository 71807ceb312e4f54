"""The development certificates: kept while they are good, made anew when they are not."""
import subprocess

import pytest

from harness import ROOT

NAMES = ["ca", "gateway", "kore", "client"]


def make(directory, *arguments):
    """What was made, by name."""
    done = subprocess.run([ROOT / "certs/make-dev-certs", *arguments, directory], check=True,
                          capture_output=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return [line[1].rsplit("/", 1)[1].removesuffix(".pem") for line in lines if line[0] == "made"]


@pytest.fixture
def directory(tmp_path):
    assert make(tmp_path) == NAMES
    return tmp_path


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def new_key(path):
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def test_good_ones_are_kept_and_force_makes_all(directory):
    assert make(directory) == []
    assert make(directory, "--force") == NAMES


def test_keys_are_for_their_owner_only(directory):
    assert {path.stat().st_mode & 0o777 for path in directory.glob("*.key")} == {0o600}


def test_each_is_for_its_own_use(directory):
    text = {name: openssl("x509", "-in", directory / f"{name}.pem", "-noout", "-text") for name in NAMES}
    assert "CA:TRUE" in text["ca"] and "Certificate Sign" in text["ca"]
    assert "DNS:localhost, DNS:campaign-gateway, IP Address:127.0.0.1" in text["gateway"]
    assert "TLS Web Server Authentication" in text["kore"] and "DNS:kore.test" in text["kore"]
    assert "TLS Web Client Authentication" in text["client"]
    assert "URI:spiffe://example.org/team/billing" in text["client"]
    assert all("CA:FALSE" in text[name] for name in NAMES[1:])


def test_one_without_its_key_is_made_anew(directory):
    new_key(directory / "kore.key")
    assert make(directory) == ["kore"]


def test_one_that_expires_within_two_days_is_made_anew(directory):
    openssl("req", "-new", "-key", directory / "kore.key", "-subj", "/CN=kore", "-out", directory / "csr")
    openssl("x509", "-req", "-in", directory / "csr", "-CA", directory / "ca.pem", "-CAkey",
            directory / "ca.key", "-days", "1", "-set_serial", "5", "-out", directory / "kore.pem")
    assert make(directory) == ["kore"]


def test_a_new_authority_signs_everything_anew(directory):
    new_key(directory / "ca.key")
    assert make(directory) == NAMES

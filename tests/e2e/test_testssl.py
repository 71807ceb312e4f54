"""testssl.sh looks at the client side's TLS and finds nothing above LOW.

Twice, side by side: with the development certificate (ECDSA) about everything a handshake shows,
and with an RSA one, as many operators have, about what only RSA keys can get wrong.
"""
import json
import shutil
import subprocess
import threading

import pytest

from harness import Gateway

CHECKS = {
    "ecdsa": ["--protocols", "--std", "--fs", "--server-preference", "--server-defaults"],
    "rsa": ["--std", "--fs", "--vulnerable", "--headers"],
}
PATIENCE = 300    # seconds; it takes about thirty on a machine that has nothing else to do
HARMLESS = {"OK", "INFO", "LOW"}     # WARN is not: the check could not be made

# Above LOW, but not the gateway's: what it is instead.
ALLOWED = {
    "engine_problem": "this machine's openssl knows no GOST ciphers; neither does the gateway's",
    "cert_revocation": "a development CA has neither a CRL nor an OCSP responder",
    "sessionresumption_ticket": "on a busy machine it leaves before the ticket comes; test_tls.py stays",
}
# Some of each kind of check, so that a run that did not look does not pass for a clean one.
SEEN = {
    "ecdsa": ["SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3", "cipherlist_NULL", "PFS",
              "cipher_order", "cert_signatureAlgorithm", "cert_chain_of_trust", "cert_trust"],
    "rsa": ["cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_3DES_IDEA", "cipherlist_AVERAGE",
            "PFS", "heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_renego", "secure_client_renego",
            "CRIME_TLS", "BREACH", "POODLE_SSL", "SWEET32", "FREAK", "DROWN", "LOGJAM", "BEAST",
            "LUCKY13", "RC4", "HSTS"],
}


def make_rsa_identity(certs, directory):
    """A directory of certificates like `certs`, but the gateway's key is RSA."""
    shutil.copytree(certs, directory)
    leaf = ("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
            "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n")
    (directory / "leaf.ext").write_text(leaf)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    openssl("req", "-new", "-newkey", "rsa:3072", "-nodes", "-keyout", "gateway.key", "-subj", "/CN=gateway",
            "-out", "gateway.csr")
    openssl("x509", "-req", "-in", "gateway.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "90",
            "-set_serial", "4711", "-extfile", "leaf.ext", "-out", "gateway.pem")
    return directory


class Scan(threading.Thread):
    """One run of testssl.sh. It asks no name server and nobody outside this machine."""

    def __init__(self, gateway, checks):
        super().__init__()
        self.report, self.log = gateway.directory / "testssl.json", gateway.directory / "testssl.log"
        self.command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none",
                        "--ip", "127.0.0.1", "--add-ca", gateway.certs / "ca.pem", "--jsonfile", self.report,
                        *checks, f"https://localhost:{gateway.port}"]

    def run(self):
        with open(self.log, "wb") as log:
            subprocess.run(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=PATIENCE)

    def findings(self):
        """(identifier, severity, sentence) of each."""
        return [(finding["id"], finding["severity"], finding["finding"])
                for finding in json.loads(self.report.read_text())]


@pytest.fixture(scope="module")
def scans(tmp_path_factory, certs):
    assert shutil.which("testssl"), "please install Debian's testssl.sh, as tests/run does"
    directory = tmp_path_factory.mktemp("testssl")
    identities = {"ecdsa": certs, "rsa": make_rsa_identity(certs, directory / "rsa-certs")}
    gateways, scans = [], {}
    try:
        for kind, identity in identities.items():
            (directory / kind).mkdir()
            gateways.append(Gateway(directory / kind, identity, upstream_port=1))
            scans[kind] = Scan(gateways[-1], CHECKS[kind])
        for scan in scans.values():
            scan.start()
        for scan in scans.values():
            scan.join()
        yield scans
    finally:
        for gateway in gateways:
            for log in sorted(gateway.directory.glob("*.log")):
                print(f"--- {gateway.directory.name}/{log.name}\n{log.read_text(errors='replace')}")
            gateway.stop()


@pytest.mark.parametrize("kind", CHECKS)
def test_nothing_is_found_above_low(scans, kind):
    assert [finding for finding in scans[kind].findings()
            if finding[1] not in HARMLESS and finding[0] not in ALLOWED] == []


@pytest.mark.parametrize("kind", CHECKS)
def test_the_scan_was_complete(scans, kind):
    identifiers = {identifier for identifier, _, _ in scans[kind].findings()}
    assert set(SEEN[kind]) - identifiers == set()
    assert "scanTime" in identifiers     # its last line

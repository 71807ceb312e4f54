"""A certificate authority for tests, on the openssl command: good certificates and bad ones."""
import subprocess
from pathlib import Path

CONFIG = """[ca]
default_ca = this
[this]
database = {directory}/index.txt
crlnumber = {directory}/crlnumber
default_md = sha256
default_crl_days = 30
new_certs_dir = {directory}
rand_serial = yes
unique_subject = no
policy = any_subject
[any_subject]
commonName = supplied
"""


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, directory, name="test CA"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.pem, self.key = self.directory / "ca.pem", self.directory / "ca.key"
        self.crl = self.directory / "ca.crl"
        self.config = self.directory / "ca.cnf"
        self.config.write_text(CONFIG.format(directory=self.directory))
        (self.directory / "index.txt").write_text("")
        (self.directory / "crlnumber").write_text("01\n")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        openssl("req", "-x509", "-new", "-key", self.key, "-sha256", "-days", "30", "-out", self.pem,
                "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.count = 0

    def intermediate(self, directory, name="intermediate CA"):
        """An authority whose certificate is signed by this one."""
        other = Authority(directory, name)
        request, extensions = other.directory / "ca.csr", other.directory / "ca.ext"
        extensions.write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
        openssl("req", "-new", "-key", other.key, "-subj", f"/CN={name}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key, "-sha256", "-days", "30",
                "-set_serial", "77", "-out", other.pem, "-extfile", extensions)
        return other

    def issue(self, san=None, subject="/CN=client", usage="clientAuth", days="30", path=None):
        """(certificate, key) of a new leaf. `san` as openssl writes it, such as URI:spiffe://a/b."""
        self.count += 1
        base = Path(path) if path else self.directory / f"leaf-{self.count}"
        key, request, pem, extensions = (base.with_suffix(end) for end in (".key", ".csr", ".pem", ".ext"))
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        extensions.write_text(f"basicConstraints=critical,CA:FALSE\nextendedKeyUsage={usage}\n" +
                              (f"subjectAltName={san}\n" if san else ""))
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key, "-sha256", "-days", days,
                "-set_serial", str(1000 + self.count), "-out", pem, "-extfile", extensions)
        return pem, key

    def issue_until(self, moment, san, path):
        """(certificate, key) of a server's leaf that expires at a moment: a datetime in UTC."""
        pem, key = self.issue(san=san, usage="serverAuth", path=path)
        openssl("ca", "-batch", "-notext", "-config", self.config, "-keyfile", self.key, "-cert", self.pem,
                "-in", pem.with_suffix(".csr"), "-out", pem, "-extfile", pem.with_suffix(".ext"),
                "-startdate", "20200101000000Z", "-enddate", moment.strftime("%Y%m%d%H%M%SZ"))
        return pem, key

    def revoke(self, *certificates):
        """Writes the CRL, which names these, and all that were revoked before."""
        common = ("-config", self.config, "-keyfile", self.key, "-cert", self.pem)
        for pem in certificates:
            openssl("ca", *common, "-revoke", pem)
        openssl("ca", *common, "-gencrl", "-out", self.crl)
        return self.crl

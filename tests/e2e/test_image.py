"""The image: made without a daemon, complete, small, the same each time; and it serves, in its very files."""
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import tarfile
import tempfile
import threading
import urllib.request
from pathlib import Path

import pytest

from contained import contain, why_not
from harness import ACCOUNT, DEADLINE, POLICY, ROOT, STREAM, Gateway, release_to_oneself, seed_campaign

pytestmark = pytest.mark.mounts

USER = 65532
STATE = "/var/lib/campaign-gateway"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SBOM = "usr/share/doc/campaign-gateway/sbom.spdx.json"
BUILD = ROOT / "deploy/image/build"
EPOCH = "1764028800"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)


def make_image(*arguments, **environment):
    with release_to_oneself():
        done = run(BUILD, *arguments, env=dict(os.environ, SOURCE_DATE_EPOCH=EPOCH, **environment))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def image(release):
    """The image, made as its page says."""
    with tempfile.TemporaryDirectory(prefix="image-") as directory:
        Path(directory).chmod(0o755)  # the image's user goes through it
        output = Path(directory, "out")
        make_image(output)
        yield output


@pytest.fixture(scope="module")
def rootfs(image):
    """What a runtime unpacks from the image."""
    if os.getuid() != 0:
        pytest.skip("owners can be looked at only where root unpacks")
    bundle = image.parent / "bundle"
    done = run("umoci", "unpack", "--image", f"{image}/oci:{tag(image)}", bundle)
    assert done.returncode == 0, done.stderr
    root = bundle / "rootfs"
    yield root


def tag(image):
    index = json.loads((image / "oci/index.json").read_text())
    return index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]


def blob(image, descriptor):
    data = (image / "oci/blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert descriptor["digest"] == "sha256:" + hashlib.sha256(data).hexdigest()
    assert descriptor["size"] == len(data)
    return data


def manifest(image):
    index = json.loads((image / "oci/index.json").read_text())
    assert index["schemaVersion"] == 2 and len(index["manifests"]) == 1
    descriptor, = index["manifests"]
    assert descriptor["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    return json.loads(blob(image, descriptor))


def config(image):
    descriptor = manifest(image)["config"]
    assert descriptor["mediaType"] == "application/vnd.oci.image.config.v1+json"
    return json.loads(blob(image, descriptor))


def files(root):
    return [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]


# ---- the layout ----

def test_the_layout_is_well_formed(image, tmp_path):
    assert json.loads((image / "oci/oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    layer, = manifest(image)["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    packed = tmp_path / "layer.tar.gz"
    packed.write_bytes(blob(image, layer))
    unpacked = run("sh", "-c", f"gzip -dc {packed} | sha256sum").stdout.split()[0]
    assert config(image)["rootfs"] == {"type": "layers", "diff_ids": [f"sha256:{unpacked}"]}
    assert len(list((image / "oci/blobs/sha256").iterdir())) == 3, "blobs that nothing refers to"
    members = {}
    with tarfile.open(packed) as archive:
        for member in archive:
            assert member.name not in members, f"{member.name} is there twice"
            members[member.name] = member
    inside = {"./" + path.relative_to(image / "rootfs").as_posix() for path in (image / "rootfs").rglob("*")} | {"."}
    assert set(members) == inside
    for name, member in members.items():
        owner = USER if name == f".{STATE}" else 0
        assert (member.uid, member.gid, member.mtime) == (owner, owner, int(EPOCH)), name
        assert member.issym() or member.mode == stat.S_IMODE((image / "rootfs" / name).stat().st_mode), name


def test_it_says_what_to_run_and_as_whom(image, release):
    said = config(image)
    assert said["architecture"] == run("dpkg", "--print-architecture").stdout.strip() and said["os"] == "linux"
    assert said["created"] == "2025-11-25T00:00:00Z"
    settings = said["config"]
    labels = settings.pop("Labels")
    assert settings == {"User": f"{USER}:{USER}", "WorkingDir": STATE, "StopSignal": "SIGTERM",
                        "ExposedPorts": {"8443/tcp": {}}, "Entrypoint": ["/usr/bin/campaign-gateway"],
                        "Cmd": ["run", "--config", "/etc/campaign-gateway/gateway.yaml"]}
    version = run(release / "campaign-gateway", "version").stdout.split()[1]
    prefix = "org.opencontainers.image."
    assert labels[prefix + "version"] == version == tag(image)
    assert set(labels) == {prefix + name for name in ("title", "description", "version", "revision")}
    assert not [value for value in labels.values() if not value or "$" in value]


def test_checksums_hold_for_every_file(image):
    assert run("sha256sum", "--strict", "--check", "SHA256SUMS", cwd=image).returncode == 0
    listed = {line.split("  ")[1] for line in (image / "SHA256SUMS").read_text().splitlines()}
    there = {path.relative_to(image).as_posix() for path in files(image / "oci")} | {"sbom.spdx.json"}
    assert listed == there


def test_two_builds_are_the_same_to_the_byte(image, release, tmp_path):
    again = tmp_path / "again"
    make_image("--from", release, again, TZ="Asia/Kolkata", LC_ALL="C.UTF-8", HOME="/")
    assert (again / "SHA256SUMS").read_text() == (image / "SHA256SUMS").read_text()


# ---- what is in it ----

def test_nothing_but_the_gateway_can_be_executed(rootfs):
    runnable = {path.relative_to(rootfs).as_posix() for path in files(rootfs) if os.access(path, os.X_OK)}
    libc = {name for name in runnable if re.fullmatch(r"lib/[^/]+/(ld-linux[^/]*|libc\.so\.6)", name)}
    assert runnable == {"usr/bin/campaign-gateway"} | libc and len(libc) == 2
    assert [path.name for path in rootfs.glob("usr/bin/*")] == ["campaign-gateway"]
    for folder in ("bin", "sbin", "usr/sbin", "usr/local", "usr/libexec"):
        assert not (rootfs / folder).exists()


def test_nothing_is_left_of_how_it_was_made(rootfs, release):
    for leftover in ("var/lib/dpkg", "var/lib/apt", "var/cache", "etc/apt", "etc/hostname", "etc/resolv.conf", "etc/hosts",
                     "usr/share/man", "usr/share/locale", "usr/include", "var/log", "root", "home"):
        assert not (rootfs / leftover).exists(), leftover
    doc = [path for path in files(rootfs / "usr/share/doc") if path.name != "copyright"]
    assert doc == [rootfs / SBOM]
    machine = [f"{ROOT}/gateway", f"{ROOT}/build"] + mirrors()
    for path in files(rootfs) + [release / "campaign-gateway"]:
        data = path.read_bytes()
        assert not [name for name in machine if name.encode() in data], path


def mirrors():
    """The hosts that packages of this machine come from; those that Debian's own files name anyway are left out."""
    listed = run("apt-get", "indextargets", "--format", "$(SITE)").stdout.split()
    return [host for host in {re.sub(r"^\w+://([^/]+).*", r"\1", site) for site in listed} if not host.endswith("debian.org")]


def test_nobody_gains_rights_and_only_tmp_and_state_can_be_written(rootfs):
    for path in rootfs.rglob("*"):
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            continue
        name = "/" + path.relative_to(rootfs).as_posix()
        assert stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode), name
        assert not found.st_mode & (stat.S_ISUID | stat.S_ISGID), name
        assert found.st_mode & stat.S_IWOTH == 0 or name == "/tmp" and found.st_mode & stat.S_ISVTX, name
        assert (found.st_uid, found.st_gid) == ((USER, USER) if name == STATE else (0, 0)), name


def test_every_link_leads_somewhere(rootfs):
    for path in rootfs.rglob("*"):
        if path.is_symlink():
            to = os.readlink(path)
            target = rootfs / to.lstrip("/") if to.startswith("/") else path.parent / to
            assert target.exists(), f"{path} -> {to}"


def test_every_library_is_there_and_none_too_many(rootfs):
    loader, = [path for path in rootfs.glob("lib*/ld-linux*")]
    listed = run("chroot", rootfs, "/" + loader.relative_to(rootfs).as_posix(), "--list", "/usr/bin/campaign-gateway")
    assert listed.returncode == 0 and "not found" not in listed.stdout, listed.stdout + listed.stderr
    loaded = set(re.findall(r"^\s*(?:\S+ => )?(/\S+) \(", listed.stdout, re.M))
    real = {Path(os.path.realpath(rootfs / name.lstrip("/"))).name for name in loaded}
    there = {path.name for path in files(rootfs) if ".so" in path.name}
    ours = {Path(os.readlink(path)).name for path in [loader] if path.is_symlink()}
    assert there - real - ours == {"libgcc_s.so.1"}  # loaded when a thread ends


def test_it_believes_the_cas_that_debian_does(rootfs):
    bundle = (rootfs / "etc/ssl/certs/ca-certificates.crt").read_text()
    certificates = re.findall(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", bundle, re.S)
    assert len(certificates) > 100 and "".join(certificates) == bundle
    first = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=certificates[0], capture_output=True, text=True)
    assert first.returncode == 0 and "subject=" in first.stdout


def test_each_package_keeps_its_copyright(rootfs):
    for folder in (rootfs / "usr/share/doc").iterdir():
        if folder.name != "campaign-gateway":
            text = (folder / "copyright").read_text(errors="replace")
            for licence in re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])", text):
                assert (rootfs / "usr/share/common-licenses" / licence).exists(), f"{folder.name}: {licence}"


# ---- its bill of materials: SPDX 2.3, chapter by chapter ----

DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
IDENTIFIER = r"SPDXRef-[A-Za-z0-9.-]+"
# SPDX identifiers of licences as far as Debian's packages here need them
LICENCE = (r"(Apache-2\.0|BSD-[23]-Clause|MIT|ISC|Zlib|PostgreSQL|MPL-2\.0|CC0-1\.0|Artistic-1\.0-Perl|"
           r"(GPL-[23]\.0|LGPL-(2\.0|2\.1|3\.0)|GFDL-1\.3)-(only|or-later))")
PACKAGE_KEYS = {"SPDXID", "name", "versionInfo", "supplier", "downloadLocation", "filesAnalyzed", "packageVerificationCode",
                "checksums", "homepage", "sourceInfo", "licenseConcluded", "licenseInfoFromFiles", "licenseDeclared",
                "licenseComments", "copyrightText", "externalRefs", "primaryPackagePurpose"}
FILE_KEYS = {"SPDXID", "fileName", "checksums", "licenseConcluded", "licenseInfoInFiles", "copyrightText"}


@pytest.fixture(scope="module")
def bill(rootfs):
    return json.loads((rootfs / SBOM).read_text())


def related(bill, kind):
    return {(each["spdxElementId"], each["relatedSpdxElement"]) for each in bill["relationships"]
            if each["relationshipType"] == kind}


def test_the_bill_is_an_spdx_document(bill, image):
    assert (image / "sbom.spdx.json").read_text() == (image / "rootfs" / SBOM).read_text()
    assert set(bill) == {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo", "packages",
                         "files", "relationships"}
    assert (bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
    assert re.fullmatch(r"https://[^#]+-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f-]{17}", bill["documentNamespace"])
    assert re.fullmatch(DATE, bill["creationInfo"]["created"]) and bill["creationInfo"]["created"] == config(image)["created"]
    assert [creator for creator in bill["creationInfo"]["creators"] if re.fullmatch(r"Tool: .+-[\d.]+", creator)]
    elements = [each["SPDXID"] for each in bill["packages"] + bill["files"]]
    assert len(elements) == len(set(elements)) and all(re.fullmatch(IDENTIFIER, each) for each in elements)
    known = set(elements) | {"SPDXRef-DOCUMENT"}
    for each in bill["relationships"]:
        assert set(each) == {"spdxElementId", "relationshipType", "relatedSpdxElement"}
        assert each["spdxElementId"] in known and each["relatedSpdxElement"] in known
    assert related(bill, "DESCRIBES") == {("SPDXRef-DOCUMENT", "SPDXRef-Image-campaign-gateway")}


def test_the_bill_lists_every_file_as_it_is(bill, rootfs):
    listed = {}
    for each in bill["files"]:
        assert set(each) == FILE_KEYS and each["fileName"].startswith("./") and each["fileName"] not in listed
        listed[each["fileName"]] = {sum["algorithm"]: sum["checksumValue"] for sum in each["checksums"]}
    there = {"./" + path.relative_to(rootfs).as_posix(): path for path in files(rootfs) if path != rootfs / SBOM}
    assert set(listed) == set(there)
    for name, path in there.items():
        data = path.read_bytes()
        assert listed[name] == {"SHA1": hashlib.sha1(data).hexdigest(), "SHA256": hashlib.sha256(data).hexdigest()}, name


def test_the_bill_says_which_package_every_file_is_from(bill, image):
    of_image = {other for one, other in related(bill, "CONTAINS") if one == "SPDXRef-Image-campaign-gateway"}
    assert of_image == {each["SPDXID"] for each in bill["packages"]} - {"SPDXRef-Image-campaign-gateway"}
    homes = [other for one, other in related(bill, "CONTAINS") if one in of_image]
    assert sorted(homes) == sorted(each["SPDXID"] for each in bill["files"]), "each file in one package"
    by_id = {each["SPDXID"]: each for each in bill["files"]}
    names = {each["SPDXID"]: each["name"] for each in bill["packages"]}
    owner = {by_id[other]["fileName"]: names[one] for one, other in related(bill, "CONTAINS") if one in of_image}
    assert owner["./usr/bin/campaign-gateway"] == "campaign-gateway"
    assert owner["./etc/ssl/certs/ca-certificates.crt"] == "ca-certificates"
    assert [name for path, name in owner.items() if path.endswith("/libc.so.6")] == ["libc6"]
    ours = {path for path, name in owner.items() if name == "campaign-gateway"}
    assert all(path.startswith(("./usr/share/campaign-gateway/", "./etc/", "./usr/bin/")) for path in ours), ours
    for package in bill["packages"]:
        held = bill["files"] if package["SPDXID"] not in of_image else \
            [by_id[other] for one, other in related(bill, "CONTAINS") if one == package["SPDXID"]]
        sums = sorted(hashlib.sha1((image / "rootfs" / each["fileName"]).read_bytes()).hexdigest() for each in held)
        assert held and package["packageVerificationCode"] == \
            {"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()}


def test_the_bill_names_packages_as_scanners_look_for_them(bill, image):
    version = tag(image)
    debian = [each for each in bill["packages"] if each["name"] != "campaign-gateway"]
    assert [each["versionInfo"] for each in bill["packages"] if each not in debian] == [version, version]
    assert {"libc6", "libssl3", "libevhtp0", "libpq5", "ca-certificates"} <= {each["name"] for each in debian}
    for each in debian:
        assert set(each) <= PACKAGE_KEYS and each["supplier"] == "Organization: Debian"
        checksum, = each["checksums"]
        assert checksum["algorithm"] == "SHA256" and re.fullmatch(r"[0-9a-f]{64}", checksum["checksumValue"])
        reference, = each["externalRefs"]
        assert (reference["referenceCategory"], reference["referenceType"]) == ("PACKAGE-MANAGER", "purl")
        encoded = each["versionInfo"].replace(":", "%3A").replace("+", "%2B")
        assert re.fullmatch(rf"pkg:deb/debian/{re.escape(each['name'].replace('+', '%2B'))}@{re.escape(encoded)}"
                            r"\?arch=(all|amd64|arm64)&distro=debian-12", reference["referenceLocator"])
        assert each["licenseConcluded"] == each["copyrightText"] == each["downloadLocation"] == "NOASSERTION"
        assert re.fullmatch(rf"NOASSERTION|{LICENCE}( AND {LICENCE})*", each["licenseDeclared"]), each["licenseDeclared"]
    assert "NOASSERTION" not in {each["licenseDeclared"] for each in debian if each["name"] == "libevhtp0"}
    needed = {other for one, other in related(bill, "DEPENDS_ON")}
    assert needed == {each["SPDXID"] for each in debian}


# ---- it serves ----

class NameServer:
    """Answers 127.0.0.1 for localhost (and no AAAA), on an address of the loopback that nobody else has."""
    ADDRESS = "127.65.53.2"

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.ADDRESS, 53))
        self.asked = set()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(512)
            if not query:
                return
            end = query.index(b"\0", 12)
            name, kind = query[12:end], struct.unpack(">H", query[end + 1:end + 3])[0]
            good = name == b"\x09localhost"
            self.asked.add(name)
            head = query[:2] + struct.pack(">HHHHH", 0x8580 | (0 if good else 3), 1, int(good and kind == 1), 0, 0)
            answer = b"\xc0\x0c" + struct.pack(">HHIH4B", 1, 1, 60, 4, 127, 0, 0, 1) if good and kind == 1 else b""
            self.socket.sendto(head + query[12:end + 5] + answer, client)

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", (self.ADDRESS, 53))
        self.thread.join(DEADLINE)
        self.socket.close()


class ContainedGateway(Gateway):
    """The image, run: its root read-only, configuration and state mounted, its user, its own command."""

    def __init__(self, image, rootfs, directory, certs, kore_port):
        self.image, self.rootfs, self.directory, self.certs = image, rootfs, directory, certs
        self.settings, self.state = directory / "etc", directory / "state"
        self.audit, self.stderr_path = self.state / "audit", directory / "stderr.log"
        self.environment = {"PATH": PATH}
        (self.settings / "policies").mkdir(parents=True)
        (self.settings / "policies/policy.yaml").write_text(POLICY.replace(
            "organisation:\n", "organisation:\n  include: [/usr/share/campaign-gateway/policies/packs/us-tcpa.yaml]\n"))
        for name in ("gateway.pem", "gateway.key"):
            shutil.copy(certs / name, self.settings)
            os.chown(self.settings / name, USER, USER)
        (self.settings / "gateway.yaml").write_text(f"""listen: 127.0.0.1:0
tls: {{certificate: gateway.pem, key: gateway.key}}
upstream: {{url: "https://localhost:{kore_port}"}}
tenants:
  - {{account_id: {ACCOUNT}, stream_id: {STREAM}}}
team: billing
policies: [policies]
audit: {{directory: {STATE}/audit}}
admin: {{listen: 127.0.0.1:0}}
""")
        (directory / "resolv.conf").write_text(f"nameserver {NameServer.ADDRESS}\noptions timeout:1\n")
        (rootfs / "etc/resolv.conf").touch()  # every runtime does
        self.state.mkdir()
        os.chown(self.state, USER, USER)
        self.process, self.told_to_stop, self.expected = None, False, (0,)

    def inside(self, *arguments):
        settings = config(self.image)["config"]
        uid, gid = map(int, settings["User"].split(":"))
        assert uid == gid
        return contain(self.rootfs, settings["Entrypoint"] + list(arguments or settings["Cmd"]), user=uid,
                       mounts=[("/proc", "/proc"), (self.settings, "/etc/campaign-gateway"), (self.state, STATE),
                               (self.directory / "resolv.conf", "/etc/resolv.conf"),
                               (self.certs / "ca.pem", "/etc/ssl/certs/ca-certificates.crt")],
                       writable=[STATE], no_new_exec=True)

    def command(self):
        return self.inside()

    def verb(self, *arguments):
        return run(*self.inside(*arguments), env=self.environment)


@pytest.fixture
def contained(image, rootfs, certs, kore):
    if why_not():
        pytest.skip(why_not())
    directory = Path(tempfile.mkdtemp(prefix="contained-"))
    directory.chmod(0o755)
    gateway = ContainedGateway(image, rootfs, directory, certs, kore.port)
    try:
        with NameServer() as gateway.names:
            yield gateway
            print(gateway.stderr())
            gateway.stop()
    finally:
        if gateway.process and gateway.process.poll() is None:
            gateway.process.kill()
        (rootfs / "etc/resolv.conf").unlink()
        shutil.rmtree(directory)


def test_it_serves_a_campaign_from_its_own_read_only_files(contained, kore):
    before = {path: path.lstat().st_mtime_ns for path in contained.rootfs.rglob("*")}
    checked = contained.verb("check", "--config", "/etc/campaign-gateway/gateway.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    contained.start()
    status = Path(f"/proc/{contained.process.pid}/status").read_text()
    assert re.search(rf"^Uid:\s+{USER}\s+{USER}\s+{USER}\s+{USER}$", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^CapBnd:\s+0+$", status, re.M)
    assert os.path.samefile(f"/proc/{contained.process.pid}/root", contained.rootfs)

    allowed = contained.post(seed_campaign())
    assert allowed.status == 200 and allowed.header("x-campaign-gateway") == "allow"
    assert len(kore.requests) == 1 and b"\x09localhost" in contained.names.asked
    refused = contained.post(dict(seed_campaign(), dnc="x"))
    assert refused.status == 422
    for probe in ("/livez", "/readyz"):
        with urllib.request.urlopen(contained.admin_url() + probe, timeout=DEADLINE) as answer:
            assert answer.status == 200
    contained.stop()
    assert [record["verdict"] for record in contained.decisions()] == ["allow", "deny"]
    verified = contained.verb("audit", "verify", "--directory", f"{STATE}/audit")
    assert verified.returncode == 0 and "as they were written" in verified.stdout, verified.stdout + verified.stderr
    found = contained.verb("audit", "search", "--directory", f"{STATE}/audit", "--verdict", "deny")
    assert found.returncode == 0 and "deny" in found.stdout, found.stdout + found.stderr
    assert {path: path.lstat().st_mtime_ns for path in contained.rootfs.rglob("*")} == before


def test_it_needs_nothing_mounted_to_say_what_it_is(contained):
    assert contained.verb("version").stdout.startswith(f"campaign-gateway {tag(contained.image)} (tzdata ")
    packs = contained.verb("render", "/usr/share/campaign-gateway/policies/packs/uk.yaml")
    assert packs.returncode == 0 and packs.stdout


def test_without_a_place_to_write_it_says_so_and_does_not_start(contained):
    os.chown(contained.state, 0, 0)
    contained.state.chmod(0o755)
    done = run(*contained.command(), env=contained.environment)
    assert done.returncode in (1, 2) and f"{STATE}/audit" in done.stderr, done.stderr


# ---- making it ----

def listed(name):
    return [line for line in (ROOT / "deploy/image" / name).read_text().splitlines() if not line.startswith("#")]


def test_the_dockerfile_makes_the_same():
    """Its last stage is what deploy/image/build reads; the first must take the same road to the files."""
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()
    stage = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in stage if line.startswith("FROM")] == ["FROM debian:12-slim AS build", "FROM scratch"]
    assert "RUN deploy/install-packages $(grep -v '^#' deploy/image/build-packages)" in stage
    assert "RUN cmake --preset release && cmake --build --preset release" in stage
    assert "RUN SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH deploy/image/rootfs build/release /rootfs" in stage
    last = stage[stage.index("FROM scratch"):]
    assert [line for line in last if line.startswith(("COPY", "ADD", "RUN", "HEALTHCHECK"))] == \
        ["COPY --from=build /rootfs /", f"COPY --from=build --chown={USER}:{USER} /rootfs{STATE} {STATE}"]


def test_the_dockerfile_copies_what_it_builds_from():
    """And .dockerignore lets just that through."""
    copies = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "deploy/Dockerfile").read_text(), re.M)
    copied = {name for line in copies for name in line.split()}
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    through = {line[1:] for line in ignored if line.startswith("!")}
    assert through == {name for name in copied if not name.startswith("deploy/")}
    assert all((ROOT / name).exists() for name in through)
    cmake = (ROOT / "CMakeLists.txt").read_text()
    read = {name for name in re.findall(r"[ (]((?:gateway|policies|deploy|tests/bench)/[\w./-]+)", cmake)}
    assert read and all(any(name == each or name.startswith(each + "/") for each in through) for name in read), read


def test_the_quickstart_compiles_with_no_other_packages():
    text = (ROOT / "deploy/quickstart").read_text()
    quickstart = set(re.search(r"^packages=\((.*?)\)", text, re.S | re.M)[1].split())
    assert quickstart - {"openssl", "curl", "jq"} <= set(listed("build-packages"))
    assert set(listed("tools")) <= set(listed("build-packages")) | {"umoci"}


def test_signing_works_as_the_page_says(image, tmp_path):
    shutil.copytree(image, tmp_path / "build/image")
    sign, verify = [block for block in re.findall(r"```sh\n(.*?)```", (ROOT / "deploy/image/README.md").read_text(), re.S)
                    if "openssl" in block]
    done = run("bash", "-euc", sign + verify, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    bill = tmp_path / "build/image/sbom.spdx.json"
    bill.write_text(bill.read_text().replace("libssl3", "libssl4"))
    assert run("bash", "-euc", verify, cwd=tmp_path).returncode != 0, "a file was changed"
    sums = tmp_path / "build/image/SHA256SUMS"
    sums.write_text(run("sh", "-c", "sha256sum $(cut -c67- SHA256SUMS)", cwd=sums.parent).stdout)
    assert run("bash", "-euc", verify, cwd=tmp_path).returncode != 0, "the checksums were changed"


def test_the_page_builds_the_image_with_the_command_that_the_tests_run():
    page = (ROOT / "deploy/image/README.md").read_text()
    assert "\ndeploy/image/build build/image " in page
    named = set(re.findall(r"`(deploy/[\w./-]+)`", page)) | {"deploy/image/packages", "deploy/image/build-packages"}
    assert all((ROOT / name).exists() for name in named)


def test_an_instruction_that_the_build_does_not_know_stops_it(tmp_path):
    (tmp_path / "image").mkdir()
    shutil.copy(ROOT / "deploy/image/settings", tmp_path / "image")
    (tmp_path / "Dockerfile").write_text((ROOT / "deploy/Dockerfile").read_text() + "ONBUILD RUN true\n")
    done = run(tmp_path / "image/settings", "--version", "1", "--revision", "2")
    assert done.returncode == 1 and "ONBUILD is not understood" in done.stderr


@pytest.mark.parametrize("arguments, says", [
    ([], "needs OUTPUT"), (["--colour", "x"], "unknown option '--colour'"), (["a", "b"], "one OUTPUT"),
    ([ROOT], "exists already"),
])
def test_build_tells_how_it_is_used(arguments, says):
    done = run(BUILD, *arguments)
    assert done.returncode == 2 and says in done.stderr and not done.stdout


def test_a_time_that_is_none_is_refused(tmp_path):
    done = run(BUILD, tmp_path / "out", env=dict(os.environ, SOURCE_DATE_EPOCH="yesterday"))
    assert done.returncode == 2 and "not 'yesterday'" in done.stderr and not (tmp_path / "out").exists()


def test_a_library_that_no_package_brings_is_named(image, release, tmp_path):
    """Played by an mmdebstrap whose packages lack it."""
    fake = tmp_path / "mmdebstrap"
    fake.write_text(f"""#!/bin/sh
        for word; do case $word in /tmp*) target=$word; break; esac; done
        cp -r {image}/rootfs "$target" && rm "$target"/usr/lib/*/libutf8proc.so.2*
    """)
    fake.chmod(0o755)
    environment = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}", TMPDIR="/tmp")
    with release_to_oneself():
        done = run(ROOT / "deploy/image/rootfs", release, tmp_path / "root", env=environment)
    assert done.returncode == 1 and "libutf8proc.so.2: in no package" in done.stderr, done.stderr
    assert "deploy/image/packages" in done.stderr and not (tmp_path / "root").exists()


def test_rootfs_wants_a_build(tmp_path):
    done = run(ROOT / "deploy/image/rootfs", tmp_path, tmp_path / "root")
    assert done.returncode == 1 and "cmake --preset release" in done.stderr

"""The bill of materials of the image, as SPDX 2.3 JSON; used by deploy/image/rootfs.

What is in the image is read from the image, where it comes from out of the very archives it was
unpacked from. The same files and SOURCE_DATE_EPOCH give the same document.
"""
import datetime
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import uuid
from urllib.parse import quote

PLACE = "usr/share/doc/campaign-gateway/sbom.spdx.json"
# Files that are made, not copied, and from which package's files.
MADE_FROM = {"etc/ssl/certs/ca-certificates.crt": "ca-certificates"}
# Debian's short names of licences (machine-readable copyright files) as SPDX has them. A package
# with a name that is not here has licence NOASSERTION, and its copyright file says what it is.
LICENCES = {
    "Apache-2.0": "Apache-2.0", "BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause",
    "BSD-3-Clause": "BSD-3-Clause", "BSD-2-Clause": "BSD-2-Clause", "Expat": "MIT", "MIT": "MIT", "ISC": "ISC",
    "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later", "GPL-3": "GPL-3.0-only", "GPL-3+": "GPL-3.0-or-later",
    "GPL-2.0+": "GPL-2.0-or-later", "GPL-3.0+": "GPL-3.0-or-later", "LGPL-2+": "LGPL-2.0-or-later",
    "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later", "LGPL-3": "LGPL-3.0-only",
    "LGPL-3+": "LGPL-3.0-or-later", "MPL-2.0": "MPL-2.0", "Zlib": "Zlib", "zlib": "Zlib", "CC0-1.0": "CC0-1.0",
    "GFDL-1.3+": "GFDL-1.3-or-later", "PostgreSQL": "PostgreSQL", "Artistic": "Artistic-1.0-Perl",
}


class Archive:
    """A Debian package as it was fetched."""

    def __init__(self, path):
        fields = subprocess.run(["dpkg-deb", "--show", "--showformat",
                                 "${Package}\n${Version}\n${Architecture}\n${source:Package}\n${source:Version}\n"
                                 "${Homepage}\n", path], capture_output=True, text=True, check=True).stdout.split("\n")
        self.name, self.version, self.architecture, self.source, self.source_version, self.homepage = fields[:6]
        self.sha256 = digest("sha256", path.read_bytes())
        unpacking = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(unpacking.stdout)) as members:
            self.files = {member.name.removeprefix("./") for member in members if not member.isdir()}

    def licence(self, root):
        """What its machine-readable copyright file declares, or NOASSERTION."""
        text = (root / f"usr/share/doc/{self.name}/copyright").read_text(errors="replace")
        if not re.match(r"Format:.*copyright-format", text):
            return "NOASSERTION"
        declared = set(re.findall(r"^License:[ \t]*(\S.*?)[ \t]*$", text, re.M))
        if not declared or not declared <= set(LICENCES):
            return "NOASSERTION"
        return " AND ".join(sorted({LICENCES[name] for name in declared}))


def digest(algorithm, data):
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def read_archives(folder):
    return [Archive(path) for path in sorted(folder.glob("*.deb"))]


def files_of(root):
    """Every regular file, but for the document itself, by its path."""
    paths = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*"))}
    return {name: path for name, path in paths.items() if path.is_file() and not path.is_symlink() and name != PLACE}


def owner(name, archives):
    """The archive that a file of the image comes from; None: ours. `name` may be a copyright file
    where the package has a link."""
    match = re.fullmatch(r"usr/share/doc/([^/]+)/copyright", name)
    wanted = match[1] if match else MADE_FROM.get(name)
    return next((each for each in archives if each.name == wanted or (not wanted and name in each.files)), None)


def used(archives, root):
    """Those of which something is in the image."""
    owners = {owner(name, archives) for name in files_of(root)}
    return [each for each in archives if each in owners]


def identifier(kind, name):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name.replace("+", "plus"))


def described_file(number, name, path):
    data = path.read_bytes()
    return {"SPDXID": f"SPDXRef-File-{number}", "fileName": f"./{name}",
            "checksums": [{"algorithm": "SHA1", "checksumValue": digest("sha1", data)},
                          {"algorithm": "SHA256", "checksumValue": digest("sha256", data)}],
            "licenseConcluded": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION"}


def verification_code(files):
    """SPDX 2.3, 7.9: over the SHA-1 of all files, sorted."""
    sums = sorted(each["checksums"][0]["checksumValue"] for each in files)
    return {"packageVerificationCodeValue": digest("sha1", "".join(sums).encode())}


def package(kind, name, version, files, **more):
    return {"SPDXID": identifier(kind, name), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": True, "packageVerificationCode": verification_code(files),
            "licenseConcluded": "NOASSERTION", "licenseInfoFromFiles": ["NOASSERTION"],
            "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", **more}


def debian_package(archive, root, files, release):
    purl = (f"pkg:deb/debian/{quote(archive.name)}@{quote(archive.version, safe='')}"
            f"?arch={archive.architecture}&distro=debian-{release}")
    more = {"homepage": archive.homepage} if archive.homepage else {}
    if archive.name.startswith("lib"):
        more["primaryPackagePurpose"] = "LIBRARY"
    return package("Package", archive.name, archive.version, files,
                   supplier="Organization: Debian", licenseDeclared=archive.licence(root),
                   licenseComments=f"/usr/share/doc/{archive.name}/copyright in the image",
                   sourceInfo=f"built from the Debian source package {archive.source} {archive.source_version}",
                   checksums=[{"algorithm": "SHA256", "checksumValue": archive.sha256}],
                   externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                  "referenceLocator": purl}], **more)


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def write(root, archives, version):
    """Puts the document of `root` into it."""
    release = re.search(r'^VERSION_ID="?([^"\n]*)', (root / "usr/lib/os-release").read_text(), re.M)[1]
    files, owned = [], {}
    for number, (name, path) in enumerate(files_of(root).items()):
        described = described_file(number, name, path)
        files.append(described)
        owned.setdefault(owner(name, archives), []).append(described)
    ours = package("Package", "campaign-gateway", version, owned[None], primaryPackagePurpose="APPLICATION")
    others = [debian_package(each, root, owned[each], release) for each in archives if each in owned]
    image = package("Image", "campaign-gateway", version, files, primaryPackagePurpose="CONTAINER")
    contained = [(ours, owned[None])] + list(zip(others, [owned[each] for each in archives if each in owned]))
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")) or
                                           datetime.datetime.now().timestamp(), datetime.timezone.utc)
    unique = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([image, others, when.isoformat()], sort_keys=True))
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"campaign-gateway-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/campaign-gateway-{version}-{unique}",
        "creationInfo": {"created": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "creators": [f"Tool: campaign-gateway-sbom-{version}"]},
        "packages": [image, ours, *others], "files": files,
        "relationships": [relation("SPDXRef-DOCUMENT", "DESCRIBES", image["SPDXID"])] +
                         [relation(image["SPDXID"], "CONTAINS", each["SPDXID"]) for each, _ in contained] +
                         [relation(each["SPDXID"], "CONTAINS", file["SPDXID"]) for each, held in contained for file in held] +
                         [relation(ours["SPDXID"], "DEPENDS_ON", each["SPDXID"]) for each in others],
    }
    place = root / PLACE
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(document, indent=1) + "\n")

#!/usr/bin/python3
"""A second opinion on a journal: reads and verifies it without a line of the gateway's code.

    tests/e2e/journal_checker.py DIRECTORY [SECOND_DIRECTORY]

Checks every hash, number and link, every Merkle root and frontier, every signed note, and that
what the records tell of campaigns is a story that can have happened. Tests use read(), verify()
and Story.
"""
import base64
import ctypes
import hashlib
import json
import re
import sys
from ctypes.util import find_library
from pathlib import Path

SEGMENT_NAME = re.compile(r"[0-9]{20}\.jsonl")
ED25519 = 1087        # EVP_PKEY_ED25519, and the kind that signed notes give it is 1
NOTE = re.compile(r"(?P<text>(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]*)\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
                  r"time [0-9T:.Z-]{24}\n(?:successor (?P<successor>[0-9a-f]{64})\n)?)"
                  r"\n\N{EM DASH} (?P<name>\S+) (?P<signature>[A-Za-z0-9+/=]+)\n")


class Broken(Exception):
    """The journal is not what it was. Says where."""


# ---- lines ----

class Record(dict):
    """A record's members, and where it stands."""
    def __init__(self, members, digest, file, line_number):
        super().__init__(members)
        self.digest, self.file, self.line_number = digest, file, line_number


def segments(directories):
    """The files in order, as (first number, path). Of two with one name the last directory's counts."""
    found = {}
    for directory in directories:
        for path in Path(directory).iterdir():
            if SEGMENT_NAME.fullmatch(path.name):
                found[int(path.name[:20])] = path
    return sorted(found.items())


def parse(line, place):
    """One line without its LF."""
    text, tab, digest = line.rpartition(b"\t")
    if not tab or not re.fullmatch(rb"[0-9a-f]{64}", digest):
        raise Broken(f"{place}: not a record")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        raise Broken(f"{place}: altered")
    front = re.match(rb'\{"seq":([1-9][0-9]*),"prev":"([0-9a-f]{64})",', text)
    if not front:
        raise Broken(f"{place}: does not begin with its number and link")
    members = json.loads(text)
    if not isinstance(members, dict) or members["seq"] != int(front[1]):
        raise Broken(f"{place}: not one object")
    return members, digest.decode()


class Chain:
    """Follows numbers and links over the segments."""
    def __init__(self):
        self.seq, self.digest = 0, "0" * 64

    def follow(self, members, digest, place):
        if self.seq == 0 and members["seq"] > 1:
            pass    # the oldest segments are gone
        elif members["seq"] != self.seq + 1 or members["prev"] != self.digest:
            raise Broken(f"{place}: does not follow record {self.seq}")
        self.seq, self.digest = members["seq"], digest


def read_segment(first, path, following, chain, records):
    """Appends its records; gives the bytes behind them that are no record, as a torn tail."""
    data = path.read_bytes()
    lines = data.split(b"\n")
    rest = len(data)
    for number, line in enumerate(lines[:-1], 1):
        place = f"{path}:{number}"
        if number > 1 and following == chain.seq + 1:
            return rest    # what a failed write left; the next segment goes on from here
        members, digest = parse(line, place)
        chain.follow(members, digest, place)
        if number == 1 and chain.seq != first:
            raise Broken(f"{place}: the file is named after another record")
        if (number == 1) != (members["kind"] == "segment"):
            raise Broken(f"{place}: a segment's first record is of the kind segment, and no other")
        records.append(Record(members, digest, path, number))
        rest -= len(line) + 1
    return rest


def read_with_tail(directories):
    """All records, and how many bytes follow the last one, torn."""
    records, chain, torn = [], Chain(), 0
    files = segments(directories)
    for i, (first, path) in enumerate(files):
        following = files[i + 1][0] if i + 1 < len(files) else None
        torn = read_segment(first, path, following, chain, records)
        if following and following != chain.seq + 1:
            raise Broken(f"{path}: ends with record {chain.seq}, but the next one begins with {following}")
    return records, torn


def read(directories, torn=False):
    records, tail = read_with_tail(directories)
    if tail and not torn:
        raise Broken(f"{tail} bytes at the end are no record")
    return records


# ---- the tree (RFC 6962) and the notes (C2SP signed-note) ----

def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Complete subtrees, the largest first, as (leaves, root)."""
    def __init__(self, size=0, frontier=()):
        weights = [1 << i for i in reversed(range(64)) if size >> i & 1]
        if len(weights) != len(frontier):
            raise Broken(f"a frontier of {len(frontier)} hashes is not one of {size} records")
        self.parts = list(zip(weights, frontier))

    def size(self):
        return sum(weight for weight, _ in self.parts)

    def add(self, digest):
        self.parts.append((1, hashlib.sha256(b"\x00" + digest).digest()))
        while len(self.parts) > 1 and self.parts[-1][0] == self.parts[-2][0]:
            (weight, right), (_, left) = self.parts.pop(), self.parts.pop()
            self.parts.append((2 * weight, node(left, right)))

    def frontier(self):
        return [part.hex() for _, part in self.parts]

    def root(self):
        if not self.parts:
            return hashlib.sha256(b"").digest()
        root = self.parts[-1][1]
        for _, part in reversed(self.parts[:-1]):
            root = node(part, root)
        return root


crypto = ctypes.CDLL(find_library("crypto"))
for function in ("EVP_PKEY_new_raw_public_key", "EVP_MD_CTX_new"):
    getattr(crypto, function).restype = ctypes.c_void_p


def signed_by(key, text, signature):
    pkey = ctypes.c_void_p(crypto.EVP_PKEY_new_raw_public_key(ED25519, None, key, ctypes.c_size_t(32)))
    context = ctypes.c_void_p(crypto.EVP_MD_CTX_new())
    good = (pkey and crypto.EVP_DigestVerifyInit(context, None, None, None, pkey) == 1 and
            crypto.EVP_DigestVerify(context, signature, ctypes.c_size_t(len(signature)),
                                    text, ctypes.c_size_t(len(text))) == 1)
    crypto.EVP_MD_CTX_free(context)
    crypto.EVP_PKEY_free(pkey)
    return good


def check_note(record, tree, key, origin, place):
    match = NOTE.fullmatch(record["note"])
    if not match:
        raise Broken(f"{place}: not a signed note")
    if (int(match["size"]), base64.b64decode(match["root"])) != (tree.size(), tree.root()):
        raise Broken(f"{place}: the note is of another tree")
    if match["origin"] != origin or match["name"] != origin:
        raise Broken(f"{place}: the note is of another journal")
    signature = base64.b64decode(match["signature"])
    key_hash = hashlib.sha256(origin.encode() + b"\n\x01" + key).digest()[:4]
    if signature[:4] != key_hash or not signed_by(key, match["text"].encode(), signature[4:]):
        raise Broken(f"{place}: the note is not signed by {key.hex()}")
    return match["successor"]


class Report:
    def __init__(self, records, torn):
        self.records, self.torn = records, torn
        self.checkpoints, self.signed = 0, 0    # notes, and records under the last one
        self.origin, self.key = None, None

    def kinds(self):
        return [record["kind"] for record in self.records]


def check_notes(report):
    tree = None
    for record in report.records:
        place = f"{record.file}:{record.line_number}"
        if record["kind"] == "segment":
            if tree is None:
                tree = Tree(record["seq"] - 1, [bytes.fromhex(each) for each in record["frontier"]])
                report.origin, report.key = record["source"], bytes.fromhex(record["key"])
            if record["frontier"] != tree.frontier():
                raise Broken(f"{place}: the frontier is of another tree")
            if (record["source"], record["key"]) != (report.origin, report.key.hex()):
                raise Broken(f"{place}: of another journal, or by another key")
        if "note" in record:
            successor = check_note(record, tree, report.key, report.origin, place)
            if (record["kind"] == "key") != (successor is not None) or \
                    record["kind"] not in ("segment", "checkpoint", "key"):
                raise Broken(f"{place}: the note does not belong there")
            if successor:
                if successor != record["key"]:
                    raise Broken(f"{place}: the note names another successor")
                report.key = bytes.fromhex(successor)
            report.checkpoints += 1
            report.signed = tree.size()
        tree.add(bytes.fromhex(record.digest))


# ---- what happened ----

class Story:
    """What the records tell of each decision; raises Broken when that cannot be."""
    def __init__(self, records):
        self.decisions, self.outcomes = {}, {}    # by id; an id's outcomes in order
        self.open, self.open_at_start = {}, []    # as each `started` record finds them
        self.whole = not records or records[0]["seq"] == 1
        for record in records:
            getattr(self, "on_" + record["kind"], lambda _: None)(record)

    def on_segment(self, record):
        if not self.decisions and not self.whole:
            self.open = dict.fromkeys(record["open"])
        if sorted(record["open"]) != sorted(self.open):
            raise Broken(f"record {record['seq']}: lists {len(record['open'])} open decisions, "
                         f"but {len(self.open)} are")

    def on_started(self, _):
        self.open_at_start.append(sorted(self.open))

    def on_decision(self, record):
        if record["id"] in self.decisions:
            raise Broken(f"record {record['seq']}: a second decision {record['id']}")
        self.decisions[record["id"]] = record
        if record["verdict"] == "allow":
            self.open[record["id"]] = record

    def on_outcome(self, record):
        before = self.outcomes.setdefault(record["id"], [])
        if self.whole and self.decisions.get(record["id"], {}).get("verdict") != "allow":
            raise Broken(f"record {record['seq']}: the outcome of what was never allowed")
        if before and before[-1]["created"] != "unknown":
            raise Broken(f"record {record['seq']}: a second outcome of {record['id']}")
        before.append(record)
        if record["created"] != "unknown":
            self.open.pop(record["id"], None)

    def on_closed(self, record):
        self.open.pop(record["id"], None)

    def retracted(self):
        return {id for id, records in self.outcomes.items()
                if any(record["outcome"] == "retracted" for record in records)}

    def name_of(self, id):
        return self.decisions[id].get("campaign", {}).get("name")


def verify(directories, torn=False):
    """A Report of all that is there, every claim of it checked."""
    records, tail = read_with_tail(directories)
    if tail and not torn:
        raise Broken(f"{tail} bytes at the end are no record")
    report = Report(records, tail)
    check_notes(report)
    report.story = Story(records)
    return report


def main():
    try:
        report = verify(sys.argv[1:], torn=True)
    except Broken as why:
        print(f"broken: {why}")
        return 1
    print(f"{len(report.records)} records, {report.checkpoints} notes, the last over {report.signed}; "
          f"{len(report.story.open)} open; {report.torn} bytes torn")
    return 0


if __name__ == "__main__":
    sys.exit(main())

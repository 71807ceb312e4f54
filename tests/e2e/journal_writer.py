"""Writes journals as the gateway does (audit/record.h, audit/checkpoint.h), and as it never would."""
import base64
import hashlib
import json
import os
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

POLICY = {"revision": "2026-11-23.1", "digest": "5f" * 32}
ZEROS = "0" * 64


def sha256(data):
    return hashlib.sha256(data).digest()


class Tree:
    """The Merkle tree over the records' hashes (RFC 6962 2.1): the roots of its complete subtrees."""

    def __init__(self):
        self.size, self.frontier = 0, []  # the largest subtree first

    def add(self, record_hash):
        node, size = sha256(b"\0" + record_hash), self.size
        while size & 1:
            node, size = sha256(b"\1" + self.frontier.pop() + node), size >> 1
        self.frontier.append(node)
        self.size += 1

    def root(self):
        if not self.frontier:
            return sha256(b"")
        root = self.frontier[-1]
        for left in reversed(self.frontier[:-1]):
            root = sha256(b"\1" + left + root)
        return root


class Key:
    """An Ed25519 key, made and used by openssl(1)."""

    def __init__(self, path):
        self.path = Path(path)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.path], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        self.public = der[-32:]

    def sign(self, text):
        source = self.path.with_suffix(".text")
        source.write_bytes(text)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", source],
                              check=True, capture_output=True).stdout


class Journal:
    """A journal in `directory`. Every record is durable at once, unless `durable` is held back."""

    def __init__(self, directory, source="campaign-gateway/test/0f1c", key=None, now=None):
        self.directory, self.source = Path(directory), source
        self.directory.mkdir(parents=True, exist_ok=True)
        self.key = key or Key(self.directory / "signing.key")
        self.tree, self.seq, self.hash = Tree(), 0, ZEROS
        self.now = now or datetime.now(timezone.utc)
        self.opened, self.lines, self.file = [], [], None
        self.segment()

    # ---- time and notes ----

    def tick(self, **by):
        self.now += timedelta(**(by or {"milliseconds": 10}))
        return self.now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.now.microsecond // 1000:03d}Z"

    def note(self, key=None, origin=None, size=None, root=None, successor=None):
        """A signed checkpoint over all records so far."""
        key, origin = key or self.key, origin or self.source
        text = f"{origin}\n{self.seq if size is None else size}\n"
        text += base64.b64encode(root or self.tree.root()).decode() + f"\ntime {self.tick()}\n"
        text += f"successor {successor.hex()}\n" if successor else ""
        key_hash = sha256(origin.encode() + b"\n\x01" + key.public)[:4]
        signature = base64.b64encode(key_hash + key.sign(text.encode())).decode()
        return f"{text}\n— {origin} {signature}\n"

    # ---- records ----

    def line(self, members, seq=None, prev=None):
        """The line of one record, without LF, that would follow now."""
        record = {"seq": seq or self.seq + 1, "prev": prev or self.hash, **members}
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        return text + b"\t" + sha256(text).hex().encode()

    def add_line(self, line):
        self.seq += 1
        self.hash = line[-64:].decode()
        self.tree.add(bytes.fromhex(self.hash))
        self.lines.append(line)
        self.file.write(line + b"\n")

    def flush(self):
        """What was added is durable from now on."""
        self.file.flush()
        self.say_durable(self.seq)

    def say_durable(self, seq):
        fd = os.open(self.directory / "durable", os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(fd, b"%020d\n" % seq, 0)
        os.close(fd)

    def add(self, members, flush=True):
        self.add_line(self.line(members))
        if flush:
            self.flush()
        return self.seq

    def segment(self, directory=None, **note):
        if self.file:
            self.file.close()
        path = Path(directory or self.directory) / f"{self.seq + 1:020d}.jsonl"
        self.file = open(path, "xb")
        frontier = [node.hex() for node in self.tree.frontier]
        self.add({"kind": "segment", "time": self.tick(), "source": self.source, "key": self.key.public.hex(),
                  "frontier": frontier, "open": self.opened, "note": self.note(**note)})
        return path

    def checkpoint(self, note=None, **options):
        return self.add({"kind": "checkpoint", "time": self.tick(), "note": note or self.note(**options)})

    def rotate_key(self, key, signer=None):
        note = self.note(key=signer, successor=key.public)
        self.add({"kind": "key", "time": self.tick(), "key": key.public.hex(), "note": note})
        self.key = key

    def decision(self, flush=True, **members):
        number = self.seq + 1
        record = {"kind": "decision", "id": f"id-{number}", "time": self.tick(), "verdict": "allow", "team": "billing",
                  "caller": "uri:spiffe://example.org/billing", "peer": "127.0.0.1:40000", "method": "POST",
                  "path": "/campaign/api/v2/public/st-1/campaign",
                  "campaign": {"name": f"campaign {number}", "caller_id": "hmac:2026-11:" + sha256(b"%d" % number).hex(),
                               "template": "due", "message_sha256": sha256(b"m%d" % number).hex()},
                  "policy": POLICY, "duration_us": 250}
        record.update(members)
        return self.add(record, flush)

    def outcome(self, of, flush=True, **members):
        record = {"kind": "outcome", "id": f"id-{of}", "time": self.tick(), "outcome": "created", "created": "yes",
                  "upstream": {"host": "localhost", "status": 200, "campaign_id": f"cm-{of}"}, "policy": POLICY,
                  "duration_us": 90000}
        record.update(members)
        return self.add(record, flush)

    def fill(self, records, checkpoint_every=1000):
        """So many records more: decisions and their outcomes."""
        until = self.seq + records
        while self.seq < until:
            if checkpoint_every and self.seq % checkpoint_every == 0:
                self.checkpoint()
            elif self.seq % 2:
                self.decision(flush=False)
            else:
                self.outcome(self.seq, flush=False)
        self.flush()

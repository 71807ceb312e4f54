"""Checkpoints and proofs, checked again with nothing of the gateway's: hashlib and openssl only."""
import base64
import hashlib
import subprocess


def sha256(data):
    return hashlib.sha256(data).digest()


# RFC 8410 4: in front of the 32 bytes of an Ed25519 public key
SPKI = bytes.fromhex("302a300506032b6570032100")


def verify_signature(public_key, text, signature, directory):
    """openssl's word on an Ed25519 signature."""
    (directory / "key.der").write_bytes(SPKI + public_key)
    (directory / "text").write_bytes(text)
    (directory / "signature").write_bytes(signature)
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER",
                           "-inkey", directory / "key.der", "-rawin", "-in", directory / "text",
                           "-sigfile", directory / "signature"], capture_output=True)
    return done.returncode == 0


def read_note(note, public_key, directory):
    """origin, size, root and the other lines of a C2SP signed note, if that key signed it."""
    text, signatures = note.encode().split(b"\n\n")
    text += b"\n"
    origin, size, root, *more = text.decode().splitlines()
    line, = signatures.decode().splitlines()
    dash, name, encoded = line.split(" ")
    assert dash == "—" and name == origin
    signed = base64.b64decode(encoded, validate=True)
    assert signed[:4] == sha256(origin.encode() + b"\n\x01" + public_key)[:4]
    assert verify_signature(public_key, text, signed[4:], directory), "the signature is not valid"
    return origin, int(size), base64.b64decode(root, validate=True), more


def tree_root(record_hashes):
    """RFC 6962 2.1, as it is written there."""
    if not record_hashes:
        return sha256(b"")
    if len(record_hashes) == 1:
        return sha256(b"\0" + record_hashes[0])
    split = 1 << (len(record_hashes) - 1).bit_length() - 1
    return sha256(b"\1" + tree_root(record_hashes[:split]) + tree_root(record_hashes[split:]))


def path_root(leaf, size, record_hash, path):
    """RFC 9162 2.1.3.2."""
    fn, sn, node = leaf, size - 1, sha256(b"\0" + record_hash)
    assert fn < size
    for sibling in path:
        assert sn > 0, "the path is too long"
        if fn & 1 or fn == sn:
            node = sha256(b"\1" + sibling + node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\1" + node + sibling)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "the path is too short"
    return node


def check_proof(proof, public_key, directory):
    """The records of a proof, after checking everything about it."""
    assert proof["format"] == "campaign-gateway/proof/1"
    origin, size, root, _ = read_note(proof["note"], public_key, directory)
    assert size == proof["tree_size"]
    lines = []
    for record in proof["records"]:
        text, digest = record["line"].encode().rsplit(b"\t", 1)
        assert sha256(text).hex() == digest.decode()
        path = [base64.b64decode(node, validate=True) for node in record["path"]]
        assert path_root(record["seq"] - 1, size, sha256(text), path) == root, "not in the tree"
        lines.append(text.decode())
    return origin, lines

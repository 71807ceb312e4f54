"""audit verify, prove, verify-proof and key, with the real binary on a real gateway's journal."""
import base64
import hashlib
import json
import re
import shutil
import subprocess

import pytest

from harness import BINARY, seed_campaign, wait_for
from signed_notes import check_proof, read_note, tree_root


def audit(*arguments, code=0):
    done = subprocess.run([BINARY, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + (done.stderr if code == 2 else "")


def verify(directory, *arguments, code=0):
    return json.loads(audit("verify", "--directory", directory, "--format", "json", *arguments, code=code))


def segments(directory):
    return sorted(directory.glob("*.jsonl"))


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def write(path, data):
    path.chmod(0o600)
    path.write_bytes(data)


@pytest.fixture
def journal(make_gateway):
    """A journal of several runs and segments, two keys, allowed and refused campaigns."""
    gateway = make_gateway()
    ids = []
    for run in range(3):
        if run:
            gateway.start()
        ids.append(gateway.post(seed_campaign()).header("x-decision-id"))
        gateway.post(dict(seed_campaign(), priority="9"))
        gateway.stop()
        if run == 0:
            audit("key", "rotate", gateway.audit / "signing.key")
        for path in segments(gateway.audit):
            path.chmod(0o400)       # finished: the next run begins another one
    gateway.ids = ids
    return gateway


def public_keys_of(report):
    return [base64.b64decode(key["ed25519"]) for key in report["keys"]]


def public_keys(journal):
    return public_keys_of(verify(journal.audit))


def pin(journal, tmp_path):
    keys = verify(journal.audit)["keys"]
    path = tmp_path / "keys"
    path.write_text("".join(f"ed25519 {key['ed25519']}\n" for key in keys))
    return path


# ---- verify ----

def test_a_journal_is_as_it_was_written(journal):
    report = verify(journal.audit)
    assert report["fine"] and report["findings"] == [] and "broken" not in report
    assert report["records"]["fine"] == report["records"]["all"] == len(journal.journal())
    assert report["segments"] == {"fine": 3, "all": 3}
    assert report["allowed"] == 3 and report["denied"] == 3 and report["open"] == 0
    assert report["uncovered"] == 0 and len(report["keys"]) == 2 and not report["keys_pinned"]
    text = audit("verify", "--config", journal.config)
    assert re.search(r"3 of 3 segments, (\d+) of \1 records, (\d+) of \2 checkpoints are as they were written", text)
    assert "not pinned" in text and report["source"] in text


def test_every_checkpoint_is_a_signed_note_over_the_tree(journal, tmp_path):
    """The cross-check: roots and signatures with hashlib and openssl."""
    keys = public_keys(journal)
    hashes, checked, key = [], 0, 0
    for path in segments(journal.audit):
        for line in lines_of(path):
            text, digest = line.rstrip(b"\n").rsplit(b"\t", 1)
            record = json.loads(text)
            if "note" in record:
                origin, size, root, more = read_note(record["note"], keys[key], tmp_path)
                assert size == len(hashes) == record["seq"] - 1 and root == tree_root(hashes)
                checked += 1
                key += record["kind"] == "key"
                assert (f"successor {record.get('key')}" in more) == (record["kind"] == "key")
            hashes.append(bytes.fromhex(digest.decode()))
    assert key == 1 and checked == verify(journal.audit)["checkpoints"]["fine"]


def test_a_running_gateways_journal_can_be_verified(gateway):
    for _ in range(5):
        gateway.post(seed_campaign())
        report = verify(gateway.audit)
        assert report["fine"] and report["open"] == 0
    wait_for(lambda: verify(gateway.audit)["uncovered"] == 0, "a checkpoint over all")


def test_an_altered_record_is_named_by_file_and_line(journal):
    path = segments(journal.audit)[1]
    lines = lines_of(path)
    place = next(i for i, line in enumerate(lines) if b'"verdict":"allow"' in line)
    lines[place] = lines[place].replace(b'"verdict":"allow"', b'"verdict":"allows"')
    write(path, b"".join(lines))
    report = verify(journal.audit, code=1)
    assert report["broken"].startswith(f"{path}:{place + 1}: the record was altered") and not report["fine"]
    assert report["segments"] == {"fine": 1, "all": 3}
    assert report["records"]["all"] == len([line for p in segments(journal.audit) for line in lines_of(p)])
    assert report["records"]["fine"] == len(lines_of(segments(journal.audit)[0])) + place
    assert f"broken: {path}:{place + 1}:" in audit("verify", "--directory", journal.audit, code=1)


def rehash(path, from_line, change):
    """What somebody can do who may write the file and cannot sign: the chain fits again."""
    lines, out, prev = lines_of(path), [], None
    for number, line in enumerate(lines):
        text = line.rstrip(b"\n").rsplit(b"\t", 1)[0]
        if number == from_line:
            text = change(text)
        if prev and number > from_line:
            text = re.sub(rb'"prev":"[0-9a-f]{64}"', b'"prev":"' + prev + b'"', text, count=1)
        prev = hashlib.sha256(text).hexdigest().encode()
        out.append(text + b"\t" + prev + b"\n")
    write(path, b"".join(out))


def test_a_chain_recomputed_without_the_key_is_found(journal):
    path = segments(journal.audit)[-1]
    place = next(i for i, line in enumerate(lines_of(path)) if b'"verdict":"deny"' in line)
    rehash(path, place, lambda text: text.replace(b"/priority", b"/Priority"))
    broken = verify(journal.audit, code=1)["broken"]
    assert "are not those that were signed" in broken and broken.startswith(str(path))


def test_truncation_is_found_by_what_stands_beside_and_by_a_kept_checkpoint(journal, tmp_path):
    kept = tmp_path / "kept"
    verify(journal.audit, "--checkpoint-out", kept)
    assert verify(journal.audit, "--expect-checkpoint", kept)["expected"] == 1
    path = segments(journal.audit)[-1]
    write(path, b"".join(lines_of(path)[:-3]))
    assert "as the file 'durable' beside it says" in verify(journal.audit, code=1)["broken"]
    (journal.audit / "durable").unlink()
    assert verify(journal.audit)["fine"]
    broken = verify(journal.audit, "--expect-checkpoint", kept, code=1)["broken"]
    assert "records are missing from the journal's end" in broken and str(kept) in broken


def test_deleting_everything_is_found(journal):
    for path in segments(journal.audit):
        path.unlink()
    assert "records are missing" in verify(journal.audit, code=1)["broken"]
    (journal.audit / "durable").unlink()
    assert "there is no journal" in audit("verify", "--directory", journal.audit, code=2)


def test_a_kept_checkpoint_is_of_this_journal(journal, make_gateway, tmp_path):
    other = make_gateway()
    other.stop()
    kept = tmp_path / "kept"
    verify(other.audit, "--checkpoint-out", kept)
    assert "is of another journal" in verify(journal.audit, "--expect-checkpoint", kept, code=1)["broken"]


def test_a_broken_journal_gives_no_checkpoint(journal, tmp_path):
    path = segments(journal.audit)[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    write(path, bytes(data))
    verify(journal.audit, "--checkpoint-out", tmp_path / "kept", code=1)
    assert not (tmp_path / "kept").exists()


def test_old_segments_may_be_gone_and_middle_ones_not(journal):
    first, second, _ = segments(journal.audit)
    first.unlink()
    report = verify(journal.audit)
    assert report["fine"] and report["first_seq"] == int(second.stem) and report["segments"]["fine"] == 2
    shutil.copy(second, first.parent / "aside")
    second.unlink()
    assert verify(journal.audit)["fine"]
    shutil.copy(first.parent / "aside", second)
    assert verify(journal.audit)["segments"]["fine"] == 2


def test_a_journal_over_two_directories_is_one(journal, tmp_path):
    second = tmp_path / "second"
    second.mkdir()
    shutil.move(segments(journal.audit)[1], second)
    report = verify(journal.audit, "--directory", second)
    assert report["fine"] and report["segments"]["fine"] == 3
    proof = json.loads(audit("prove", journal.ids[1], "--directory", journal.audit, "--directory", second))
    check_proof(proof, public_keys_of(report)[1], tmp_path)
    assert "are missing" in verify(journal.audit, code=1)["broken"]


def test_a_kill_leaves_a_journal_that_verifies(gateway):
    for _ in range(3):
        decision = gateway.post(seed_campaign()).header("x-decision-id")
        gateway.kill()
        report = verify(gateway.audit)
        assert report["fine"] and report["open"] == 0
        gateway.start()
        assert verify(gateway.audit)["fine"]
    gateway.stop()
    assert verify(gateway.audit)["uncovered"] == 0
    audit("prove", decision, "--directory", gateway.audit)


def test_a_torn_end_is_told_and_is_no_finding(journal):
    path = segments(journal.audit)[-1]
    write(path, path.read_bytes() + b'{"seq":')
    assert verify(journal.audit)["torn_bytes"] == 7
    path = segments(journal.audit)[0]
    write(path, path.read_bytes() + b"was never durable")
    report = verify(journal.audit)
    assert report["fine"] and report["torn_bytes"] == 7 + 17
    assert "24 bytes behind a segment's last record are none" in audit("verify", "--directory", journal.audit)


def test_pinned_keys_have_windows(journal, tmp_path):
    keys = pin(journal, tmp_path)
    assert verify(journal.audit, "--keys", keys)["keys_pinned"]
    assert "not pinned" not in audit("verify", "--directory", journal.audit, "--keys", keys)
    one, two = verify(journal.audit)["keys"]
    keys.write_text(f"ed25519 {one['ed25519']} - {two['to']}\ned25519 {two['ed25519']} {two['from']}\n")
    assert verify(journal.audit, "--keys", keys)["fine"]
    keys.write_text(f"ed25519 {one['ed25519']} - {one['from']}\ned25519 {two['ed25519']}\n")
    assert "may sign" in verify(journal.audit, "--keys", keys, code=1)["broken"]
    keys.write_text(f"ed25519 {two['ed25519']}\n")
    assert "is not among the pinned ones" in verify(journal.audit, "--keys", keys, code=1)["broken"]


@pytest.mark.parametrize("arguments, sentence", [
    ([], "which journal?"),
    (["--directory", "/nowhere"], "cannot read the directory '/nowhere'"),
    (["--directory", "/tmp", "--keys", "/nowhere"], "cannot open '/nowhere'"),
    (["--directory", "/tmp", "--keys", "/dev/null"], "is not a file"),
    (["--directory", "/tmp", "--expect-checkpoint", __file__], "larger than"),
    (["--directory", "/tmp", "--format", "xml"], "text or json"),
])
def test_wrong_usage_is_said(arguments, sentence):
    assert sentence in audit("verify", *arguments, code=2)


def test_a_capture_that_was_altered_is_found_and_a_deleted_one_counted(make_gateway, tmp_path):
    officer = tmp_path / "officer.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=officer", "-days", "9",
                    "-keyout", "/dev/null", "-out", officer], check=True, capture_output=True)
    gateway = make_gateway(environment={"CAMPAIGN_GATEWAY_AUDIT_CAPTURE_CERTIFICATE": str(officer)})
    gateway.post(seed_campaign())
    gateway.stop()
    report = verify(gateway.audit)
    assert report["fine"] and report["captures"] == 1 and report["captures_missing"] == 0
    capture, = gateway.audit.glob("captures/*/*")
    data = bytearray(capture.read_bytes())
    data[len(data) // 2] ^= 1
    write(capture, bytes(data))
    report = verify(gateway.audit, code=1)
    assert "is not what was captured" in report["findings"][0] and "broken" not in report
    capture.unlink()
    report = verify(gateway.audit)
    assert report["captures"] == report["captures_missing"] == 1
    assert "captures     1; of them deleted: 1" in audit("verify", "--directory", gateway.audit)


# ---- proofs ----

def test_a_proof_shows_one_campaign_and_holds_without_the_gateway(journal, tmp_path):
    proof = json.loads(audit("prove", journal.ids[0], "--directory", journal.audit))
    _, lines = check_proof(proof, public_keys(journal)[0], tmp_path)
    decision, outcome = map(json.loads, lines)
    assert decision["kind"] == "decision" and decision["id"] == outcome["id"] == journal.ids[0]
    assert outcome["kind"] == "outcome" and outcome["created"] == "yes"
    assert journal.ids[1] not in json.dumps(proof)


def test_every_campaign_of_every_segment_can_be_proven(journal, tmp_path):
    keys = public_keys(journal)
    for number, each in enumerate(journal.ids):
        proof = json.loads(audit("prove", each, "--directory", journal.audit))
        assert len(check_proof(proof, keys[min(number, 1)], tmp_path)[1]) == 2


def test_proofs_are_made_when_older_segments_are_gone_or_damaged(journal, tmp_path):
    key = public_keys(journal)[1]
    whole = audit("prove", journal.ids[2], "--directory", journal.audit)
    first, second, _ = segments(journal.audit)
    write(first, b"garbage\n")
    assert audit("prove", journal.ids[2], "--directory", journal.audit) == whole
    first.unlink()
    assert audit("prove", journal.ids[2], "--directory", journal.audit) == whole
    second.unlink()
    check_proof(json.loads(audit("prove", journal.ids[2], "--directory", journal.audit)), key, tmp_path)
    assert "no record of" in subprocess.run(
        [BINARY, "audit", "prove", journal.ids[1], "--directory", journal.audit], capture_output=True, text=True).stderr


def test_damage_behind_the_checkpoint_does_not_take_the_proof(journal, tmp_path):
    write(segments(journal.audit)[2], b"garbage\n")
    done = subprocess.run([BINARY, "audit", "prove", journal.ids[0], "--directory", journal.audit],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "the proof holds" in done.stderr
    check_proof(json.loads(done.stdout), verify_key_of_first_segment(journal), tmp_path)


def verify_key_of_first_segment(journal):
    return bytes.fromhex(json.loads(lines_of(segments(journal.audit)[0])[0].split(b"\t")[0])["key"])


def test_damage_in_front_of_the_record_gives_no_proof(journal):
    path = segments(journal.audit)[0]
    lines = lines_of(path)
    lines[0] = lines[0].replace(b"segment", b"Segment")
    write(path, b"".join(lines))
    audit("prove", journal.ids[0], "--directory", journal.audit, code=1)


def test_a_proof_is_checked_with_the_public_key_alone(journal, tmp_path):
    keys, proof = pin(journal, tmp_path), tmp_path / "proof.json"
    audit("prove", journal.ids[0], "--directory", journal.audit, "-o", proof)
    text = audit("verify-proof", proof, "--keys", keys)
    assert text.startswith(f"proven: 2 records of {journal.ids[0]}\n")
    assert "verdict allow, team billing" in text and "created yes" in text and "not proven: that" in text
    told = json.loads(audit("verify-proof", proof, "--keys", keys, "--format", "json"))
    assert told["proven"] and [r["kind"] for r in told["records"]] == ["decision", "outcome"]
    assert told["records"][0]["verdict"] == "allow" and told["records"][0]["team"] == "billing"


def test_a_proof_that_was_altered_or_signed_by_another_does_not_hold(journal, tmp_path):
    keys, path = pin(journal, tmp_path), tmp_path / "proof.json"
    audit("prove", journal.ids[0], "--directory", journal.audit, "--output", path)
    whole = path.read_text()
    one, two = keys.read_text().splitlines()
    for change, sentence in [
            (lambda text: text.replace('\\"allow\\"', '\\"deny\\"'), "was altered"),
            (lambda text: text.replace("billing", "Billing"), "was altered"),
            (lambda text: text.replace(journal.ids[0], journal.ids[1], 1), "is not about"),
            (lambda text: re.sub(r'"path":\["[^"]*"', '"path":["' + "A" * 43 + '="', text, count=1), "not in the journal"),
            (lambda text: text.replace("time 2", "time 3"), "none of the given keys signed"),
            (lambda text: text[:-20], "this is not a proof"),
            (lambda text: "", "this is not a proof")]:
        path.write_text(change(whole))
        assert sentence in audit("verify-proof", path, "--keys", keys, code=1)
        told = json.loads(audit("verify-proof", path, "--keys", keys, "--format", "json", code=1))
        assert not told["proven"] and sentence in told["reason"]
    path.write_text(whole.replace(journal.ids[0], "\\u001b[2J\\u202e\\u061c", 1))
    for form in "text", "json":
        said = audit("verify-proof", path, "--keys", keys, "--format", form, code=1)
        assert "is not about" in said and not set("\x1b\u202e\u061c") & set(said)
    path.write_text(whole)
    keys.write_text(two)
    assert "none of the given keys" in audit("verify-proof", path, "--keys", keys, code=1)
    keys.write_text(f"{one} 2100-01-01T00:00:00Z")
    assert "outside the time" in audit("verify-proof", path, "--keys", keys, code=1)
    assert "whose signature?" in audit("verify-proof", path, code=2)


def test_what_is_not_there_or_not_signed_yet_is_not_proven(gateway):
    audit("prove", "01935d8e-7a10-7cc3-98c4-dc0c0c07398f", "--directory", gateway.audit, code=1)
    assert "is not a decision's id" in audit("prove", "../../etc", "--directory", gateway.audit, code=2)
    decision = gateway.post(seed_campaign()).header("x-decision-id")
    wait_for(lambda: subprocess.run([BINARY, "audit", "prove", decision, "--directory", gateway.audit],
                                    capture_output=True).returncode == 0, "a checkpoint")


# ---- keys ----

def test_a_key_is_made_shown_and_pinned(tmp_path):
    path, keys = tmp_path / "signing.key", tmp_path / "keys"
    keys.write_text(audit("key", "make", path))
    assert path.stat().st_mode & 0o777 == 0o600
    line, = keys.read_text().splitlines()
    assert audit("key", "show", path) == line + "\n"
    public = base64.b64decode(line.split()[1])
    der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"],
                         capture_output=True, check=True).stdout
    assert der.endswith(public)
    pem = subprocess.run(["openssl", "pkey", "-in", path, "-pubout"], capture_output=True, text=True, check=True).stdout
    assert audit("key", "show", path, "--format", "pem") == pem
    assert "exists already" in audit("key", "make", path, code=2)
    shown = audit("key", "show", path, "--origin", "campaign-gateway/a/b")
    assert re.search(r"^# campaign-gateway/a/b\+[0-9a-f]{8}\+A[\w+/]+=*$", shown, re.M)
    assert "cannot be a journal's name" in audit("key", "show", path, "--origin", "a b", code=2)


def test_a_key_that_everybody_may_read_is_refused(tmp_path, make_gateway):
    path = tmp_path / "signing.key"
    audit("key", "make", path)
    path.chmod(0o644)
    assert "chmod 600" in audit("key", "show", path, code=2)
    assert "chmod 600" in audit("key", "rotate", path, code=2)


def test_a_pem_of_openssl_checks_a_proof(journal, tmp_path):
    pem, proof = tmp_path / "key.pem", tmp_path / "proof.json"
    pem.write_text(audit("key", "show", journal.audit / "signing.key", "--format", "pem"))
    audit("prove", journal.ids[2], "--directory", journal.audit, "-o", proof)
    assert "proven: 2 records" in audit("verify-proof", proof, "--key", pem)
    audit("prove", journal.ids[0], "--directory", journal.audit, "-o", proof)
    assert "none of the given keys" in audit("verify-proof", proof, "--key", pem, code=1)


def test_rotation_says_what_is_next_in_lines_that_pin(journal, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(audit("key", "rotate", journal.audit / "signing.key"))
    assert "start the gateway anew" in keys.read_text()
    journal.start()
    journal.stop()
    *_, newest = verify(journal.audit)["keys"]
    assert keys.read_text().startswith(f"ed25519 {newest['ed25519']} 20")
    assert "is not among the pinned ones" in verify(journal.audit, "--keys", keys, code=1)["broken"]


def examples(*verb):
    page = re.sub(r"\\\n *", "", audit(*verb, "--help"))
    return re.findall(r"^  campaign-gateway audit (.*)$", page.split("\nexample")[1], re.M)


def test_the_examples_in_the_help_work(journal, monkeypatch):
    directory = journal.config.parent
    monkeypatch.chdir(directory)
    shutil.copytree(journal.audit, "copy")
    pin(journal, directory)
    shown = [each for verb in (["verify"], ["prove"], ["verify-proof"], ["key", "show"], ["key", "rotate"])
             for each in examples(*verb)] + examples("key", "make") + examples("key")
    assert len(shown) == 10
    for command in shown:
        if command.startswith("key make"):
            (directory / "signing.key").unlink(missing_ok=True)
        elif command.startswith("key") and not (directory / "signing.key").exists():
            shutil.copy(journal.audit / "signing.key", "signing.key")
        command = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", journal.ids[0], command)
        subprocess.run(f"{BINARY} audit {command}", shell=True, check=True, capture_output=True)


def test_unknown_verbs_are_told():
    assert "unknown verb 'x'" in audit("key", "x", code=2)

"""What was answered is on the disk, whatever happens to the gateway or to the disk."""
import json
import random
import re
import shutil
import subprocess
import threading
import time
import urllib.error
from collections import Counter

import pytest

import journal_checker
from disks import Disks, EXT4_SHUTDOWN, Faults, build_faults
from harness import ADMIN, BINARY, Gateway, request, seed_campaign, wait_for
from kore import Answer

pytestmark = pytest.mark.mounts


@pytest.fixture
def disks(tmp_path):
    disks = Disks(tmp_path)
    yield disks
    disks.umount()


@pytest.fixture(scope="session")
def faults_library(tmp_path_factory):
    return build_faults(tmp_path_factory.mktemp("faulty_disk"))


@pytest.fixture
def faults(tmp_path, faults_library):
    return Faults(tmp_path, faults_library)


def run_on(make_gateway, directory, settings="", **options):
    """A gateway whose journal is there; `settings` are further ones of `audit`."""
    gateway = make_gateway(audit=f"{directory}{', ' if settings else ''}{settings}", extra=ADMIN, **options)
    gateway.audit = directory
    return gateway


# ---- load ----

def letters(number):
    """A name without digits, which might be taken for a phone number."""
    text = ""
    while number or not text:
        number, rest = divmod(number, 26)
        text = chr(ord("a") + rest) + text
    return text


class Campaigns:
    """Each has a name of its own."""
    made = 0
    lock = threading.Lock()

    @classmethod
    def next(cls):
        with cls.lock:
            cls.made += 1
            return dict(seed_campaign(), name=f"Campaign {letters(cls.made)}")


class Answered:
    def __init__(self, name, response, seconds):
        self.name, self.status, self.seconds = name, response.status, seconds
        self.id = response.header("x-decision-id")
        self.response = response


class Load:
    """Clients that create campaigns, one after the other, until the connection ends or stop()."""

    def __init__(self, gateway, clients=4, pause=0.0):
        self.gateway, self.pause, self.answered, self.stopping = gateway, pause, [], threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        try:
            with self.gateway.client() as client:
                while not self.stopping.is_set():
                    campaign, begun = Campaigns.next(), time.monotonic()
                    client.send(request(campaign))
                    response = client.read()
                    self.answered.append(Answered(campaign["name"], response, time.monotonic() - begun))
                    self.stopping.wait(self.pause)
        except (OSError, EOFError):
            pass    # killed, or closed by us

    def wait_for_more(self, count, status=None):
        """Until so many more were answered; all since then."""
        start = len(self.answered)

        def more():
            found = [each for each in self.answered[start:] if status in (None, each.status)]
            return found if len(found) >= count else None
        return wait_for(more, f"{count} more answers")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        return self.answered


def create(gateway):
    campaign, begun = Campaigns.next(), time.monotonic()
    return Answered(campaign["name"], gateway.post(campaign), time.monotonic() - begun)


# ---- what must hold ----

def reached(kore):
    """How often each campaign reached the upstream."""
    with kore.lock:
        return Counter(json.loads(seen.body)["name"] for seen in kore.requests)


def check_all(directories, kore, answered):
    """Everything answered is recorded as it was answered; nothing reached the upstream unrecorded or
    twice; the whole journal verifies."""
    report = journal_checker.verify(directories)
    story = report.story
    by_name = {story.name_of(id): id for id in story.decisions}
    assert len(by_name) == len(story.decisions), "two decisions about one campaign"
    for each in answered:
        if each.status == 200:
            assert by_name.get(each.name) == each.id, f"{each.name} was answered and is not recorded"
            assert [outcome["created"] for outcome in story.outcomes[each.id]] == ["yes"]
    seen = reached(kore)
    assert set(seen.values()) <= {1}, "a campaign reached the upstream twice"
    for name in seen:
        assert story.decisions[by_name[name]]["verdict"] == "allow"
        assert by_name[name] not in story.retracted(), f"{name} was taken back, and forwarded all the same"
    return report


def is_refused(answer):
    """As an audit journal that cannot be written has it."""
    return answer.status == 503 and answer.response.header("retry-after") and \
        answer.response.json()["created"] == "no"


def check_probes(gateway, check="journal"):
    """It lives, and this alone is why it is not ready."""
    assert gateway.admin("/livez") == "ok\n" and gateway.admin(f"/readyz?exclude={check}") == "ok\n"
    with pytest.raises(urllib.error.HTTPError, match="503"):
        gateway.admin("/readyz")


# ---- kill -9 ----

def kill_rounds(make_gateway, kore, audit, rounds):
    chance = random.Random(4711)
    kore.default = Answer(delay=0.002)
    answered = []
    gateway = run_on(make_gateway, audit, "segment_size: 256KiB")
    for _ in range(rounds):
        load = Load(gateway)
        load.wait_for_more(chance.randint(1, 25))
        time.sleep(chance.random() * 0.005)    # anywhere within a request
        gateway.kill()
        answered += load.stop()
        gateway.start()
        story = journal_checker.verify([gateway.audit]).story
        assert gateway.metric("audit_open_intents") == len(story.open_at_start[-1])
    gateway.stop()
    report = check_all([gateway.audit], kore, answered)
    assert len(report.story.open_at_start) == rounds + 1
    assert {each.status for each in answered} == {200} and len(answered) > 5 * rounds
    assert report.story.open, "no round has killed a request under way"
    assert len(journal_checker.segments([gateway.audit])) > 1
    return report


def test_kill_9_under_load_loses_nothing_that_was_answered(make_gateway, kore, tmp_path):
    kill_rounds(make_gateway, kore, tmp_path / "audit", 50)


@pytest.mark.concurrency
def test_kill_9_under_load_for_a_few_rounds(make_gateway, kore, tmp_path):
    kill_rounds(make_gateway, kore, tmp_path / "audit", 8)


# ---- power cuts ----

class Cut:
    """What a power cut at this moment would have left."""

    def __init__(self, kore, load, image, file):
        self.answered = list(load.answered)    # first: the file may hold more, never less
        self.reached = set(reached(kore))
        self.file = file
        shutil.copyfile(image.file, file)


def cut_under_load(gateway, kore, disks, outer, inner, cuts):
    """Everything that the inner file system has sent to its device is in the copy, and nothing that it
    still holds in memory; meanwhile its device does not move, as the outer one is frozen."""
    load, taken = Load(gateway), []
    for number in range(cuts):
        load.wait_for_more(15)
        with outer.frozen():
            taken.append(Cut(kore, load, inner, disks.directory / f"cut-{number}.img"))
    answered = load.stop()
    return taken, answered


def recover(make_gateway, disks, kore, cut):
    """Mounts the copy, lets a gateway start on it, and reads what is there."""
    disk = disks.image(f"after-{cut.file.stem}", cut.file)
    gateway = run_on(make_gateway, disk.path / "audit")
    gateway.stop()
    report = journal_checker.verify([gateway.audit])
    disks.mounted.remove(disk)
    disk.umount()
    cut.file.unlink()
    return report


def names_in(report):
    return {report.story.name_of(id) for id in report.story.decisions}


def test_a_power_cut_loses_nothing_that_was_answered(disks, make_gateway, kore):
    outer = disks.image("outer", mebibytes=64)
    inner = disks.image("inner", outer.path / "inner.img")
    gateway = run_on(make_gateway, inner.path / "audit", "segment_size: 64KiB")
    cuts, answered = cut_under_load(gateway, kore, disks, outer, inner, 12)
    gateway.stop()
    check_all([gateway.audit], kore, answered)
    for cut in cuts:
        report = recover(make_gateway, disks, kore, cut)
        created = {id for id, outcomes in report.story.outcomes.items() if outcomes[-1]["created"] == "yes"}
        assert {each.id for each in cut.answered} <= created
        assert cut.reached <= names_in(report)
    assert len(journal_checker.segments([gateway.audit])) > 3


def test_a_power_cut_shows_a_disk_that_lies(disks, make_gateway, kore, faults):
    """The test before this one would notice a gateway that does not sync."""
    outer = disks.image("outer", mebibytes=64)
    inner = disks.image("inner", outer.path / "inner.img")
    gateway = run_on(make_gateway, inner.path / "audit", environment=faults.environment)
    faults.set(f"fdatasync lie {inner.path}", f"fsync lie {inner.path}")
    (cut,), _ = cut_under_load(gateway, kore, disks, outer, inner, 1)
    faults.clear()
    gateway.stop()
    report = recover(make_gateway, disks, kore, cut)
    assert not {each.id for each in cut.answered} <= set(report.story.outcomes)


# ---- full disks ----

def check_refusals(kore, answered):
    """Who was refused was not forwarded; at most those whose outcome found no room were, and who asked
    for them is not invited to try again."""
    seen = reached(kore)
    for each in answered:
        if each.status == 200:
            continue
        body = each.response.json()
        assert each.status == 503 and body["errors"][0]["code"] == "audit-unavailable"
        assert (body["created"] == "no") == bool(each.response.header("retry-after"))
        assert (body["created"] == "no") == (each.name not in seen)


def check_full_disk(gateway, kore, disk, directories):
    disk.fill(leave=120000)
    load = Load(gateway, pause=0.002)
    load.wait_for_more(20, status=503)
    check_probes(gateway)
    for event in ("journal-failing", "journal-space-low"):
        wait_for(lambda event=event: gateway.events(event), "the log to tell")
    assert gateway.metric("audit_failing") == 1 and gateway.metric("audit_space_is_low") == 1
    assert "No space left on device" in json.loads(gateway.admin("/status"))["audit"]["error"]
    disk.drain()
    wait_for(lambda: load.wait_for_more(20)[-1].status == 200, "answers again")
    load.wait_for_more(20, status=200)
    wait_for(lambda: gateway.events("journal-space-ample"), "the log to tell that there is room")
    answered = load.stop()
    assert gateway.metric("audit_failing") == 0
    assert gateway.metric("audit_open_intents") == len(journal_checker.verify(directories).story.open)
    gateway.stop()
    check_refusals(kore, answered)
    check_all(directories, kore, answered)
    assert "No space left on device" in gateway.events("journal-failing")[0]["error"]
    assert gateway.events("journal-mended")


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_disk_refuses_loses_nothing_and_recovers(disks, make_gateway, kore, kind):
    disk = disks.tmpfs("disk", "8m") if kind == "tmpfs" else disks.image("disk", mebibytes=16)
    gateway = run_on(make_gateway, disk.path / "audit", "segment_size: 512KiB")
    assert create(gateway).status == 200
    check_full_disk(gateway, kore, disk, [gateway.audit])


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_disk_that_is_full_when_a_segment_ends(disks, make_gateway, kore, kind):
    disk = disks.tmpfs("disk", "8m") if kind == "tmpfs" else disks.image("disk", mebibytes=16)
    gateway = run_on(make_gateway, disk.path / "audit", "segment_size: 8KiB")
    assert create(gateway).status == 200
    check_full_disk(gateway, kore, disk, [gateway.audit])
    assert len(journal_checker.segments([gateway.audit])) > 10


def test_a_second_disk_takes_over_from_a_full_one_and_gives_back(disks, make_gateway, kore):
    first, second = disks.image("first"), disks.image("second")
    gateway = run_on(make_gateway, first.path / "audit",
                     f"second_directory: {second.path / 'audit'}, segment_size: 32KiB")
    first.fill(leave=60000)
    load = Load(gateway)
    wait_for(lambda: len(load.answered) > 100, "the second disk to take over")

    def is_well_there():  # for a moment it is not, whenever the first disk is tried again
        status = json.loads(gateway.admin("/status"))["audit"]
        return status["directory"] == str(second.path / "audit") and not status["failing"]

    wait_for(is_well_there, "the second disk to do the work")
    assert list((second.path / "audit").glob("*.jsonl"))
    first.drain()
    wait_for(lambda: gateway.events("journal-moved")[-1]["directory"] == str(gateway.audit),
             "the first disk to be used again")  # it may have been before, for the little that it still took
    load.wait_for_more(20)
    answered = load.stop()
    gateway.stop()
    assert {each.status for each in answered} == {200}
    assert gateway.events("journal-moved")[-1]["directory"] == str(gateway.audit)
    check_all([gateway.audit, second.path / "audit"], kore, answered)
    gateway.start()
    gateway.stop()
    check_all([gateway.audit, second.path / "audit"], kore, answered)


# ---- disks that fail ----

FAILURES = {
    "sync": ["fdatasync EIO"], "write": ["pwrite EIO"], "torn-write": ["pwrite tear"],
    "read-only": ["create EROFS", "pwrite EROFS", "ftruncate EROFS", "unlinkat EROFS", "mkdirat EROFS", "fsync EROFS",
                  "fdatasync EROFS"],
    "everything": ["any EIO"],
    "sync-and-no-way-back": ["fdatasync EIO", "ftruncate EIO", "unlinkat EIO"],
    "names": ["pwrite EIO", "fsync EIO"],
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_disk_refuses_loses_nothing_and_recovers(make_gateway, kore, faults, tmp_path, failure):
    gateway = run_on(make_gateway, tmp_path / "audit", environment=faults.environment)
    load = Load(gateway, pause=0.002)
    load.wait_for_more(20, status=200)
    faults.set(*(f"{each} {gateway.audit}" for each in FAILURES[failure]))
    load.wait_for_more(20, status=503)
    seen = set(reached(kore))
    load.wait_for_more(20, status=503)
    assert set(reached(kore)) == seen, "something was forwarded though nothing could be recorded"
    check_probes(gateway)
    faults.clear()
    load.wait_for_more(20, status=200)
    answered = load.stop()
    gateway.stop()
    check_refusals(kore, answered)
    check_all([gateway.audit], kore, answered)
    expected = "Read-only file system" if failure == "read-only" else "Input/output error"
    assert expected in gateway.events("journal-failing")[0]["error"]
    gateway.start()
    assert gateway.events("journal-torn") == [] or failure.startswith("sync-and")
    assert create(gateway).status == 200
    gateway.stop()
    check_all([gateway.audit], kore, answered)


def has_moved(gateway, directory):
    return [event for event in gateway.events("journal-moved") if event["directory"] == str(directory)]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_second_disk_takes_over_from_a_failing_one(make_gateway, kore, faults, tmp_path, failure):
    second = tmp_path / "second"
    gateway = run_on(make_gateway, tmp_path / "first", f"second_directory: {second}, segment_size: 32KiB",
                     environment=faults.environment)
    load = Load(gateway)
    load.wait_for_more(20)
    faults.set(*(f"{each} {gateway.audit}" for each in FAILURES[failure]))
    wait_for(lambda: has_moved(gateway, second), "the second disk to take over")
    load.wait_for_more(20)
    faults.clear()
    wait_for(lambda: has_moved(gateway, gateway.audit), "the first disk to be used again")
    load.wait_for_more(20)
    answered = load.stop()
    assert {each.status for each in answered} == {200}
    gateway.stop()
    check_all([gateway.audit, second], kore, answered)


def test_what_a_failed_write_left_on_the_first_disk_is_set_aside(make_gateway, kore, faults, tmp_path):
    second = tmp_path / "second"
    gateway = run_on(make_gateway, tmp_path / "first", f"second_directory: {second}", environment=faults.environment)
    load = Load(gateway)
    load.wait_for_more(20)
    faults.set(*(f"{each} {gateway.audit}" for each in FAILURES["sync-and-no-way-back"]))
    wait_for(lambda: has_moved(gateway, second), "the second disk to take over")
    load.wait_for_more(20)
    gateway.kill()
    answered = load.stop()
    last = journal_checker.segments([second])[-1][1].name
    assert (gateway.audit / last).exists(), "two segments have one name"
    check_all([gateway.audit, second], kore, answered)
    faults.clear()
    gateway.start()
    assert not (gateway.audit / last).exists()
    assert gateway.events("journal-torn")[0]["kept_in"] == str(gateway.audit / f"{last}.torn-1")
    answered.append(create(gateway))
    gateway.stop()
    check_all([gateway.audit, second], kore, answered)
    assert {each.status for each in answered} == {200}


def test_short_writes_are_completed(make_gateway, kore, faults, tmp_path):
    gateway = run_on(make_gateway, tmp_path / "audit", environment=faults.environment)
    faults.set(f"pwrite short {gateway.audit}")
    load = Load(gateway)
    load.wait_for_more(50)
    answered = load.stop()
    gateway.stop()
    assert {each.status for each in answered} == {200}
    check_all([gateway.audit], kore, answered)


def test_a_thin_volume_whose_pool_is_full(disks, make_gateway, kore):
    """The file system has room, its device has not: the kernel itself answers EIO, late, and then the
    file system is read-only until it is mounted anew."""
    pool = disks.tmpfs("pool", "16m")
    volume = disks.image("volume", pool.path / "volume.img", mebibytes=64)
    gateway = run_on(make_gateway, volume.path / "audit", "segment_size: 256KiB")
    assert create(gateway).status == 200
    pool.fill(leave=0)
    load = Load(gateway, pause=0.002)
    load.wait_for_more(10, status=503)
    check_probes(gateway)
    answered = load.stop()
    check_refusals(kore, answered)
    gateway.stop()
    assert gateway.events("shutdown-unrecorded")
    assert re.search("Input/output error|Read-only file system", gateway.events("journal-failing")[0]["error"])
    volume.umount()
    pool.drain()
    volume.mount()
    gateway.start()
    assert create(gateway).status == 200
    gateway.stop()
    check_all([gateway.audit], kore, answered)


def test_a_device_that_is_pulled_out(disks, make_gateway, kore):
    """Its file system is gone at once; the second one takes over, and nothing is lost."""
    first, second = disks.image("first"), disks.image("second")
    gateway = run_on(make_gateway, first.path / "audit", f"second_directory: {second.path / 'audit'}")
    load = Load(gateway)
    load.wait_for_more(20)
    first.control(EXT4_SHUTDOWN, 0)
    wait_for(lambda: has_moved(gateway, second.path / "audit"), "the second disk to take over")
    load.wait_for_more(50)
    answered = load.stop()
    assert {each.status for each in answered} == {200}
    gateway.kill()
    first.umount()
    first.mount()    # plugged in again
    gateway.start()
    answered.append(create(gateway))
    gateway.stop()
    check_all([gateway.audit, second.path / "audit"], kore, answered)


# ---- disks that hang ----

HANGS = {"sync": "fdatasync hang {}", "write": "pwrite hang {}/0", "new-file": "create hang {}/0",
         "directory": "fsync hang {}", "mark": "pwrite hang {}/durable"}


def all_at_once(gateway, count):
    """Answers to campaigns that are sent at the same time."""
    answered = []
    threads = [threading.Thread(target=lambda: answered.append(create(gateway))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answered


def check_hang(gateway, kore, hang, thaw):
    """Refuses in about a second, then at once; recovers; takes back what landed after all."""
    assert create(gateway).status == 200
    before = set(reached(kore))
    hang()
    first = all_at_once(gateway, 4)
    assert all(is_refused(each) for each in first)
    assert 0.9 < max(each.seconds for each in first) < 2.5
    later = all_at_once(gateway, 4)
    assert all(is_refused(each) for each in later)
    assert max(each.seconds for each in later) < 0.9, "later ones wait, though the disk is known to hang"
    check_probes(gateway)
    assert gateway.metric("audit_failing") == 1
    assert "has not answered" in json.loads(gateway.admin("/status"))["audit"]["error"]
    thaw()
    answered = [wait_for(lambda: (lambda each: each.status == 200 and each)(create(gateway)), "answers again")]
    answered += all_at_once(gateway, 4)
    assert {each.status for each in answered} == {200} and gateway.metric("audit_failing") == 0
    assert before | {each.name for each in answered} == set(reached(kore))
    wait_for(lambda: not open_ones(gateway), "what landed late to be taken back")
    retracted = gateway.metric("audit_retracted_total")
    gateway.stop()
    report = check_all([gateway.audit], kore, answered)
    recorded = {each.id for each in first + later} & set(report.story.decisions)
    assert recorded == report.story.retracted() and len(recorded) == retracted
    assert recorded <= {each.id for each in first}
    return recorded


def open_ones(gateway):
    return journal_checker.verify([gateway.audit]).story.open


@pytest.mark.concurrency
@pytest.mark.parametrize("hang", HANGS)
def test_a_hanging_disk_refuses_in_time_and_recovers(make_gateway, kore, faults, tmp_path, hang):
    # small segments, so that the next record needs a new file where that is what hangs
    size = "4KiB" if hang in ("new-file", "directory") else "1MiB"
    gateway = run_on(make_gateway, tmp_path / "audit", f"write_timeout: 1s, segment_size: {size}",
                     environment=faults.environment)
    recorded = check_hang(gateway, kore, lambda: faults.set(HANGS[hang].format(gateway.audit)), faults.clear)
    assert recorded, "nothing landed late"


def test_a_frozen_file_system_refuses_in_time_and_recovers(disks, make_gateway, kore):
    disk = disks.image("disk")
    gateway = run_on(make_gateway, disk.path / "audit", "write_timeout: 1s")
    frozen = disk.frozen()
    check_hang(gateway, kore, frozen.__enter__, lambda: frozen.__exit__(None, None, None))


@pytest.mark.concurrency
@pytest.mark.parametrize("hang", HANGS)
def test_a_gateway_ends_though_its_disk_hangs(make_gateway, kore, faults, tmp_path, hang):
    gateway = run_on(make_gateway, tmp_path / "audit", "write_timeout: 1s, segment_size: 4KiB",
                     environment=faults.environment)
    load = Load(gateway)
    load.wait_for_more(20)
    faults.set(HANGS[hang].format(gateway.audit))
    wait_for(lambda: [each for each in load.answered if each.status == 503], "a refusal")
    gateway.stop()
    answered = load.stop()
    assert gateway.events("shutdown-unrecorded")
    faults.clear()
    gateway.start()
    answered.append(create(gateway))
    gateway.stop()
    check_refusals(kore, [each for each in answered if each.response.json().get("created")])
    check_all([gateway.audit], kore, answered)


# ---- passing for a while without a durable record ----

def degraded(gateway):
    return [record for record in gateway.journal() if record["kind"] == "degraded"]


def passing(make_gateway, faults, directory, requests, seconds, more=""):
    settings = f"on_audit_failure: allow_degraded, degraded_requests: {requests}, degraded_time: {seconds}s{more}"
    return run_on(make_gateway, directory, settings, environment=faults.environment)


def test_a_bounded_number_may_pass_and_is_recorded_afterwards(make_gateway, kore, faults, tmp_path):
    gateway = passing(make_gateway, faults, tmp_path / "audit", requests=3, seconds=60)
    good = create(gateway)
    assert good.status == 200 and good.response.header("x-audit") is None
    faults.set(f"any EIO {gateway.audit}")
    answered = [create(gateway) for _ in range(8)]
    passed = [each for each in answered if each.status == 200]
    assert len(passed) == 3 and answered[:3] == passed
    assert {each.response.header("x-audit") for each in passed} == {"degraded"}
    assert all(is_refused(each) and each.response.header("x-audit") is None for each in answered[3:])
    assert gateway.metric("audit_passed") == 3 and gateway.metric("audit_failing") == 1
    assert degraded(gateway) == [] and set(reached(kore)) == {each.name for each in [good, *passed]}
    faults.clear()
    wait_for(lambda: gateway.metric("audit_passed") == 0, "what passed to be recorded")
    last = create(gateway)
    assert last.status == 200 and last.response.header("x-audit") is None
    gateway.stop()
    report = check_all([gateway.audit], kore, [good, *passed, last])
    note, = degraded(gateway)
    following = report.records[note["seq"]:note["seq"] + note["records"]]
    assert note["records"] == 6 and note["since"] <= note["until"] <= note["time"]
    assert Counter(record["kind"] for record in following) == {"decision": 3, "outcome": 3}
    assert {record["id"] for record in following} == {each.id for each in passed}
    assert max(record["time"] for record in following) <= note["until"]
    assert not report.story.open


def test_passing_ends_after_its_time(make_gateway, kore, faults, tmp_path):
    gateway = passing(make_gateway, faults, tmp_path / "audit", requests=1000, seconds=1)
    faults.set(f"any EIO {gateway.audit}")
    assert create(gateway).status == 200
    begun = time.monotonic()
    wait_for(lambda: is_refused(create(gateway)), "the time to be over")
    assert time.monotonic() - begun > 0.8
    assert is_refused(create(gateway))
    faults.clear()
    wait_for(lambda: create(gateway).status == 200, "answers again")
    wait_for(lambda: gateway.metric("audit_passed") == 0, "what passed to be recorded")
    faults.set(f"any EIO {gateway.audit}")
    assert create(gateway).status == 200, "a new trouble has a time of its own"
    faults.clear()
    gateway.stop()
    report = check_all([gateway.audit], kore, [])
    assert len(degraded(gateway)) == 2 and not report.story.open


def test_what_is_refused_stays_refused_while_others_pass(make_gateway, kore, faults, tmp_path):
    gateway = passing(make_gateway, faults, tmp_path / "audit", requests=3, seconds=60)
    faults.set(f"any EIO {gateway.audit}")
    answers = [gateway.post(dict(seed_campaign(), priority="9")) for _ in range(5)]
    assert [answer.status for answer in answers] == [422, 422, 422, 503, 503]
    assert [answer.header("x-audit") for answer in answers] == 3 * ["degraded"] + [None, None]
    assert create(gateway).status == 200, "refusals take no allowed request's place"
    faults.clear()
    gateway.stop()
    assert [d["verdict"] for d in gateway.decisions()] == ["deny", "deny", "deny", "allow"]


def test_passing_while_the_disk_hangs(make_gateway, kore, faults, tmp_path):
    gateway = passing(make_gateway, faults, tmp_path / "audit", requests=100, seconds=60, more=", write_timeout: 1s")
    faults.set(f"fdatasync hang {gateway.audit}")
    first = all_at_once(gateway, 3)
    later = all_at_once(gateway, 3)
    assert {each.status for each in first + later} == {200}
    assert {each.response.header("x-audit") for each in first + later} == {"degraded"}
    assert max(each.seconds for each in later) < 0.9
    faults.clear()
    wait_for(lambda: gateway.metric("audit_passed") == 0, "what passed to be recorded")
    gateway.stop()
    report = check_all([gateway.audit], kore, first + later)
    assert degraded(gateway) and not report.story.retracted() and not report.story.open


def test_what_passed_and_was_never_written_is_told_at_the_end(make_gateway, kore, faults, tmp_path):
    gateway = passing(make_gateway, faults, tmp_path / "audit", requests=6, seconds=60)
    faults.set(f"any EIO {gateway.audit}")
    assert create(gateway).status == 200
    gateway.stop()
    lost, = gateway.events("shutdown-unrecorded")
    assert lost["level"] == "error" and lost["passed"] == 1 and "Input/output error" in lost["error"]


# ---- files that are taken away ----

def last_file(directory):
    return journal_checker.segments([directory])[-1][1]


def test_a_deleted_or_replaced_file_is_noticed_and_nothing_more_is_lost(make_gateway, kore, tmp_path):
    gateway = run_on(make_gateway, tmp_path / "audit")
    create(gateway)
    kept = tmp_path / "kept"
    kept.mkdir()
    last_file(gateway.audit).rename(kept / last_file(gateway.audit).name)
    answered = [create(gateway)]
    replaced = last_file(gateway.audit)
    replaced.rename(kept / replaced.name)
    replaced.write_bytes(b"")
    answered.append(create(gateway))
    assert replaced.read_bytes() == b"" and {each.status for each in answered} == {200}
    gateway.stop()
    replaced.unlink()    # with what was taken away, the journal is whole
    for file in kept.iterdir():
        file.rename(gateway.audit / file.name)
    check_all([gateway.audit], kore, answered)


def test_a_directory_that_is_moved_away_and_brought_back(make_gateway, kore, tmp_path):
    gateway = run_on(make_gateway, tmp_path / "audit")
    answered = [create(gateway)]
    gateway.audit.rename(tmp_path / "elsewhere")
    assert is_refused(create(gateway))
    gateway.audit.mkdir()
    assert is_refused(create(gateway)), "another directory is in its place"
    assert "was taken away" in json.loads(gateway.admin("/status"))["audit"]["error"]
    gateway.audit.rmdir()
    (tmp_path / "elsewhere").rename(gateway.audit)
    answered.append(create(gateway))
    assert [each.status for each in answered] == [200, 200]
    gateway.stop()
    check_all([gateway.audit], kore, answered)


def test_a_deleted_directory_refuses_until_the_gateway_starts_anew(make_gateway, kore, tmp_path):
    gateway = run_on(make_gateway, tmp_path / "audit")
    assert create(gateway).status == 200
    shutil.rmtree(gateway.audit)
    assert is_refused(create(gateway))
    check_probes(gateway)
    gateway.stop()
    gateway.start()
    assert create(gateway).status == 200
    gateway.stop()
    journal_checker.verify([gateway.audit])


# ---- many segments ----

def test_a_thousand_segments(disks, make_gateway, kore):
    disk = disks.tmpfs("disk", "128m")    # each segment waits for its disk twice
    gateway = run_on(make_gateway, disk.path / "audit", "segment_size: 4KiB")
    load = Load(gateway, clients=2)
    wait_for(lambda: len(list(gateway.audit.glob("*.jsonl"))) > 1000, "a thousand segments")
    answered = load.stop()
    gateway.stop()
    report = check_all([gateway.audit], kore, answered)
    files = [path for _, path in journal_checker.segments([gateway.audit])]
    assert len(files) > 1000 and report.checkpoints >= len(files)
    assert {path.stat().st_mode & 0o777 for path in files[:-1]} == {0o400}
    begun = time.monotonic()
    gateway.start()
    many = time.monotonic() - begun
    assert gateway.metric("audit_last_seq") > report.records[-1]["seq"]
    assert many < 3, "a start reads more than the last segment"
    gateway.stop()


def test_a_start_reads_the_last_segment_alone(make_gateway, kore, tmp_path):
    gateway = run_on(make_gateway, tmp_path / "audit", "segment_size: 4KiB")
    for _ in range(10):
        create(gateway)
    gateway.stop()
    files = [path for _, path in journal_checker.segments([gateway.audit])]
    for path in files[:-1]:
        path.rename(tmp_path / path.name)
    gateway.start()
    answered = [create(gateway)]
    gateway.stop()
    check = journal_checker.verify([gateway.audit])    # from its frontier on
    assert check.records[0]["seq"] > 1
    for path in files[:-1]:
        (tmp_path / path.name).rename(path)
    check_all([gateway.audit], kore, answered)


# ---- the central database's receipts ----

class Shipper:
    """Stands in for `audit ship`: confirms what is durable, unless it is paused. Reads the mark in one
    directory, where the receipt goes, too."""

    def __init__(self, directory, journal=None):
        self.directory, self.journal = directory, journal or [directory]
        self.paused, self.ended = threading.Event(), threading.Event()
        self.confirmed = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.wait(0.001):
            durable = self.durable()
            if durable > self.confirmed and not self.paused.is_set():
                self.confirm(durable)

    def durable(self):
        try:
            return int((self.directory / "durable").read_text())
        except (OSError, ValueError):
            return 0    # not yet

    def confirm(self, seq):
        digest = self.digest_of(seq)
        self.confirmed = seq    # first: whoever sees the receipt sees this
        with open(self.directory / "receipt", "r+b", buffering=0) as file:
            file.write(b"%020d %s %020d\n" % (seq, digest, seq))

    def digest_of(self, seq):
        path = [path for first, path in journal_checker.segments(self.journal) if first <= seq][-1]
        start = b'{"seq":%d,' % seq
        line, = [line for line in path.read_bytes().splitlines() if line.startswith(start)]
        return line[-64:]

    def stop(self):
        self.ended.set()
        self.thread.join()


@pytest.fixture
def central(make_gateway, tmp_path):
    """A gateway whose decisions wait for receipts, and who gives them."""
    shippers = []

    def start(settings="central_timeout: 1s"):
        gateway = run_on(make_gateway, tmp_path / "audit",
                         f'durability: central, central: "host=/nowhere", {settings}')
        shippers.append(Shipper(gateway.audit))
        return gateway, shippers[-1]
    yield start
    for shipper in shippers:
        shipper.stop()


def check_receipts(report, kore):
    """What reached the upstream had been confirmed by then."""
    seqs = {report.story.name_of(id): record["seq"] for id, record in report.story.decisions.items()}
    for seen in kore.requests:
        assert seqs[json.loads(seen.body)["name"]] <= seen.confirmed, "forwarded before its receipt"


def watch_receipts(kore, shipper):
    def answer(received):
        received.confirmed = shipper.confirmed
        return Answer()
    kore.default = answer


@pytest.mark.concurrency
def test_a_decision_waits_for_its_receipt(central, kore):
    gateway, shipper = central("central_timeout: 15s")
    watch_receipts(kore, shipper)
    shipper.paused.set()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(create(gateway)))
    thread.start()
    wait_for(lambda: gateway.decisions(), "the decision to be durable here")
    assert not answers and not reached(kore)
    refused = gateway.post(dict(seed_campaign(), priority="9"))
    assert refused.status == 422 and not answers, "a refusal waits for no receipt"
    shipper.paused.clear()
    thread.join()
    load = Load(gateway)
    load.wait_for_more(100)
    answers += load.stop()
    gateway.stop()
    assert {each.status for each in answers} == {200}
    check_receipts(check_all([gateway.audit], kore, answers), kore)


def test_an_outcome_waits_for_no_receipt(central, kore):
    gateway, shipper = central("central_timeout: 15s")

    def pause(_):
        shipper.paused.set()
        return Answer()
    kore.script.append(pause)
    answer = create(gateway)
    assert answer.status == 200 and answer.seconds < 10 and shipper.paused.is_set()


@pytest.mark.concurrency
def test_without_receipts_nothing_passes_and_what_is_recorded_is_taken_back(central, kore):
    gateway, shipper = central()
    watch_receipts(kore, shipper)
    answers = [create(gateway)]
    assert answers[0].status == 200
    shipper.paused.set()
    first = all_at_once(gateway, 4)
    assert all(is_refused(each) for each in first)
    assert 0.9 < max(each.seconds for each in first) < 2.5
    later = all_at_once(gateway, 4)
    assert all(is_refused(each) for each in later) and max(each.seconds for each in later) < 0.9
    check_probes(gateway, "central")
    assert gateway.metric("audit_unconfirmed") == 1 and gateway.metric("audit_failing") == 0
    status = json.loads(gateway.admin("/status"))["audit"]
    assert status["unconfirmed"] and "audit ship" in status["error"]
    assert status["receipt_seq"] == shipper.confirmed < status["last_seq"]
    shipper.paused.clear()
    answers.append(wait_for(lambda: (lambda each: each.status == 200 and each)(create(gateway)), "answers again"))
    wait_for(lambda: gateway.metric("audit_retracted_total") == 4, "what was recorded to be taken back")
    wait_for(lambda: not open_ones(gateway), "all to be taken back")
    gateway.stop()
    report = check_all([gateway.audit], kore, answers)
    check_receipts(report, kore)
    assert report.story.retracted() == {each.id for each in first}
    assert not {each.id for each in later} & set(report.story.decisions)
    assert gateway.events("journal-unconfirmed") and gateway.events("journal-confirmed")


def test_receipts_that_lie_are_not_believed(central, kore):
    """Torn, malformed, or of records that are not there."""
    gateway, shipper = central()
    assert create(gateway).status == 200
    shipper.stop()
    good = (gateway.audit / "receipt").read_bytes()
    for bad in (b"", good[:50], good[:60] + b"9" + good[61:], b"9" * 20 + good[20:], b"-1" + good[2:], b"x" * len(good),
                b"%020d" % 999 + good[20:-21] + b"%020d\n" % 999):
        (gateway.audit / "receipt").write_bytes(bad)
        assert is_refused(create(gateway))
    gateway.stop()
    check_all([gateway.audit], kore, [])


def test_without_receipts_a_few_may_pass(central, kore):
    gateway, shipper = central("central_timeout: 1s, on_audit_failure: allow_degraded, degraded_requests: 2")
    shipper.paused.set()
    answers = [create(gateway) for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 503]
    assert [each.response.header("x-audit") for each in answers] == ["degraded", "degraded", None]
    shipper.paused.clear()
    wait_for(lambda: gateway.metric("audit_passed") == 0, "what passed to be told")
    gateway.stop()
    check_all([gateway.audit], kore, answers)
    assert sum(record["records"] for record in degraded(gateway)) == 2


def test_receipts_come_though_the_first_disk_is_gone(make_gateway, kore, faults, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    gateway = run_on(make_gateway, first, f'second_directory: {second}, durability: central, central: "host=/nowhere"',
                     environment=faults.environment)
    shipper = Shipper(second, [first, second])
    load = Load(gateway)
    load.wait_for_more(20)
    faults.set(f"any EIO {first}")
    wait_for(lambda: has_moved(gateway, second), "the second disk to take over")
    load.wait_for_more(50)
    answered = load.stop()
    faults.clear()
    gateway.stop()
    shipper.stop()
    assert {each.status for each in answered} == {200}
    check_all([first, second], kore, answered)


def test_kill_9_while_receipts_come(central, kore):
    gateway, shipper = central("central_timeout: 10s, segment_size: 64KiB")
    watch_receipts(kore, shipper)
    chance, answers = random.Random(42), []
    for _ in range(8):
        load = Load(gateway)
        load.wait_for_more(chance.randint(5, 20))
        gateway.kill()
        answers += load.stop()
        gateway.start()
    gateway.stop()
    check_receipts(check_all([gateway.audit], kore, answers), kore)


# ---- damage ----

FLIPS = 60    # of some 100,000 bits; tests/unit/audit flips each


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.chmod(0o600)
    path.write_bytes(data)


def run_verb(*arguments):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def small_journal(make_gateway, tmp_path):
    gateway = run_on(make_gateway, tmp_path / "audit", "segment_size: 4KiB")
    for priority in "123493":
        gateway.post(dict(seed_campaign(), priority=priority))
    gateway.stop()
    return gateway


def damaged(journal, tmp_path, name, bit):
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(journal.audit, copy)
    flip(copy / name, bit)
    return copy


def test_flipped_bits_are_found(small_journal, tmp_path):
    files = [path for _, path in journal_checker.segments([small_journal.audit])]
    assert len(files) > 3 and run_verb("audit", "verify", "--directory", small_journal.audit)[0] == 0
    chance = random.Random(99)
    for _ in range(FLIPS):
        file = chance.choice(files)
        bit = chance.randrange(8 * file.stat().st_size)
        copy = damaged(small_journal, tmp_path, file.name, bit)
        code, said = run_verb("audit", "verify", "--directory", copy)
        assert code == 1, f"bit {bit} of {file.name}: {said}"
        with pytest.raises(journal_checker.Broken):
            journal_checker.verify([copy])


def start_on(journal, directory):
    """Whether a gateway starts there, and what it says."""
    other = Gateway(directory.parent, journal.certs, 1, audit=str(directory), start=False)
    other.stderr_path.unlink(missing_ok=True)
    try:
        other.start()
    except AssertionError:
        assert other.process.wait(20) == 2
        assert "Sanitizer" not in other.stderr() and "runtime error" not in other.stderr(), other.stderr()
        return False, other.stderr()
    other.stop()
    return True, other.stderr()


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.glob("*.jsonl*")}


def test_a_gateway_does_not_go_on_from_a_damaged_end(small_journal, tmp_path):
    last = last_file(small_journal.audit)
    chance = random.Random(7)
    for _ in range(20):
        copy = damaged(small_journal, tmp_path, last.name, chance.randrange(8 * last.stat().st_size))
        before = contents(copy)
        started, said = start_on(small_journal, copy)
        assert not started and "is damaged" in said
        assert contents(copy) == before, "what may be evidence was touched"


def test_a_damaged_mark_does_not_stop_or_mislead(small_journal, tmp_path):
    """Flipped bits of what is not the record itself: at worst the gateway asks a person."""
    bits = 8 * (small_journal.audit / "durable").stat().st_size
    for bit in range(0, bits, 11):
        copy = damaged(small_journal, tmp_path, "durable", bit)
        code, said = run_verb("audit", "verify", "--directory", copy)
        mark = (copy / "durable").read_bytes()[:20]
        reached = journal_checker.verify([copy]).records[-1]["seq"]
        promised = int(mark) if mark.isdigit() and int(mark) < 1 << 64 else 0    # otherwise it says nothing
        assert code == (1 if promised > reached else 0), f"{mark}: {said}"
        started, said = start_on(small_journal, copy)
        assert started == (promised <= reached), said


def test_a_damaged_key_is_refused_or_not_taken_for_another(small_journal, tmp_path):
    bits = 8 * (small_journal.audit / "signing.key").stat().st_size
    for bit in range(0, bits, 97):
        copy = damaged(small_journal, tmp_path, "signing.key", bit)
        assert run_verb("audit", "verify", "--directory", copy)[0] == 0, "the journal needs no key"
        before = contents(copy)
        started, said = start_on(small_journal, copy)
        assert started or ("signing.key" in said and contents(copy) == before), said
        journal_checker.verify([copy])


# ---- all of it at once ----

CALLS = ["any", "pwrite", "fdatasync", "fsync", "create", "ftruncate", "unlinkat", "fallocate"]
EFFECTS = ["EIO", "EIO", "ENOSPC", "EROFS", "tear", "short", "hang"]


def random_faults(chance, places):
    return [f"{chance.choice(CALLS)} {chance.choice(EFFECTS)} {chance.choice(places)}" for _ in range(chance.randint(1, 3))]


def random_troubles(make_gateway, kore, faults, directory, seed, rounds):
    chance = random.Random(seed)
    kore.default = Answer(delay=0.002)
    first, second = directory / "first", directory / "second"
    gateway = run_on(make_gateway, first, f"second_directory: {second}, segment_size: 16KiB, write_timeout: 500ms",
                     environment=faults.environment)
    answered = []
    for number in range(rounds):
        load = Load(gateway, pause=0.001)
        for _ in range(chance.randint(1, 3)):
            load.wait_for_more(chance.randint(1, 15))
            faults.set(*random_faults(chance, [first, second, f"{first}/0", f"{second}/0"]))
            load.wait_for_more(chance.randint(1, 15))
            if chance.random() < 0.5:
                faults.clear()
        killed = chance.random() < 0.7
        if killed:
            gateway.kill()
            answered += load.stop()
        else:
            answered += load.stop()
            gateway.stop()
        faults.clear()
        gateway.start()
        report = journal_checker.verify([first, second])
        assert gateway.metric("audit_open_intents") == len(report.story.open_at_start[-1]), f"round {number}"
    gateway.stop()
    check_all([first, second], kore, answered)
    assert {each.status for each in answered} == {200, 503}
    check_refusals(kore, [each for each in answered if each.status == 200 or each.response.json().get("created")])


@pytest.mark.concurrency
def test_random_troubles(make_gateway, kore, faults, tmp_path):
    random_troubles(make_gateway, kore, faults, tmp_path, seed=1, rounds=8)

"""Policies, certificates and callers change under the running gateway: nobody is dropped, nothing is half new."""
import hashlib
import os
import signal
import ssl
import threading
from pathlib import Path

import pytest

from authority import Authority
from harness import POLICY, request, seed_campaign, wait_for
from kore import Answer

URI = "spiffe://example.org/team/billing"
CALLERS = f'certificates:\n  - {{uri: "{URI}", team: billing}}\n'
STRICT = POLICY.replace("2026-11-23.1", "2026-11-24.1").replace("+919561612345", "+15550000000")


def hup(gateway, event="reloaded"):
    before = len(gateway.events(event))
    gateway.process.send_signal(signal.SIGHUP)
    return wait_for(lambda: gateway.events(event)[before:], event)[0]


def eventually(gateway, event, before):
    return wait_for(lambda: gateway.events(event)[before:], event)[0]


def post(client, headers=()):
    client.send(request(seed_campaign(), headers=headers))
    return client.read()


def policy_file(gateway):
    return gateway.directory / "policies/policy.yaml"


# ---- policies ----

@pytest.mark.concurrency
def test_requests_under_way_keep_the_policy_they_began_with(gateway, kore):
    kore.script.append(Answer(delay=0.7))
    with gateway.client() as first, gateway.client() as second:
        first.send(request(seed_campaign()))
        wait_for(lambda: kore.requests, "the request to arrive upstream")
        policy_file(gateway).write_text(STRICT)
        hup(gateway)
        refused = post(second)
        assert (refused.status, refused.json()["policy"]["revision"]) == (403, "2026-11-24.1")
        assert first.read().status == 200
        assert post(first).status == 403       # on the same connection, by the new one
    kinds = [(r["kind"], r["policy"]["revision"]) for r in gateway.journal() if r["kind"] in ("decision", "reloaded")]
    assert kinds == [("decision", "2026-11-23.1"), ("reloaded", "2026-11-24.1"),
                     ("decision", "2026-11-24.1"), ("decision", "2026-11-24.1")]


def write_in_place(path, text):
    path.write_text(text)


def rename_over(path, text):
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize("write", [write_in_place, rename_over])
def test_a_changed_file_is_noticed(gateway, write):
    write(policy_file(gateway), STRICT)
    event = eventually(gateway, "reloaded", 0)
    assert event["policy"] == "2026-11-24.1"
    assert gateway.post(seed_campaign()).status == 403


def generation(directory, name, files):
    """Writes a generation and swaps it in, as kubelet does with ConfigMaps and Secrets."""
    (directory / name).mkdir()
    for file, text in files.items():
        (directory / name / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    (directory / "..data_tmp").symlink_to(name)
    os.rename(directory / "..data_tmp", directory / "..data")
    for file in files:
        if not (directory / file).is_symlink():
            (directory / file).symlink_to(f"..data/{file}")


def test_a_config_map_is_swapped(make_gateway, tmp_path):
    mount = tmp_path / "mount"
    mount.mkdir()
    generation(mount, "..1", {"policy.yaml": POLICY})
    gateway = make_gateway(start=False)
    gateway.config.write_text(gateway.config.read_text().replace("[policies]", f"[{mount}]"))
    gateway.start()
    assert gateway.post(seed_campaign()).status == 200
    generation(mount, "..2", {"policy.yaml": STRICT})
    eventually(gateway, "reloaded", 0)
    assert gateway.post(seed_campaign()).status == 403


@pytest.mark.parametrize("text, expected", [
    (POLICY.replace("timezones:", "timezone:"), "policy.yaml:3:3: unknown rule 'timezone'"),
    (POLICY[:40], "policy.yaml:"), ("", "policy.yaml:"), ("teams: {sales: {}}\nrevision: x\n", "knows no team 'billing'"),
])
def test_a_wrong_policy_keeps_the_old_and_says_so(gateway, text, expected):
    policy_file(gateway).write_text(text)
    assert expected in eventually(gateway, "reload-failed", 0)["error"]
    assert gateway.post(seed_campaign()).status == 200
    policy_file(gateway).write_text(STRICT)
    eventually(gateway, "reloaded", 0)
    assert gateway.post(seed_campaign()).status == 403


def test_a_policy_that_vanishes_keeps_the_old(gateway):
    policy_file(gateway).unlink()
    assert "no .yaml file" in eventually(gateway, "reload-failed", 0)["error"]
    assert gateway.post(seed_campaign()).status == 200


def test_what_needs_a_restart_is_named(gateway):
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("workers: 2", "workers: 1").replace("drain_timeout: 15s", "drain_timeout: 14s"))
    hup(gateway)
    settings = gateway.events("restart-needed")[0]["settings"].split(", ")
    assert sorted(settings) == ["CAMPAIGN_GATEWAY_LIMITS_DRAIN_TIMEOUT", "CAMPAIGN_GATEWAY_WORKERS"]
    gateway.config.write_text(text.replace("workers: 2", "workers: two"))
    assert "gateway.yaml:2:10: 'two' is not" in hup(gateway, "reload-failed")["error"]
    assert gateway.post(seed_campaign()).status == 200


def poster(gateway, stop, results):
    try:
        with gateway.client() as client:
            while not stop.is_set():
                results.append((post(client).status, client.sock.session_reused))
    except (OSError, EOFError) as problem:
        results.append(problem)


@pytest.mark.concurrency
def test_many_reloads_under_load_drop_nobody(gateway, kore):
    stop, results = threading.Event(), []
    threads = [threading.Thread(target=poster, args=(gateway, stop, results)) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: results, "the first answer")
    fds = None
    for number in range(30):
        rename_over(policy_file(gateway), STRICT if number % 2 else POLICY)
        hup(gateway)
        count = len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))
        fds = fds or count
    stop.set()
    for thread in threads:
        thread.join()
    assert {result[0] if isinstance(result, tuple) else result for result in results} == {200, 403}
    assert count <= fds + 8        # upstream connections come and go
    gateway.stop()
    verdicts = {(d["verdict"], d["policy"]["revision"]) for d in gateway.decisions()}
    assert verdicts == {("allow", "2026-11-23.1"), ("deny", "2026-11-24.1")}


# ---- the gateway's certificates ----

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def names_of(gateway, authority, name):
    with gateway.client(name=name, context=ssl.create_default_context(cafile=authority.pem)) as client:
        return {value for _, value in client.sock.getpeercert()["subjectAltName"]}


def server_certificates(authority, directory, **names):
    directory.mkdir(exist_ok=True)
    for file, san in names.items():
        authority.issue(san=san, subject=f"/CN={file}", usage="serverAuth", path=directory / file)
    return directory


def test_the_certificate_is_chosen_by_name(make_gateway, authority, tmp_path):
    own = server_certificates(authority, tmp_path / "own", one="DNS:one.test", two="DNS:two.test,DNS:*.two.test",
                              three="DNS:*.three.test")
    more = ", more_certificates: [%s]" % ", ".join(f"{{certificate: {own}/{n}.pem, key: {own}/{n}.key}}" for n in ("two", "three"))
    gateway = make_gateway(start=False, tls=more)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace(f"{gateway.certs}/gateway.", f"{own}/one."))
    gateway.start()
    assert names_of(gateway, authority, "one.test") == {"one.test"}
    assert names_of(gateway, authority, "TWO.test") == {"two.test", "*.two.test"}
    assert names_of(gateway, authority, "a.two.test") == {"two.test", "*.two.test"}
    assert names_of(gateway, authority, "x.three.test") == {"*.three.test"}
    with pytest.raises(ssl.SSLError):      # the first one, which is not called so
        names_of(gateway, authority, "elsewhere.example")


def with_own_certificate(make_gateway, authority, tmp_path, san="DNS:localhost,DNS:first.test"):
    own = server_certificates(authority, tmp_path / "own", gateway=san)
    gateway = make_gateway(start=False)
    gateway.config.write_text(gateway.config.read_text().replace(f"{gateway.certs}/gateway.", f"{own}/gateway."))
    gateway.start()
    return gateway, own


@pytest.mark.concurrency
def test_a_new_certificate_is_for_new_connections(make_gateway, authority, tmp_path):
    gateway, own = with_own_certificate(make_gateway, authority, tmp_path)
    trust = ssl.create_default_context(cafile=authority.pem)
    with gateway.client(context=trust) as old:
        assert post(old).status == 200
        server_certificates(authority, own, gateway="DNS:localhost,DNS:second.test")
        wait_for(lambda: "second.test" in names_of(gateway, authority, "localhost"), "the new certificate")
        assert post(old).status == 200


@pytest.mark.concurrency
def test_a_secret_with_certificate_and_key_is_swapped_under_a_client(make_gateway, authority, tmp_path):
    mount = tmp_path / "secret"
    mount.mkdir()

    def pair(name):
        pem, key = authority.issue(san=f"DNS:localhost,DNS:{name}", usage="serverAuth")
        return {"tls.crt": pem.read_bytes(), "tls.key": key.read_bytes()}

    generation(mount, "..1", pair("first.test"))
    gateway = make_gateway(start=False)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace(f"{gateway.certs}/gateway.pem", f"{mount}/tls.crt")
                              .replace(f"{gateway.certs}/gateway.key", f"{mount}/tls.key"))
    gateway.start()
    with gateway.client(context=ssl.create_default_context(cafile=authority.pem)) as connected:
        assert post(connected).status == 200
        generation(mount, "..2", pair("second.test"))
        eventually(gateway, "reloaded", 0)
        assert "second.test" in names_of(gateway, authority, "localhost")
        assert post(connected).status == 200
    assert gateway.events("reload-failed") == []       # certificate and key came as one


def test_a_broken_certificate_keeps_the_old(make_gateway, authority, tmp_path):
    gateway, own = with_own_certificate(make_gateway, authority, tmp_path)
    key = (own / "gateway.key").read_bytes()
    for broken, expected in ((b"nonsense", "holds no unencrypted PEM private key"),
                             ((gateway.certs / "kore.key").read_bytes(), "does not belong to the certificate"),
                             (b"", "holds no unencrypted PEM private key")):
        before = len(gateway.events("reload-failed"))
        (own / "gateway.key").write_bytes(broken)
        assert expected in eventually(gateway, "reload-failed", before)["error"]
        assert "first.test" in names_of(gateway, authority, "localhost")
    (own / "gateway.key").write_bytes(key)
    eventually(gateway, "reloaded", 0)
    expired = authority.issue(san="DNS:localhost", usage="serverAuth", days="-1")
    before = len(gateway.events("reload-failed"))
    (own / "gateway.key").write_bytes(expired[1].read_bytes())
    (own / "gateway.pem").write_bytes(expired[0].read_bytes())
    wait_for(lambda: any("has expired" in e["error"] for e in gateway.events("reload-failed")[before:]), "the refusal")
    assert "first.test" in names_of(gateway, authority, "localhost")


# ---- sessions, and the clients' certificates ----

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Caller:
    """A client with a certificate that resumes its last session when it can."""

    def __init__(self, gateway, certificate=None, version=ssl.TLSVersion.TLSv1_3):
        self.gateway, self.session = gateway, None
        self.context = ssl.create_default_context(cafile=gateway.certs / "ca.pem")
        self.context.minimum_version = self.context.maximum_version = version
        if certificate:
            self.context.load_cert_chain(*certificate)

    def post(self):
        """(status, resumed) of one request on a connection of its own."""
        with self.gateway.client(context=self.context, session=self.session) as client:
            response = post(client)
            self.session = client.sock.session
            return response.status, client.sock.session_reused


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("workers", [1, 3])
def test_sessions_survive_reloads_and_know_no_worker(make_gateway, version, workers):
    gateway = make_gateway(workers=workers)
    caller = Caller(gateway, version=version)
    assert caller.post() == (200, False)
    for _ in range(4):
        hup(gateway)
        assert [caller.post() for _ in range(3)] == [(200, True)] * 3


@pytest.mark.parametrize("version", VERSIONS)
def test_tickets_are_sealed_with_new_keys_from_time_to_time(make_gateway, version):
    gateway = make_gateway(tls=", ticket_rotation: 1s")
    caller = Caller(gateway, version=version)
    assert caller.post() == (200, False)
    assert caller.post() == (200, True)
    first = caller.session
    wait_for(lambda: caller.post() == (200, False), "the session to be over")   # no longer than a rotation
    assert caller.post()[0] == 200
    caller.session = first
    assert caller.post() == (200, False)


@pytest.fixture
def central(make_gateway, tmp_path):
    """A central gateway whose client CA and CRL are files of the test's own."""
    authority = Authority(tmp_path / "authority")
    trust, crl = tmp_path / "trust", tmp_path / "crl"
    trust.mkdir(), crl.mkdir()
    (trust / "ca.pem").write_bytes(authority.pem.read_bytes())
    (crl / "ca.crl").write_bytes(authority.revoke().read_bytes())
    (tmp_path / "callers.yaml").write_text(CALLERS)
    gateway = make_gateway(team=None, extra=f"callers: {tmp_path}/callers.yaml",
                           tls=f", client_certificates: required, client_ca: {trust}/ca.pem, client_crl: {crl}/ca.crl")
    gateway.authority, gateway.trust, gateway.crl, gateway.callers = authority, trust / "ca.pem", crl / "ca.crl", tmp_path / "callers.yaml"
    return gateway


def refused_by_tls(caller):
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        caller.post()
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_a_revoked_client_is_out_whatever_it_resumes(central, version):
    certificate = central.authority.issue(san=f"URI:{URI}")
    caller = Caller(central, certificate, version)
    assert [caller.post() for _ in range(2)] == [(200, False), (200, True)]
    with central.client(context=caller.context) as connected:
        assert post(connected).status == 200
        central.crl.write_bytes(central.authority.revoke(certificate[0]).read_bytes())
        eventually(central, "reloaded", 0)
        assert refused_by_tls(caller)           # resuming
        caller.session = None
        assert refused_by_tls(caller)           # anew
        response = post(connected)              # and on the connection that was there
        assert (response.status, response.codes()) == (401, ["certificate-invalid"])
        assert "revoked" in response.json()["detail"] and connected.at_end()
    assert central.decisions()[-1]["code"] == "certificate-invalid"
    other = Caller(central, central.authority.issue(san=f"URI:{URI}"), version)
    assert [other.post() for _ in range(2)] == [(200, False), (200, True)]


@pytest.mark.parametrize("version", VERSIONS)
def test_another_ca_ends_the_old_ones_sessions(central, tmp_path, version):
    other = Authority(tmp_path / "other", "other CA")
    before = Caller(central, central.authority.issue(san=f"URI:{URI}"), version)
    after = Caller(central, other.issue(san=f"URI:{URI}"), version)
    assert [before.post() for _ in range(2)] == [(200, False), (200, True)]
    assert refused_by_tls(after)
    central.crl.write_bytes(central.authority.crl.read_bytes() + other.revoke().read_bytes())
    both = central.authority.pem.read_bytes() + other.pem.read_bytes()
    central.trust.write_bytes(both)
    wait_for(lambda: accepted(after), "both CAs to be trusted")
    with central.client(context=before.context) as connected:
        assert post(connected).status == 200
        before.session = None
        assert before.post()[0] == 200
        central.trust.write_bytes(other.pem.read_bytes())
        wait_for(lambda: post(connected).status == 401, "the old CA to be gone")
    assert refused_by_tls(before)
    assert after.post() == (200, False)         # under another trust, so it is verified again
    assert after.post() == (200, True)


def accepted(caller):
    try:
        return caller.post()[0] == 200
    except (OSError, EOFError):
        return False


def test_a_broken_ca_or_crl_keeps_the_old(central):
    caller = Caller(central, central.authority.issue(san=f"URI:{URI}"))
    for file, expected in ((central.trust, "holds no PEM certificates"), (central.crl, "holds no PEM CRL")):
        good, before = file.read_bytes(), len(central.events("reload-failed"))
        file.write_bytes(b"nonsense")
        assert expected in eventually(central, "reload-failed", before)["error"]
        caller.session = None
        assert caller.post()[0] == 200
        file.write_bytes(good)
        wait_for(lambda: len(central.events("reloaded")) > 0, "the good one")
        assert caller.post()[0] == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_client_below_an_intermediate_ca_outlives_other_peoples_reloads(make_gateway, tmp_path, version):
    root = Authority(tmp_path / "root", "root CA")
    below = root.intermediate(tmp_path / "below")
    pem, key = below.issue(san=f"URI:{URI}")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(pem.read_bytes() + below.pem.read_bytes())
    (tmp_path / "ca.pem").write_bytes(root.pem.read_bytes())
    (tmp_path / "callers.yaml").write_text(CALLERS)
    gateway = make_gateway(team=None, extra=f"callers: {tmp_path}/callers.yaml",
                           tls=f", client_certificates: required, client_ca: {tmp_path}/ca.pem")
    caller = Caller(gateway, (chain, key), version)
    assert [caller.post() for _ in range(2)] == [(200, False), (200, True)]
    with gateway.client(context=caller.context, session=caller.session) as resumed, \
            gateway.client(context=caller.context) as full:
        for client in (resumed, full):
            assert post(client).status == 200
        assert resumed.sock.session_reused and not full.sock.session_reused
        hup(gateway)                                    # the same CA: it would say the same again
        for client in (resumed, full):
            assert post(client).status == 200
        other = Authority(tmp_path / "other", "other CA")
        (tmp_path / "ca.pem").write_bytes(root.pem.read_bytes() + other.pem.read_bytes())
        wait_for(lambda: len(gateway.events("reloaded")) == 2, "one CA more")
        assert post(full).status == 200                 # its chain is still here to be verified
        assert resumed.at_end()                         # this one's is not: it is let go
    assert caller.post() == (200, False)


def test_an_upstream_is_not_kept_past_its_ca(make_gateway, tmp_path, kore):
    (tmp_path / "upstream-ca.pem").write_bytes((make_gateway.certs / "ca.pem").read_bytes())
    gateway = make_gateway(start=False, workers=1)
    gateway.config.write_text(gateway.config.read_text().replace(f"ca: {gateway.certs}/ca.pem", f"ca: {tmp_path}/upstream-ca.pem"))
    gateway.start()
    assert [gateway.post(seed_campaign()).status for _ in range(2)] == [200, 200]
    (tmp_path / "upstream-ca.pem").write_bytes(Authority(tmp_path / "other").pem.read_bytes())
    eventually(gateway, "reloaded", 0)
    response = wait_for(lambda: next((r for r in [gateway.post(seed_campaign())] if r.status != 200), None), "the new CA")
    assert (response.status, response.codes(), response.json()["created"]) == (502, ["connect"], "no")
    (tmp_path / "upstream-ca.pem").write_bytes((gateway.certs / "ca.pem").read_bytes())
    wait_for(lambda: gateway.post(seed_campaign()).status == 200, "the old CA again")


def test_a_caller_that_is_struck_out_is_out_at_once(central):
    certificate = central.authority.issue(san=f"URI:{URI}")
    with central.client(certificate=certificate) as client:
        assert post(client).status == 200
        central.callers.write_text("certificates: []\n")
        eventually(central, "reloaded", 0)
        response = post(client)
        assert (response.status, response.codes()) == (403, ["caller-without-team"])
    digests = [record["callers_digest"] for record in central.journal() if record["kind"] in ("started", "reloaded")]
    assert digests == [hashlib.sha256(text.encode()).hexdigest() for text in (CALLERS, "certificates: []\n")]


def test_a_certificate_that_is_required_by_now_is_missing_on_old_connections(make_gateway):
    gateway = make_gateway()
    authority = Authority(gateway.directory / "authority")    # where the sandbox lets it read
    with gateway.client() as client:
        assert post(client).status == 200
        text = gateway.config.read_text()
        gateway.config.write_text(text.replace("gateway.key}", f"gateway.key, client_certificates: required, client_ca: {authority.pem}}}"))
        eventually(gateway, "reloaded", 0)
        response = post(client)
        assert (response.status, response.codes()) == (401, ["certificate-invalid"])

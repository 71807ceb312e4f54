"""The README's first command, run as a newcomer would."""
import os
import re
import subprocess
from pathlib import Path

from harness import ROOT, release_to_oneself, wait_for


# Many machines name a proxy, which cannot reach this machine's own ports.
ENVIRONMENT = dict(os.environ, https_proxy="http://127.0.0.1:9")


def run_quickstart(*arguments):
    with release_to_oneself():
        done = subprocess.run([ROOT / "deploy/quickstart", *arguments], capture_output=True, text=True,
                              timeout=600, cwd="/", env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_quickstart_shows_the_main_job_twice():
    for _ in range(2):
        output = run_quickstart()
        assert "HTTP 200, x-campaign-gateway: allow" in output
        assert "HTTP 422, x-campaign-gateway: deny" in output
        assert "caller-id-not-allowed" in output and "field-missing" in output
        assert re.search(r"#\d+ \S+ decision: allow", output)
        assert re.search(r"#\d+ \S+ outcome: created, upstream said 200, cd-", output)
        assert re.search(r"#\d+ \S+ decision: deny 422, 7 violations", output)
        records, = re.findall(r"audit verify: 1 of 1 segment, (\d+) of \1 records, .* as they were written", output)
        assert int(records) >= 5


def test_quickstart_keeps_running_when_asked():
    output = run_quickstart("--keep")
    stop, pids, work = re.search(r"Stop it: +(kill ([\d ]+); rm -r (\S+))", output).groups()
    pids = [int(pid) for pid in pids.split()]
    try:
        command = re.search(r"  (curl .*?campaignType=sms')", output, re.S)[1]
        answer = subprocess.run(["bash", "-c", command + " -s"], capture_output=True, text=True,
                                timeout=30, env=ENVIRONMENT)
        assert '"status": "success"' in answer.stdout, answer.stderr
    finally:
        subprocess.run(["bash", "-c", stop], check=True, timeout=30)
    wait_for(lambda: not any(alive(pid) for pid in pids), "quickstart's processes to end")
    assert not Path(work).exists()

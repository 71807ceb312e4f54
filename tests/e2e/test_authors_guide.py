"""The walk through a policy in the author's guide ends where it says."""
import os

import pytest

from harness import BINARY, ROOT, Gateway, seed_campaign
from playbook import Play

PAGE = "policies/authors-guide.md"
OLDER_POLICY = """revision: 2026-11-01.1
organisation:
  timezones: [Asia/Kolkata, America/New_York, Europe/London]
teams:
  billing:
    caller_ids: ["+919561612345", "+919561612346"]
    templates: [Welcome]
  marketing:
"""


class Givens:
    def __init__(self, directory, certs, kore):
        self.directory, self.certs, self.kore = directory, certs, kore
        self.replacements = {}

    def __getitem__(self, words):
        return getattr(self, words.replace(" ", "_").replace(",", ""))

    def an_older_policy_is_in_force_and_campaigns_were_judged_by_it(self):
        directory = self.directory / "in-force"
        directory.mkdir()
        gateway = Gateway(directory, self.certs, self.kore.port, policy=OLDER_POLICY, workers=1)
        try:
            gateway.post(seed_campaign())
            campaign = seed_campaign()
            campaign["dialingStrategy"]["callingHours"]["days"][0]["day"] = "SU"
            assert gateway.post(campaign).status == 200
            campaign["dialingStrategy"]["callerId"]["phoneNumber"] = "+919999999999"
            self.refused = gateway.post(campaign).header("x-decision-id")
        finally:
            gateway.stop()

    def the_id_of_a_refused_campaign(self):
        self.replacements["01a22223"] = self.refused


@pytest.fixture
def desk(tmp_path):
    """The top of the repository, as the guide's reader sees it."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/packs").symlink_to(ROOT / "policies/packs")
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/campaign-gateway").symlink_to(BINARY)
    return tmp_path


def test_every_step_of_the_guide_works(desk, certs, kore):
    givens = Givens(desk, certs, kore)
    givens.replacements |= {"/etc/campaign-gateway": desk / "in-force"}
    play = Play(PAGE, desk, givens.replacements, givens, {"PATH": f"{desk}/bin:{os.environ['PATH']}"})
    assert play.run() > 12

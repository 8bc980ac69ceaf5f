"""A short campaign of kills and signals; `python -m tests.campaign` runs long ones."""

from itertools import islice

import pytest

from tests.campaign.__main__ import Campaign, moments
from tests.campaign.subjects import Subject, all_but
from tests.campaign.trial import KINDS
from tests.curate.synthesize.server import Server

SUBJECTS = [Subject(name, (), all_but(), has_workers=name == "b") for name in ("a", "b")]


def test_a_seed_gives_the_same_campaign_and_every_round_has_every_kind():
    first, again, other = (list(islice(moments(SUBJECTS, seed), 30)) for seed in (1, 1, 2))
    assert first == again and first != other
    pairs = {(subject.name, kind) for subject, kind, _, _ in first[:9]}
    assert pairs == {("a", kind) for kind in KINDS if kind != "kill worker"} | {("b", kind) for kind in KINDS}


@pytest.mark.slow
def test_every_command_that_is_struck_ends_after_a_rerun_as_if_nothing_had_been(tmp_path):
    with Server(tmp_path / "server", seconds=0.02) as server:
        campaign = Campaign(tmp_path, server)
        campaign.run(seed=1, n_trials=52)
    print(campaign.table())
    assert campaign.faults == []
    assert sum(counts["struck"] for counts in campaign.counts.values()) > 20

"""Tests of mix/laws/refusals.py: what every law of shares refuses."""

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.additive import ADDITIVE
from mix.laws.exponential import LOG_LINEAR, Exponential
from mix.laws.implicit_domains import ImplicitDomains
from mix.laws.log_offset import LOG_OFFSET
from mix.laws.log_shares import LogShares
from mix.laws.power_offset import POWER_OFFSET
from mix.laws.regmix import RegMix
from tests.mix.laws.evidence import evidence_at, two_sources

LAWS = (Exponential(), LOG_LINEAR, ImplicitDomains(), LogShares(), LOG_OFFSET, POWER_OFFSET, RegMix(), ADDITIVE)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_losses_and_shares_that_are_not_numbers_are_refused_with_their_count(law):
    shares, losses = two_sources(list(np.linspace(0, 1, 40))), np.linspace(2, 3, 40)
    unknown = losses.copy()
    unknown[[3, 7]] = np.nan, np.inf
    with pytest.raises(MixError, match=f"{law.name}: losses are not finite numbers in 2 rows; leave such rows out"):
        law.fit(evidence_at(shares, unknown))
    missing = shares.copy()
    missing[5, 0] = np.nan
    assert law.problem(evidence_at(missing, losses)) == "shares are not finite numbers in 1 row; leave such rows out"
    assert law.problem(evidence_at(shares[:0], losses[:0])) == "there are no runs with this loss"


@pytest.mark.parametrize("law", (Exponential(), LOG_LINEAR, LOG_OFFSET), ids=lambda law: law.name)
def test_realised_shares_of_one_mix_are_one_ratio(law):
    """Runs of the same mix differ by the rounding of one row."""
    shares = two_sources([0.1, 0.1003, 0.5, 0.5002, 0.4998])
    assert "there are 2" in str(law.problem(evidence_at(shares, np.arange(5.0), source=0)))

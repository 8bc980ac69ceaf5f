from dataclasses import replace

import numpy as np
import pytest

from mix.fit.critical import critical_facts
from mix.fit.show import show_critical
from mix.laws.bootstrap import resample
from mix.laws.d_cpt import DCPT
from mix.laws.exponential import Exponential
from tests.mix.fit.tables import rows_of

SHARES = np.linspace(0, 0.8, 9).tolist()
CRITICAL = np.log(0.4 / 0.05) / 3


def losses_at(shares):
    return 2.8 + 0.4 * np.exp(-3 * np.array(shares))


def domain_rows(base=2.85, source=0, shares=SHARES, noise=0.0, **numbers):
    losses = losses_at(shares) + np.random.default_rng(0).normal(0, noise, len(shares))
    rows = rows_of(shares, losses.tolist(), **numbers)
    return replace(rows, evidence=replace(rows.evidence, base=base, source=source))


def test_the_share_is_where_the_curve_meets_the_base_with_an_interval_around_it():
    rows = domain_rows(noise=0.001)
    fitted = Exponential().fit(rows.evidence)
    found = critical_facts(rows, fitted, resample(Exponential(), fitted, rows.evidence, 60, 0), 0.95)
    assert found.share == pytest.approx(CRITICAL, abs=0.02)
    assert found.low < found.share < found.high
    assert found.high - found.low < 0.1
    assert (found.source, found.smallest, found.largest, found.tokens) == ("a", 0.0, 0.8, None)


def test_a_base_that_no_share_or_every_share_reaches_is_told_apart():
    rows = domain_rows(base=2.8)
    fitted = Exponential().fit(rows.evidence)
    assert critical_facts(rows, fitted, [fitted], 0.95).share is None
    assert critical_facts(domain_rows(base=3.3), fitted, [fitted], 0.95).share == pytest.approx(0.0)


def test_resamples_that_stay_above_the_base_widen_the_interval_to_the_largest_share():
    rows = domain_rows()
    fitted = Exponential().fit(rows.evidence)
    above = Exponential().fit(rows.evidence.with_losses(rows.evidence.losses + 0.5))
    assert critical_facts(rows, fitted, [fitted, above], 0.95).high > 0.79


def test_size_and_tokens_are_those_of_the_largest_and_longest_run():
    shares = [*SHARES, *SHARES]
    rows = domain_rows(shares=shares, tokens=[1e9] * 9 + [4e9] * 9, parameters=[1e8] * 18)
    found = critical_facts(rows, DCPT().fit(rows.evidence), [], 0.95)
    assert (found.tokens, found.parameters, found.low) == (4e9, 1e8, None)
    assert found.share == pytest.approx(CRITICAL, abs=0.02)


def test_nothing_is_said_without_base_source_or_varying_shares():
    rows = domain_rows()
    fitted = Exponential().fit(rows.evidence)
    assert critical_facts(domain_rows(base=None), fitted, [], 0.95) is None
    assert critical_facts(domain_rows(source=None), fitted, [], 0.95) is None
    assert critical_facts(domain_rows(shares=[0.3] * 9), fitted, [], 0.95) is None


def test_one_line_is_printed_where_the_share_matters(capsys):
    rows = domain_rows(noise=0.001)
    fitted = Exponential().fit(rows.evidence)
    for base in (2.85, 2.7, 3.4):
        at = replace(rows, evidence=replace(rows.evidence, base=base))
        facts = critical_facts(at, fitted, [fitted], 0.95)
        show_critical("general", {"critical": facts.model_dump(), "base": base})
    lines = " ".join(capsys.readouterr().out.split())
    assert "critical share: from 0.69" in lines
    assert "no share of a from 0 to 0.8 keeps the loss of general at or below the base model's 2.7000" in lines
    assert "3.4" not in lines

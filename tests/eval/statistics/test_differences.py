import math

import numpy as np
import pytest

from eval.errors import EvalError
from eval.statistics.differences import ratio_difference, ratio_interval
from eval.statistics.interval import tolerance_verdict, verdict

LN2 = math.log(2)


def made_up(n_docs: int, gain: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Nats and bytes of two models: skewed lengths, documents of uneven difficulty, `gain` nats per byte on average."""
    n_bytes = np.ceil(random.lognormal(6, 0.8, n_docs))
    difficulty = 1 + 0.3 * random.standard_normal(n_docs)
    base = np.column_stack([difficulty * n_bytes, n_bytes])
    new = np.column_stack([(difficulty - gain + 0.1 * random.standard_normal(n_docs)) * n_bytes, n_bytes])
    return base, new


def slow_bits(scores: np.ndarray) -> float:
    return sum(nats for nats, _ in scores) / sum(n_bytes for _, n_bytes in scores) / LN2


def slow_error(base: np.ndarray, new: np.ndarray) -> float:
    """Standard error of the difference, by linearisation."""
    nats, n_bytes = new[:, 0] - base[:, 0], base[:, 1]
    residuals = nats - nats.sum() / n_bytes.sum() * n_bytes
    return math.sqrt(sum(residuals**2) * len(base) / (len(base) - 1)) / n_bytes.sum() / LN2


def test_the_estimate_is_the_difference_of_the_ratios_of_sums():
    base, new = made_up(40, 0.1, np.random.default_rng(0))
    found = ratio_difference(base, new, n_resamples=200, seed=1)
    assert found.estimate == pytest.approx(slow_bits(new) - slow_bits(base), rel=1e-12)
    assert ratio_interval(base, n_resamples=200, seed=1).estimate == pytest.approx(slow_bits(base), rel=1e-12)


def test_interval_and_standard_error_agree_with_a_slow_reading_of_the_bootstrap():
    random = np.random.default_rng(3)
    base, new = made_up(60, 0.1, random)
    estimate, slow = slow_bits(new) - slow_bits(base), []
    for _ in range(4000):
        drawn = random.integers(60, size=60)
        here = slow_bits(new[drawn]) - slow_bits(base[drawn])
        slow.append(abs(here - estimate) / slow_error(base[drawn], new[drawn]))
    found = ratio_difference(base, new, n_resamples=4000, seed=5)
    assert found.standard_error == pytest.approx(slow_error(base, new), rel=1e-12)
    assert (found.high - found.low) / 2 == pytest.approx(np.quantile(slow, 0.95) * found.standard_error, rel=0.08)


@pytest.mark.parametrize("n_docs", [8, 50])
def test_about_95_percent_of_intervals_hold_the_truth(n_docs):
    random = np.random.default_rng(11)
    gain, covered, n_trials = 0.05, 0, 600
    for trial in range(n_trials):
        found = ratio_difference(*made_up(n_docs, gain, random), n_resamples=400, seed=trial)
        covered += found.low <= -gain / LN2 <= found.high
    assert 0.90 <= covered / n_trials <= 0.98


def test_an_effect_of_the_minimum_detectable_size_is_found_about_80_percent_of_the_time():
    random = np.random.default_rng(12)
    effect = ratio_difference(*made_up(5000, 0.0, random), n_resamples=400, seed=0).minimum_detectable * math.sqrt(5000 / 60)
    found = [verdict(ratio_difference(*made_up(60, effect * LN2, random), n_resamples=400, seed=trial)) for trial in range(300)]
    assert 0.70 <= found.count("better") / 300 <= 0.90


def test_pairing_removes_what_both_models_share():
    base, new = made_up(100, 0.05, np.random.default_rng(4))
    alone = ratio_interval(new, n_resamples=500, seed=0)
    paired = ratio_difference(base, new, n_resamples=500, seed=0)
    assert paired.standard_error < alone.standard_error / 2


def test_the_seed_decides_everything():
    base, new = made_up(30, 0.1, np.random.default_rng(2))
    first, again, other = (ratio_difference(base, new, n_resamples=300, seed=seed) for seed in (1, 1, 2))
    assert first == again and first != other


def test_identical_models_differ_by_exactly_nothing():
    base, _ = made_up(30, 0.1, np.random.default_rng(2))
    found = ratio_difference(base, base.copy(), n_resamples=300, seed=0)
    assert (found.low, found.estimate, found.high, found.standard_error) == (0, 0, 0, 0)
    assert verdict(found) == "undetectable" and tolerance_verdict(found, 0.0) == "within"


def test_one_document_or_one_cluster_proves_nothing():
    base, new = made_up(5, 0.5, np.random.default_rng(2))
    for found in (
        ratio_difference(base[:1], new[:1], n_resamples=100, seed=0),
        ratio_difference(base, new, n_resamples=100, seed=0, clusters=np.zeros(5, int)),
    ):
        assert (found.low, found.high, found.minimum_detectable) == (-math.inf, math.inf, math.inf)
        assert verdict(found) == tolerance_verdict(found, 0.01) == "too few"


def test_documents_of_one_cluster_stand_or_fall_together():
    random = np.random.default_rng(6)
    base, new = made_up(40, 0.1, random)
    copies = [np.repeat(scores, 4, axis=0) for scores in (base, new)]
    clusters = np.repeat(np.array([f"site {number}" for number in range(40)]), 4)
    honest = ratio_difference(base, new, n_resamples=2000, seed=0)
    clustered = ratio_difference(*copies, n_resamples=2000, seed=0, clusters=clusters)
    assert clustered.estimate == pytest.approx(honest.estimate)
    assert clustered.standard_error == pytest.approx(honest.standard_error, rel=0.1)
    assert ratio_difference(*copies, n_resamples=2000, seed=0).standard_error < 0.7 * honest.standard_error


def test_a_hundred_thousand_documents_are_resampled_in_slices():
    base, new = made_up(100_000, 0.05, np.random.default_rng(8))
    found = ratio_difference(base, new, n_resamples=100, seed=0)
    assert found.low < -0.05 / LN2 < found.high


def test_nothing_to_compare_is_refused():
    base, new = made_up(5, 0.1, np.random.default_rng(0))
    with pytest.raises(EvalError, match="same documents for both models, got 5 and 4"):
        ratio_difference(base, new[:4], n_resamples=100, seed=0)
    with pytest.raises(EvalError, match="no documents"):
        ratio_difference(base[:0], new[:0], n_resamples=100, seed=0)

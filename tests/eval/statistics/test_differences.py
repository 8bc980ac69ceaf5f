import math

import numpy as np
import pytest
from scipy import stats

from eval.errors import EvalError
from eval.statistics.differences import mean_difference, ratio_difference, ratio_interval
from eval.statistics.interval import tolerance_verdict, verdict
from eval.statistics.proportions import mcnemar

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


def test_the_estimate_is_the_difference_of_the_ratios_of_sums():
    base, new = made_up(40, 0.1, np.random.default_rng(0))
    found = ratio_difference(base, new, n_resamples=200, seed=1)
    assert found.estimate == pytest.approx(slow_bits(new) - slow_bits(base), rel=1e-12)
    assert ratio_interval(base, n_resamples=200, seed=1).estimate == pytest.approx(slow_bits(base), rel=1e-12)


def populations(kind: str, n_docs: int, n_trials: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """Differences in nats and bytes `(n_trials, n_docs)` each, and the true difference in nats per byte; lengths as skewed as those of contracts."""
    logarithms = 0.9 * random.standard_normal((n_trials, n_docs))
    noise = random.standard_t(3, logarithms.shape) if kind == "heavy tails" else random.standard_normal(logarithms.shape)
    slope = 0.05 if kind == "grows with length" else 0.0
    per_byte = 0.1 * noise + slope * logarithms
    return per_byte * np.exp(logarithms), np.exp(logarithms), slope * 0.9**2


@pytest.mark.parametrize("kind", ["plain", "heavy tails", "grows with length"])
def test_intervals_hold_the_truth_where_the_percentile_interval_does_not(kind):
    nats, n_bytes, truth = populations(kind, 34, 1200, np.random.default_rng(5))
    ours, percentile = 0, 0
    draws = np.random.default_rng(6).multinomial(34, np.full(34, 1 / 34), 500)
    for here, weights in zip(nats, n_bytes, strict=True):
        found = ratio_interval(np.column_stack([here, weights]), scale=1.0, n_resamples=500, seed=0)
        ours += found.low <= truth <= found.high
        low, high = np.quantile((draws @ here) / (draws @ weights), [0.025, 0.975])
        percentile += low <= truth <= high
    assert 0.945 <= ours / 1200 <= 0.985
    assert percentile / 1200 < 0.93


def test_clusters_hold_the_truth_where_documents_do_not():
    random, by_cluster, by_document, labels = np.random.default_rng(3), 0, 0, np.repeat(np.arange(30), 10)
    for _ in range(600):
        shared = np.repeat(random.standard_normal(30), 10) * math.sqrt(0.3) + random.standard_normal(300) * math.sqrt(0.7)
        values = np.column_stack([shared, np.ones(300)])
        clustered, alone = (ratio_interval(values, scale=1.0, n_resamples=500, clusters=clusters) for clusters in (labels, None))
        by_cluster += clustered.low <= 0 <= clustered.high
        by_document += alone.low <= 0 <= alone.high
    assert 0.93 <= by_cluster / 600 <= 0.98 and by_document / 600 < 0.8


@pytest.mark.parametrize("kind", ["plain", "heavy tails", "grows with length"])
def test_an_effect_of_the_minimum_detectable_size_is_found_about_80_percent_of_the_time(kind):
    nats, n_bytes, truth = populations(kind, 70, 500, np.random.default_rng(8))
    found = [ratio_interval(np.column_stack(pair), scale=1.0, n_resamples=500) for pair in zip(nats, n_bytes, strict=True)]
    effect = np.mean([interval.minimum_detectable for interval in found])
    detected = [[interval.low - truth + effect > 0, interval.high - truth - effect < 0] for interval in found]
    assert 0.75 <= np.mean(detected) <= 0.86


def test_normal_differences_of_items_get_nearly_the_t_test():
    random = np.random.default_rng(4)
    base, new = random.standard_normal((2, 400)) + np.array([[0.0], [0.2]])
    found, test = mean_difference(base, new), stats.ttest_rel(new, base)
    low, high = test.confidence_interval()
    assert found.estimate == pytest.approx(np.mean(new - base)) and found.standard_error == pytest.approx(stats.sem(new - base))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.1 * (high - low))
    assert found.p_value == pytest.approx(test.pvalue, abs=0.005)


def test_the_interval_of_a_mean_is_near_scipys_bootstrap():
    values = np.random.default_rng(4).standard_exponential(80)
    found = mean_difference(np.zeros(80), values, n_resamples=5000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=5000, method="BCa", random_state=np.random.default_rng(1)).confidence_interval
    assert found.low == pytest.approx(theirs.low, abs=0.06) and found.high == pytest.approx(theirs.high, abs=0.06)
    assert found.high - found.estimate > found.estimate - found.low


@pytest.mark.parametrize(("n01", "n10"), [(5, 5), (3, 0), (12, 2), (40, 30)])
def test_intervals_of_accuracy_agree_with_mcnemar_on_what_is_found(n01, n10):
    new = np.concatenate([np.ones(n01), -np.ones(n10), np.zeros(250 - n01 - n10)])
    found = mean_difference(np.zeros(250), new)
    assert found.estimate == pytest.approx((n01 - n10) / 250)
    assert (found.p_value < 0.05) == (mcnemar(n01, n10) < 0.05)


def test_p_value_and_interval_agree():
    random = np.random.default_rng(7)
    for n_docs in (3, 20, 200):
        for _ in range(30):
            base, new = made_up(n_docs, 0.05, random)
            found = ratio_difference(base, new, n_resamples=300)
            assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
            for bound in (found.low, found.high):
                assert found.p_value_of(bound) == pytest.approx(0.05)


def test_the_order_of_documents_does_not_matter_beyond_the_resamples():
    base, new = made_up(60, 0.1, np.random.default_rng(1))
    order = np.random.default_rng(2).permutation(60)
    found, permuted = ratio_difference(base, new), ratio_difference(base[order], new[order])
    assert permuted.estimate == pytest.approx(found.estimate) and permuted.standard_error == pytest.approx(found.standard_error)
    assert (permuted.low, permuted.high) == pytest.approx((found.low, found.high), abs=0.1 * (found.high - found.low))


def test_names_of_clusters_do_not_matter():
    base, new = made_up(60, 0.1, np.random.default_rng(1))
    numbers = np.arange(60) // 3
    names = np.array([f"site {number:02d}" for number in numbers])
    assert ratio_difference(base, new, clusters=numbers) == ratio_difference(base, new, clusters=names)


def test_units_do_not_matter():
    base, new = made_up(60, 0.1, np.random.default_rng(1))
    bits, nats = ratio_difference(base, new), ratio_difference(base, new, scale=1.0)
    for name in ("low", "estimate", "high", "standard_error", "minimum_detectable"):
        assert getattr(bits, name) == pytest.approx(getattr(nats, name) / LN2, rel=1e-9)
    assert bits.p_value == pytest.approx(nats.p_value) and bits.degrees == pytest.approx(nats.degrees)


def test_effective_clusters_are_kishs():
    scores = np.column_stack([np.array([2.0, 5.0, 1.0, 3.0]), np.array([10.0, 20.0, 30.0, 40.0])])
    assert ratio_interval(scores).effective == pytest.approx(100**2 / (100 + 400 + 900 + 1600))
    assert ratio_interval(scores, clusters=np.array([0, 0, 0, 1])).effective == pytest.approx(100**2 / (60**2 + 40**2))
    assert mean_difference(scores[:, 0], scores[:, 1], clusters=np.array([0, 0, 1, 2])).effective == pytest.approx(16 / 6)


def test_documents_without_bytes_change_nothing():
    base, new = made_up(30, 0.1, np.random.default_rng(2))
    empty = np.zeros((20, 2))
    found = ratio_difference(np.vstack([base, empty]), np.vstack([new, empty]))
    alone = ratio_difference(base, new)
    assert (found.low, found.high, found.effective) == pytest.approx((alone.low, alone.high, alone.effective))


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


def test_copies_in_one_cluster_are_worth_no_more_than_one_document():
    base, new = made_up(40, 0.1, np.random.default_rng(6))
    copies = [np.repeat(scores, 4, axis=0) for scores in (base, new)]
    labels = np.repeat(np.arange(40), 4)
    alone, clustered = ratio_difference(base, new), ratio_difference(*copies, clusters=labels)
    for name in ("low", "estimate", "high", "standard_error", "p_value", "effective", "clusters"):
        assert getattr(clustered, name) == pytest.approx(getattr(alone, name))
    assert clustered.n == 160
    assert ratio_difference(*copies).standard_error < 0.6 * alone.standard_error


def test_a_hundred_thousand_documents_are_resampled_in_slices():
    base, new = made_up(100_000, 0.05, np.random.default_rng(8))
    found = ratio_difference(base, new, n_resamples=100, seed=0)
    assert found.low < -0.05 / LN2 < found.high


def test_nothing_to_compare_is_refused():
    base, new = made_up(5, 0.1, np.random.default_rng(0))
    with pytest.raises(EvalError, match="same documents for both models, got 5 and 4"):
        ratio_difference(base, new[:4], n_resamples=100, seed=0)
    other = base.copy()
    other[3, 1] += 1
    with pytest.raises(EvalError, match=r"document 3: .* bytes for one model"):
        ratio_difference(base, other)
    with pytest.raises(EvalError, match="4 labels for 5 documents"):
        ratio_difference(base, new, clusters=np.zeros(4))
    with pytest.raises(EvalError, match="same items"):
        mean_difference(base[:, 0], new[:3, 0])
    with pytest.raises(EvalError, match="not all zero"):
        ratio_interval(np.zeros((3, 2)))
    with pytest.raises(EvalError, match="no documents"):
        ratio_difference(base[:0], new[:0], n_resamples=100, seed=0)

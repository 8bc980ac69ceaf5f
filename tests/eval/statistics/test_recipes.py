import numpy as np
import pytest

from eval.errors import EvalError
from eval.statistics.differences import ratio_difference
from eval.statistics.recipes import Noise, recipe_difference, seed_noise


def runs(n_seeds: int, gain: float, deviation: float, random: np.random.Generator, n_docs: int = 60) -> list[np.ndarray]:
    """`n_seeds` runs of a recipe: bits per byte 2 - gain on average, runs differ by `deviation`; difficulty of documents is shared by all."""
    n_bytes = np.ceil(np.random.default_rng(1).lognormal(6, 0.5, n_docs))
    difficulty = 2 + 0.3 * np.random.default_rng(2).standard_normal(n_docs)
    shared = difficulty - gain + 0.02 * random.standard_normal(n_docs)
    return [np.column_stack([(shared + deviation * random.standard_normal()) * n_bytes, n_bytes]) for _ in range(n_seeds)]


def test_noise_is_the_deviation_between_seeds_pooled_over_recipes():
    random = np.random.default_rng(0)
    one, two = runs(3, 0, 0.05, random), runs(4, 0.5, 0.05, random)
    bits = [[run[:, 0].sum() / run[:, 1].sum() for run in recipe] for recipe in (one, two)]
    found = seed_noise([one, two, one[:1]], scale=1.0)
    assert found.degrees == 5
    assert found.deviation == pytest.approx(np.sqrt((2 * np.var(bits[0], ddof=1) + 3 * np.var(bits[1], ddof=1)) / 5))
    assert seed_noise([one[:1]]) is None


def test_without_noise_the_interval_is_that_of_documents():
    random = np.random.default_rng(0)
    base, new = runs(1, 0, 0, random), runs(1, 0.1, 0, random)
    found = recipe_difference(base, new, noise=Noise(0.0, 4))
    documents = ratio_difference(base[0], new[0])
    assert (found.low, found.high, found.p_value) == pytest.approx((documents.low, documents.high, documents.p_value))


def test_nothing_known_about_seeds_is_refused():
    random = np.random.default_rng(0)
    with pytest.raises(EvalError, match="noise between seeds"):
        recipe_difference(runs(1, 0, 0, random), runs(1, 0, 0, random))
    with pytest.raises(EvalError, match="one checkpoint, got 2"):
        recipe_difference(runs(2, 0, 0, random), runs(2, 0, 0, random), fixed_base=True)


@pytest.mark.parametrize(("n_base", "n_new", "fixed"), [(3, 3, False), (2, 2, False), (1, 3, False), (1, 3, True)])
def test_equal_recipes_rarely_get_a_verdict_and_single_runs_often_do(n_base, n_new, fixed):
    random, by_recipe, by_checkpoint = np.random.default_rng(7), 0, 0
    for _ in range(400):
        base = runs(n_base, 0, 0 if fixed else 0.02, random)
        new = runs(n_new, 0, 0.02, random)
        found = recipe_difference(base, new, fixed_base=fixed, n_resamples=300)
        by_recipe += found.p_value < 0.05
        by_checkpoint += ratio_difference(base[0], new[0], n_resamples=300).p_value < 0.05
    assert by_recipe / 400 <= 0.07
    assert by_checkpoint / 400 > 0.3


def test_an_effect_of_the_minimum_detectable_size_is_found_about_80_percent_of_the_time():
    random = np.random.default_rng(8)
    found = [recipe_difference(runs(3, 0, 0.02, random), runs(3, 0, 0.02, random), n_resamples=300) for _ in range(400)]
    effect = np.mean([interval.minimum_detectable for interval in found])
    assert 0.75 <= np.mean([[interval.low + effect > 0, interval.high - effect < 0] for interval in found]) <= 0.86


def test_more_seeds_and_known_noise_narrow_the_interval():
    random = np.random.default_rng(9)
    base, new = runs(6, 0, 0.02, random), runs(6, 0.1, 0.02, random)
    noise = Noise(0.03, 20)
    six, two, single = (recipe_difference(base[:n], new[:n], noise=noise) for n in (6, 2, 1))
    assert six.high - six.low < two.high - two.low < single.high - single.low
    assert two.degrees > recipe_difference(base[:2], new[:2]).degrees
    assert single.standard_error**2 == pytest.approx(ratio_difference(base[0], new[0]).standard_error ** 2 + 2 * 0.03**2)


def test_degrees_are_those_of_the_larger_part():
    random = np.random.default_rng(1)
    base, new = runs(3, 0, 0.5, random), runs(3, 0, 0.5, random)
    assert recipe_difference(base, new).degrees == pytest.approx(4, abs=0.5)
    quiet = recipe_difference(base, new, noise=Noise(1e-9, 1e9))
    assert quiet.degrees == pytest.approx(ratio_difference(np.mean(base, axis=0), np.mean(new, axis=0)).degrees, rel=1e-3)


def test_runs_scored_on_other_documents_are_refused():
    random = np.random.default_rng(0)
    base = runs(2, 0, 0.1, random)
    for other in (base[1][:10], base[1] + 1):
        with pytest.raises(EvalError, match="not scored on the same documents"):
            recipe_difference([base[0], other], base)


def test_a_mean_over_seeds_keeps_the_bytes_exactly():
    base = [np.column_stack([np.ones(20), np.exp(np.random.default_rng(0).standard_normal(20))])] * 3
    assert recipe_difference(base, base[:1]).estimate == 0.0

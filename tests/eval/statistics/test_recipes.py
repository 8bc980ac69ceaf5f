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

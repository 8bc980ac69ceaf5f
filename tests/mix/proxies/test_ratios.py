import math

import numpy as np
import pytest

from mix.errors import MixError
from mix.proxies.ratios import Ratio, ratios, rounded
from mix.proxies.recipe import ProxiesRecipe
from mix.proxies.sources import Sources
from shards.errors import RecipeError
from shards.recipe import build_recipe


def recipe(design, seeds=None, **changes):
    values = {"base": "base", "mix": {}, "train": {}, "evaluate": {}, "tokens": 1000, "design": design, "seeds": seeds}
    return build_recipe(values | changes, ProxiesRecipe, "test")


def sources(*names, tokens=None, largest=None):
    k = len(names)
    return Sources(names, np.array(tokens or [1.0] * k), np.array(largest or [math.inf] * k))


def shares(design, known, **changes):
    return [ratio.shares for ratio in ratios(recipe(design, **changes), known)]


def test_a_grid_has_every_ratio_of_its_step():
    found = shares({"kind": "grid", "step": 0.25}, sources("a", "b", "c"))
    assert len(found) == len(set(found)) == math.comb(4 + 2, 2)
    assert all(sum(one) == pytest.approx(1, abs=1e-12) and all(share * 4 == int(share * 4) for share in one) for one in found)


def test_listed_shares_leave_the_rest_to_the_other_source():
    assert shares({"kind": "grid", "shares": {"b": [0, 0.05, 0.5]}}, sources("a", "b")) == [(1, 0), (0.95, 0.05), (0.5, 0.5)]
    found = shares({"kind": "grid", "shares": {"a": [0.2, 0.8], "c": [0.1, 0.6]}}, sources("a", "b", "c"))
    assert found == [(0.2, 0.7, 0.1), (0.2, 0.2, 0.6), (0.8, 0.1, 0.1)]  # 0.8 + 0.6 is left out


@pytest.mark.parametrize("values", [[1, 1, 1], [0.1] * 7, [1e-7, 1, 2], [2.0, 0, 0]])
def test_rounded_shares_sum_to_one_and_stay_near(values):
    found = rounded(values)
    assert round(sum(found), 12) == 1 and np.allclose(found, np.array(values) / sum(values), atol=1e-5) and all(share >= 0 for share in found)


def test_random_ratios_are_spread_around_the_prior_within_the_sizes_and_the_same_each_time():
    known = sources("a", "b", "c", tokens=[900, 90, 10], largest=[1.0, 0.5, 0.2])
    found = np.array(shares({"kind": "dirichlet", "n": 200}, known))
    assert found.shape == (200, 3) and np.allclose(found.sum(axis=1), 1) and (found <= [1.0, 0.5, 0.2]).all()
    assert ((found == 0) | (found >= 1e-4)).all()
    assert found[:, 0].mean() > found[:, 1].mean() > found[:, 2].mean() and found.std(axis=0).min() > 0.02
    assert shares({"kind": "dirichlet", "n": 200}, known) == [tuple(row) for row in found.tolist()]
    assert shares({"kind": "dirichlet", "n": 200}, known, seed=1) != [tuple(row) for row in found.tolist()]
    turned = np.array(shares({"kind": "dirichlet", "n": 200, "prior": {"c": 9, "b": 1, "a": 1}}, sources("a", "b", "c")))
    assert turned[:, 2].mean() > 0.5


@pytest.mark.parametrize(
    "seeds, expected",
    [
        (None, [1, 1, 1]),
        ({"repeats": 3}, [1, 3, 1]),
        ({"repeats": 2, "at": "all"}, [2, 2, 2]),
        ({"repeats": 4, "at": [{"a": 1.0}]}, [4, 1, 1]),
        ({"repeats": 2, "at": [{"a": 0.1, "b": 0.9}]}, [1, 1, 1, 2]),
    ],
)
def test_repeats_are_where_seeds_says(seeds, expected):
    found = ratios(recipe({"kind": "grid", "shares": {"b": [0, 0.5, 1]}}, seeds), sources("a", "b"))
    assert [ratio.repeats for ratio in found] == expected


def test_a_points_own_repeats_win_and_duplicates_become_one():
    points = [{"shares": {"a": 1.0}, "repeats": 2}, {"shares": {"a": 0.5, "b": 0.5}}, {"shares": {"a": 1.0}}]
    found = ratios(recipe({"kind": "points", "points": points}, {"repeats": 3, "at": "all"}), sources("a", "b"))
    assert found == [Ratio((1.0, 0.0), 2), Ratio((0.5, 0.5), 3)]


@pytest.mark.parametrize(
    "design, problem",
    [
        ({"kind": "grid", "shares": {"bb": [0.5]}}, r"design: no source is called bb; the sources are alpha, beta, gamma"),
        ({"kind": "grid", "shares": {"bta": [0.5]}}, r"no source is called bta, did you mean beta\?"),
        ({"kind": "grid", "shares": {"alpha": [0.5]}}, "leaves out beta, gamma; list all of them but one"),
        ({"kind": "grid", "shares": {"alpha": [0.5], "beta": [0.1], "gamma": [0.4]}}, "lists all sources; leave out one"),
        ({"kind": "grid", "shares": {"alpha": [0.9], "beta": [0.9]}}, "every combination sums to more than 1"),
        ({"kind": "grid", "step": 0.001}, "more than 100,000 ratios"),
        ({"kind": "points", "points": [{"shares": {"alpa": 1.0}}]}, "did you mean alpha"),
        ({"kind": "dirichlet", "n": 5, "prior": {"alpha": 1, "beta": 1}}, "design.prior: nothing for gamma"),
    ],
)
def test_bad_designs_are_refused_with_what_to_do(design, problem):
    with pytest.raises(MixError, match=problem):
        ratios(recipe(design), sources("alpha", "beta", "gamma"))


def test_sizes_that_no_random_ratio_keeps_are_named():
    with pytest.raises(MixError, match=r"the tightest is a, which may have at most 0\.10% of a run"):
        ratios(recipe({"kind": "dirichlet", "n": 1, "strengths": [50, 60]}), sources("a", "b", tokens=[9, 1], largest=[0.001, 0.5]))
    with pytest.raises(MixError, match="source b holds no tokens"):
        ratios(recipe({"kind": "dirichlet", "n": 1}), sources("a", "b", tokens=[9, 0.0]))


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"design": {"kind": "grid"}}, "give either step or shares"),
        ({"design": {"kind": "grid", "step": 0.3}}, r"1 / 0\.3 is not a whole number"),
        ({"design": {"kind": "points"}}, "give either file or points"),
        ({"design": {"kind": "gird", "step": 0.5}}, "design"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["trained", "trained"]}, "lists a value twice"),
        ({"expert_tokens": 10}, "only merged runs have experts"),
        ({"lr": [0.1, 0.1]}, "lists a value twice"),
    ],
)
def test_recipes_that_contradict_themselves_are_refused(changes, problem):
    with pytest.raises(RecipeError, match=problem):
        recipe(**({"design": {"kind": "grid", "step": 0.5}} | changes))


def test_a_confirmation_is_run_at_its_own_ratios_whatever_seeds_lists():
    points = [{"shares": {"a": 0.7, "b": 0.3}, "repeats": 3}, {"shares": {"a": 0.6, "b": 0.4}}]
    elsewhere = {"repeats": 2, "at": [{"a": 0.5, "b": 0.5}]}
    confirming = {"kind": "points", "points": points, "confirmation": True}
    for seeds in (elsewhere, {"repeats": 2, "at": "all"}):
        assert ratios(recipe(confirming, seeds), sources("a", "b")) == [Ratio((0.7, 0.3), 3), Ratio((0.6, 0.4), 1)]
    assert Ratio((0.5, 0.5), 2) in ratios(recipe(confirming | {"confirmation": False}, elsewhere), sources("a", "b"))

import numpy as np
import pytest

from mix.errors import MixError
from mix.fit.fit import fit
from mix.fit.recipe import FitRecipe
from mix.proxies.recipe import ProxiesRecipe
from mix.proxies.run import plan
from mix.proxies.sources import Sources
from mix.proxies.unsure import candidate_shares, greedy, least_sure
from tests.mix.fit.tables import replay_table
from tests.mix.proxies.home import values

ANY = np.array([np.inf, np.inf])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    home = tmp_path_factory.mktemp("fit")
    recipe = FitRecipe(runs=[replay_table(home / "runs.csv")], laws=["exponential"], n_resamples=40)
    fit(recipe, home / "out")
    return home / "out"


def test_each_choice_takes_the_largest_variance_given_the_runs_chosen_before():
    rng = np.random.default_rng(0)
    draws = [rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6)) for _ in range(2)]
    spreads = [np.cov(part, rowvar=False) for part in draws]
    chosen = greedy(spreads, 4)
    for number in range(4):  # by the definition: condition on all runs before at once
        gain = np.zeros(6)
        for spread in spreads:
            seen = chosen[:number]
            known = spread[np.ix_(seen, seen)] + np.eye(number)
            gain += np.diag(spread - spread[:, seen] @ np.linalg.inv(known) @ spread[seen]) if number else np.diag(spread)
        assert chosen[number] == int(np.argmax(gain))


def test_ratios_far_from_the_evidence_come_first_and_each_is_chosen_given_the_others(fitted):
    sources = Sources(("domain", "general"), np.array([1.0, 1.0]), ANY)
    found = least_sure(fitted, sources, 1000, 3, 0)
    assert found.shape == (3, 2) and np.allclose(found.sum(axis=1), 1) and len(np.unique(found, axis=0)) >= 2
    assert {0.0, 1.0} & set(found[:, 0])  # a law is least sure at an end
    turned = least_sure(fitted, Sources(("general", "domain"), np.array([1.0, 1.0]), ANY), 1000, 3, 0)
    assert np.allclose(turned, found[:, ::-1]) or np.allclose(np.sort(turned, axis=0), np.sort(found[:, ::-1], axis=0))
    capped = least_sure(fitted, Sources(("domain", "general"), np.array([1.0, 1.0]), np.array([0.6, np.inf])), 1000, 2, 0)
    assert capped[:, 0].max() <= 0.6


def test_candidates_keep_within_the_sizes_of_many_sources_and_are_the_same_each_time():
    sources = Sources(("a", "b", "c"), np.ones(3), np.array([0.5, 1.0, 0.3]))
    found = candidate_shares(sources, 1)
    assert len(found) > 500 and (found <= [0.5, 1.0, 0.3]).all() and np.array_equal(found, candidate_shares(sources, 1))
    with pytest.raises(MixError, match="sizes allow no ratio"):
        candidate_shares(Sources(("a", "b"), np.ones(2), np.array([0.2, 0.2])), 0)


def test_a_source_that_the_fit_does_not_know_is_named(fitted):
    with pytest.raises(MixError, match=r"design\.fit: .* knows no runs with law; its sources are"):
        least_sure(fitted, Sources(("domain", "law"), np.ones(2), ANY), 1000, 1, 0)


def test_a_recipe_may_ask_for_them(fitted, home, tmp_path):
    given = values(home, tmp_path / "out", design={"kind": "next", "fit": str(fitted), "n": 2})
    given["mix"]["sources"] = dict(zip(("domain", "general"), given["mix"]["sources"].values(), strict=True))
    planned = plan(ProxiesRecipe.model_validate(given))
    assert len(planned.runs) == 2 and planned.recipe.design.kind == "points"

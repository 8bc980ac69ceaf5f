import numpy as np
import pytest

from mix.errors import MixError
from mix.runs.evidence import evidence_of
from mix.runs.read import table_of
from mix.runs.recipe import RunsRecipe
from tests.mix.runs.tables import two_sources


def test_points_have_the_columns_of_the_table():
    areas = {
        f"lr.{name}": [value]
        for name, value in (("forward_area", 3), ("annealing_area", 4), ("pretraining_forward_area", 1), ("pretraining_annealing_area", 2))
    }
    evidence = evidence_of(two_sources([0.25], [1.1], tokens=[1e6], n_parameters=[1e7], pretraining_tokens=[1e9], **areas), "code")
    points = evidence.points
    assert points.sources == ("code", "web") and points.shares.tolist() == [[0.25, 0.75]] and evidence.losses.tolist() == [1.1]
    assert (points.tokens.tolist(), points.parameters.tolist(), points.pretraining_tokens.tolist()) == ([1e6], [1e7], [1e9])
    assert points.areas.tolist() == [[1, 2, 3, 4]]


def test_the_last_step_of_each_run_counts_unless_all_are_wanted():
    runs = two_sources([0.5, 0.5, 0.2], [3.0, 2.0, 1.0], run=["a", "a", "b"], step=[10, 20, 10])
    assert evidence_of(runs, "code").losses.tolist() == [2.0, 1.0]
    everything = evidence_of(runs, "code", last=False)
    assert everything.losses.tolist() == [3.0, 2.0, 1.0] and everything.run.tolist() == [0, 0, 1]


def test_the_base_model_is_no_point_and_gives_the_base_loss():
    columns = {"run": ["base", "a"], "step": [0, 5], "share.code": [None, 1], "bits.code": [1.5, 1.2]}
    evidence = evidence_of(table_of(columns)[0], "code")
    assert evidence.base == 1.5 and evidence.losses.tolist() == [1.2]
    two_sizes = {name: [*values, *values] for name, values in columns.items()} | {"n_parameters": [1, 1, 2, 2]}
    assert evidence_of(table_of(two_sizes | {"run": ["base", "a", "base-2", "b"], "kind": ["base", "", "base", ""]})[0], "code").base is None


def test_noise_is_pooled_over_groups_of_repeated_runs():
    shares, losses = [0.5, 0.5, 0.5, 0.2, 0.2, 0.9], [1.0, 1.2, 1.1, 2.0, 2.4, 5.0]
    evidence = evidence_of(two_sources(shares, losses, seed=[1, 2, 3, 1, 2, 1]), "code")
    by_hand = np.sqrt((2 * np.var(losses[:3], ddof=1) + np.var(losses[3:5], ddof=1)) / 3)
    assert evidence.noise == pytest.approx(by_hand, rel=1e-12) and evidence.noise_freedom == 3


def test_copies_of_a_run_are_no_repeats():
    columns = {"share.a": [1, 1, 1], "bits.a": [1.0, 1.0, 1.2], "bits.b": [2.0, 2.0, 2.0]}
    evidence = evidence_of(table_of({"run": ["x", "y", "z"], **columns})[0], "a")
    assert evidence.noise_freedom == 1 and evidence.noise == pytest.approx(np.std([1.0, 1.2], ddof=1))
    with_seeds = evidence_of(table_of({"run": ["x", "y", "z"], "seed": [1, 2, 3], **columns})[0], "a")
    assert with_seeds.noise_freedom == 2


def test_where_steps_are_unknown_the_row_with_most_tokens_is_the_last():
    runs = two_sources([0.5, 0.5, 0.5], [3.0, 1.0, 2.0], run=["a", "a", "a"], tokens=[1e6, 3e6, 2e6])
    assert evidence_of(runs, "code").losses.tolist() == [1.0]


def test_shares_that_differ_by_rounding_are_one_ratio():
    evidence = evidence_of(two_sources([0.5, 0.5009, 0.503], [1.0, 1.2, 3.0], seed=[1, 2, 3]), "code")
    assert evidence.noise_freedom == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"seed": [1, 1]},
        {"seed": [1, 2], "tokens": [1e6, 2e6]},
        {"seed": [1, 2], "n_parameters": [1e6, 2e6]},
        {"seed": [1, 2], "lr.peak": [1e-3, 2e-3]},
        {"seed": [1, 2], "step": [10, 20]},
    ],
)
def test_runs_that_differ_otherwise_are_no_repeats(columns):
    evidence = evidence_of(two_sources([0.5, 0.5], [1.0, 1.2], **columns), "code")
    assert evidence.noise is None and evidence.noise_freedom == 0


def test_merged_experts_are_no_repeats_of_trained_runs():
    assert evidence_of(two_sources([0.5, 0.5], [1.0, 1.2], kind=["trained", "merged"]), "code").noise is None
    assert evidence_of(two_sources([0.5, 0.5], [1.0, 1.2], kind=["trained", "confirmation"]), "code").noise_freedom == 1


def test_a_domain_comes_from_the_source_of_its_name_or_of_the_recipe():
    runs = two_sources([0.5, 0.2], [1.0, 1.2], **{"bits.wiki": [2.0, 2.1], "bits.web": [2.0, None]})
    assert [evidence_of(runs, name).source for name in ("code", "web", "wiki")] == [0, 1, None]
    assert evidence_of(runs, "wiki", RunsRecipe(runs=["a.csv"], domains={"wiki": "web"})).source == 1
    assert len(evidence_of(runs, "web")) == 1
    with pytest.raises(MixError, match=r"domains\.wiki: no source wbe; did you mean web\?"):
        evidence_of(runs, "wiki", RunsRecipe(runs=["a.csv"], domains={"wiki": "wbe"}))
    with pytest.raises(MixError, match=r"domain wikki: no such losses; did you mean wiki\?"):
        evidence_of(runs, "wikki")

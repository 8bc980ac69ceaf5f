"""From a table on disk to a fit on disk."""

from pathlib import Path

import numpy as np
import pytest

from mix.errors import MixError
from mix.fit.fit import fit
from mix.fit.recipe import FitRecipe
from mix.fit.record import Fit, read_fit, read_resamples
from mix.laws.law import Points
from tests.mix.fit.tables import replay_table, write_table


def recipe_of(table: Path, **values: object) -> FitRecipe:
    return FitRecipe(**({"runs": [table], "laws": ["exponential", "d_cpt"], "n_resamples": 20} | values))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fit]:
    home = tmp_path_factory.mktemp("fit")
    return home / "out", fit(recipe_of(replay_table(home / "runs.csv")), home / "out")


def test_what_is_written_is_read_back(fitted: tuple[Path, Fit]) -> None:
    folder, written = fitted
    assert read_fit(folder) == written
    assert sorted(path.name for path in folder.iterdir()) == [".cptkit-files", "fit.json", "resamples.json", "runs.csv"]


def test_the_true_form_is_chosen_by_held_out_error_and_predicts_between_the_ratios(fitted: tuple[Path, Fit]) -> None:
    for name, share in (("general", 0.38), ("domain", 0.52)):
        domain = fitted[1].domains[name]
        assert domain.chosen == "exponential" and domain.chosen_by == "ratio" and not domain.choice.worse_than
        truth = {"general": 2.8 + 0.4 * np.exp(-3 * share), "domain": 1.9 + 0.1 * np.exp(1.5 * share)}[name]
        at = Points.of_shares(("domain", "general"), np.array([[1 - share, share]]))
        assert domain.law.predict(at)[0] == pytest.approx(truth, abs=0.002)
        drawn = [law.predict(at)[0] for law in read_resamples(fitted[0], fitted[1], name)]
        assert len(drawn) == domain.resamples == 20 and np.std(drawn) < 0.002 and abs(np.mean(drawn) - truth) < 0.002


def test_the_record_holds_base_noise_source_residuals_and_predictions_with_intervals(fitted: tuple[Path, Fit]) -> None:
    domain = fitted[1].domains["general"]
    assert (domain.base, domain.source, domain.unit, domain.runs, domain.ratios, domain.noise_freedom) == (2.85, "general", "nats a token", 16, 8, 8)
    assert domain.noise == pytest.approx(0.001, rel=0.6)
    assert len(domain.residuals) == 16 and all(abs(row.observed - row.predicted) < 0.004 for row in domain.residuals)
    assert [row.runs for row in domain.predictions] == [2] * 8
    for row in domain.predictions:
        assert row.run_low <= row.low <= row.value <= row.high <= row.run_high
        assert row.run_low < row.observed < row.run_high
    assert domain.choice.lack_of_fit.freedom == 5 and not domain.choice.lack_of_fit.fails


def test_the_critical_share_is_where_the_loss_ends_as_in_the_base_model(fitted: tuple[Path, Fit]) -> None:
    critical = fitted[1].domains["general"].critical
    assert critical.share == pytest.approx(np.log(0.4 / 0.05) / 3, abs=0.02)
    assert critical.low < critical.share < critical.high
    everywhere = fitted[1].domains["domain"].critical
    assert everywhere.share == everywhere.smallest


def test_held_out_errors_stand_beside_those_of_the_trivial_guesses(fitted: tuple[Path, Fit]) -> None:
    domain = fitted[1].domains["general"]
    assert set(domain.trivial["ratio"]) == {"nearest", "mean", "linear"}
    assert all(domain.choice.held_out["ratio"].mean_absolute < guess.mean_absolute for guess in domain.trivial["ratio"].values())
    assert domain.choice.held_out["ratio"].folds == 8 and domain.choice.held_out["ratio"].rows == 16


@pytest.mark.slow
def test_the_same_table_and_recipe_give_the_same_bytes_with_any_number_of_workers(fitted: tuple[Path, Fit], tmp_path: Path) -> None:
    fit(recipe_of(fitted[0].parent / "runs.csv", workers=2), tmp_path / "out")
    for name in ("fit.json", "resamples.json", "runs.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (fitted[0] / name).read_bytes()


def test_a_rerun_writes_the_same_bytes(fitted: tuple[Path, Fit]) -> None:
    before = {path.name: path.read_bytes() for path in fitted[0].iterdir()}
    fit(recipe_of(fitted[0].parent / "runs.csv"), fitted[0])
    assert {path.name: path.read_bytes() for path in fitted[0].iterdir()} == before


def test_a_law_that_is_worse_than_a_trivial_guess_says_so_first(tmp_path: Path) -> None:
    """Losses that no smooth law of these shares explains: two flat levels in no order."""
    levels = {0.1: 2, 0.2: 3, 0.3: 2, 0.4: 3, 0.5: 2, 0.6: 3, 0.7: 2, 0.8: 3}
    rows = [
        {"run": f"{share}-{seed}", "seed": seed, "share.a": share, "share.b": 1 - share, "loss.good": 2 + share**2, "loss.wild": level}
        for share, level in levels.items()
        for seed in range(2)
    ]
    content = fit(recipe_of(write_table(tmp_path / "runs.csv", rows)), tmp_path / "out")
    wild = content.domains["wild"]
    assert content.verdict[0].startswith(f"wild: {wild.chosen} is worse than the mean loss on held-out ratios (off by ")
    assert wild.choice.verdict.startswith("worse than the mean loss") and "mean" in wild.choice.worse_than["ratio"]
    assert content.verdict[1].startswith("good: ")


def test_a_named_law_is_fitted_and_tested_but_not_chosen_by_its_test(tmp_path: Path) -> None:
    table = replay_table(tmp_path / "runs.csv")
    content = fit(recipe_of(table, law={"general": "d_cpt"}, losses=["general"]), tmp_path / "out")
    general = content.domains["general"]
    assert (general.chosen, general.chosen_by, general.reason) == ("d_cpt", None, "named in the recipe")
    assert [law.law for law in general.candidates] == ["d_cpt"] and "ratio" in general.choice.held_out
    assert list(content.domains) == ["general"]


def test_too_few_ratios_are_refused_with_the_number_needed(tmp_path: Path) -> None:
    table = replay_table(tmp_path / "runs.csv", ratios=(0.0, 0.2, 0.5))
    with pytest.raises(MixError) as problem:
        fit(recipe_of(table, law="exponential"), tmp_path / "out")
    assert str(problem.value).startswith("general: too few runs: exponential needs 5 distinct ratios, and the table has 3 distinct ratios; ")
    one = replay_table(tmp_path / "one.csv", ratios=(0.2,), seeds=4)
    with pytest.raises(MixError, match="too few runs: exponential needs 5 distinct ratios, and the table has 1 distinct ratio; no other law would do"):
        fit(recipe_of(one, laws=["exponential"]), tmp_path / "out")


@pytest.mark.parametrize(
    "values, message",
    [
        ({"losses": ["genral"]}, "losses: no domain genral; did you mean general?"),
        ({"law": {"genral": "exponential"}}, "law: no domain genral; did you mean general?"),
        ({"law": "exponentail"}, "no law exponentail; "),
        ({"laws": ["exponentail"]}, "no law exponentail; "),
        ({"choose_by": "size"}, "general: no law can be chosen: to test one, the table needs two model sizes; name a law"),
    ],
)
def test_what_the_recipe_names_must_exist(tmp_path: Path, values: dict, message: str) -> None:
    with pytest.raises(MixError) as problem:
        fit(recipe_of(replay_table(tmp_path / "runs.csv"), **values), tmp_path / "out")
    assert message in str(problem.value)


def test_a_changed_table_or_record_is_refused(fitted: tuple[Path, Fit], tmp_path: Path) -> None:
    for name in ("fit.json", "resamples.json", "runs.csv"):
        (tmp_path / name).write_bytes((fitted[0] / name).read_bytes())
    content = read_fit(tmp_path)
    (tmp_path / "resamples.json").write_text("{}")
    with pytest.raises(MixError, match=r"resamples.json: was changed after the fit that fit.json describes; rerun `mix fit`"):
        read_resamples(tmp_path, content, "general")
    (tmp_path / "runs.csv").write_text("run\n")
    with pytest.raises(MixError, match=r"runs.csv: was changed"):
        read_fit(tmp_path)
    (tmp_path / "fit.json").unlink()
    with pytest.raises(MixError, match=r"fit.json: missing; give the folder that `mix fit` wrote"):
        read_fit(tmp_path)

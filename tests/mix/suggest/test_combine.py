import re
from unittest import mock

import numpy as np
import pytest

from mix.errors import MixError
from mix.suggest.combine import rates_of
from mix.suggest.page import render
from mix.suggest.question import read_question
from mix.suggest.recipe import SuggestRecipe
from mix.suggest.record import read_suggestion
from mix.suggest.run import run
from tests.mix.suggest import test_rates
from tests.mix.suggest.conftest import fit_table

AREAS = ("lr.pretraining_forward_area", "lr.pretraining_annealing_area", "lr.forward_area", "lr.annealing_area")
RATES = {"lr": [1e-4, 2e-4, 4e-4], "tokens": ["500K", "1M"], "tokens_per_step": 1000, "schedule": {"warmup_steps": 20, "decay_shape": "linear"}}


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """A fit to loss curves of three learning rates and five shares of replay."""
    home = tmp_path_factory.mktemp("curves")
    runs = [(peak, replay) for peak in RATES["lr"] for replay in (0.0, 0.1, 0.2, 0.3, 0.5)]
    with mock.patch.object(test_rates, "RUNS", runs):
        known = test_rates.evidence()
    points, run = known["old"].points, known["old"].run
    lines = [f"run,kind,step,tokens,lr.peak,{','.join(AREAS)},share.old,share.new,loss.old,loss.new"]
    lines.append(f"base,base,0,,,,,,,,,{known['old'].base},{known['new'].base}")
    for row in range(len(run)):
        peak, areas = runs[run[row]][0], ",".join(map(repr, points.areas[row].tolist()))
        share, tokens = float(points.shares[row, 0]), float(points.tokens[row])
        losses = [float(known[name].losses[row]) for name in ("old", "new")]
        lines.append(f"r{run[row]},trained,{round(tokens / test_rates.BATCH)},{tokens:.0f},{peak},{areas},{share!r},{1 - share!r},{losses[0]!r},{losses[1]!r}")
    (home / "runs.csv").write_text("\n".join(lines) + "\n")
    return fit_table(home / "runs.csv", home / "fit")


def recipe(curves, tmp_path, **changes) -> SuggestRecipe:
    values = {"fit": str(curves), "target": {"new": 1}, "budget": {"increase": {"old": "1.5%"}}, "rates": RATES, "out": str(tmp_path / "out")}
    return SuggestRecipe.model_validate(values | changes)


def test_rates_tokens_and_ratios_are_compared_under_the_budget(curves, tmp_path):
    question = read_question(recipe(curves, tmp_path, rates=RATES | {"shares": [{"new": 1}, {"old": 0.25, "new": 0.75}, {"old": "50%", "new": "50%"}]}))
    found = rates_of(question, question.recipe.rates, np.array([0.3, 0.7]))
    assert found.candidates[0].budget_kept["old"] >= 0.95 and set(found.laws) == {"new", "old"} and found.tokens_per_step == 1000
    keeping = [one for one in found.candidates if one.budget_kept["old"] >= 0.95]
    assert found.candidates[0].target.value - found.flattery == pytest.approx(min(one.losses["new"].value for one in keeping))
    assert {(one.lr, one.tokens) for one in found.candidates} <= {(lr, tokens) for lr in RATES["lr"] for tokens in (500_000, 1_000_000)}


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"rates": RATES | {"shares": [{"newer": 1}]}}, "rates.shares: no run of the fit has a source newer; did you mean new?"),
        ({"rates": RATES | {"shares": [{"new": 0.5, "old": 0.4}]}}, "sums to 0.9; make the shares of each ratio sum to 1"),
        ({"rates": RATES | {"shares": [{"new": 1}]}, "bounds": {"old": [0.1, 1]}}, "rates: bounds and sizes allow none of the 1 ratios for 1,000,000 tokens"),
        (
            {"rates": RATES | {"shares": [{"new": 1}]}, "sources": {"new": {"tokens": "200K"}}, "tokens": "1M", "budget": {}},
            "rates: bounds and sizes allow none of the 1 ratios",
        ),
    ],
)
def test_candidates_that_nothing_allows_are_refused(curves, tmp_path, changes, said):
    question = read_question(recipe(curves, tmp_path, **changes))
    with pytest.raises(MixError, match=re.escape(said)):
        rates_of(question, question.recipe.rates, np.array([0.3, 0.7]))


@pytest.mark.slow
def test_the_comparison_is_part_of_the_suggestion_and_its_page(curves, tmp_path):
    one_rate = recipe(curves, tmp_path, budget={})
    record = run(one_rate)
    assert record.rates is not None and read_suggestion(tmp_path / "out") == record
    assert "Learning rate, tokens and ratio together" in render(record) and len(record.rates.candidates) == 3 * 2 * 5

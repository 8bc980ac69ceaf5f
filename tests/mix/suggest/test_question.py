import re

import numpy as np
import pytest
import yaml

from mix.errors import MixError
from mix.suggest.question import read_question
from tests.mix.suggest.conftest import fit_table, template, write_table


def test_a_general_budget_is_one_for_every_domain_outside_the_target(recipe):
    assert read_question(recipe()).request.budget == {"general": 0.05}
    both = recipe(budget={"max_general_increase": 0.05, "increase": {"general": "1%", "law": "3%"}})
    assert read_question(both).request.budget == {"general": 0.01, "law": 0.03}


def test_weights_of_the_target_are_scaled(recipe):
    assert read_question(recipe(target={"law": 3, "general": 1}, budget={})).request.target == {"law": 0.75, "general": 0.25}


def test_sizes_limit_shares_by_epochs_over_the_final_run(recipe, tmp_path, token_sets):
    sizes = {"law": {"tokens": "3K", "max_epochs": 2}, "general": {"tokens": str(token_sets["general"]), "max_epochs": 1}}
    upper = read_question(recipe(sources=sizes, tokens="10K")).request.upper
    np.testing.assert_allclose(upper, [1, 0.6], rtol=1e-8)
    np.testing.assert_allclose(read_question(recipe(mix=template(tmp_path, token_sets), tokens="40K")).request.upper, [0.6, 0.6], rtol=1e-8)
    np.testing.assert_allclose(read_question(recipe(mix=template(tmp_path, token_sets), bounds={"law": ["10%", 0.5]})).request.upper, [1, 0.5])


def test_the_question_is_the_same_whatever_the_evidence_and_another_with_other_sizes(recipe, tmp_path, token_sets):
    first = read_question(recipe(mix=template(tmp_path, token_sets)))
    more = fit_table(write_table(tmp_path / "runs.csv", [("new", 0.45, {"general": 1.5, "law": 1.5})]), tmp_path / "fit")
    assert read_question(recipe(mix=template(tmp_path, token_sets), fit=str(more))).hash == first.hash
    assert read_question(recipe(mix=template(tmp_path, token_sets, tokens=30_000))).hash != first.hash
    assert read_question(recipe(mix=template(tmp_path, token_sets), budget={})).hash != first.hash


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"target": {"low": 1}}, "target: the fit has no losses of low; did you mean law?"),
        ({"budget": {"increase": {"generel": 0.1}}}, "budget.increase: the fit has no losses of generel; did you mean general?"),
        ({"target": {"law": 1, "general": 1}}, "budget.max_general_increase: every domain of the fit is in target (general, law)"),
        ({"prior": {"law": 0.5, "code": 0.5}}, "prior: no run of the fit has a source code; known are general, law"),
        ({"bounds": {"genral": [0, 1]}}, "bounds: no run of the fit has a source genral; did you mean general?"),
        ({"bounds": {"general": [0.6, 1], "law": [0.6, 1]}}, "bounds exclude each other: their lower ends sum to 1.2"),
        ({"bounds": {"general": [0, 0.3], "law": [0, "40%"]}}, "bounds exclude each other: their upper ends sum to 0.7"),
        ({"sources": {"lawyer": {"tokens": "1M"}}, "tokens": "1M"}, "sources: no run of the fit has a source lawyer; did you mean law?"),
        (
            {"sources": {"law": {"tokens": "1M", "max_epochs": 1}, "general": {"tokens": "2M", "max_epochs": 2}}, "tokens": "10M"},
            "the sources allow at most 50.00% of 10,000,000 tokens: general 40.00% (it holds 2,000,000 × max_epochs 2 = 4,000,000), law 10.00% (it holds "
            "1,000,000 × max_epochs 1 = 1,000,000); ask for at most",
        ),
        (
            {"sources": {"law": {"tokens": "1M", "max_epochs": 1}}, "tokens": "10M", "bounds": {"law": ["20%", 1]}},
            "bounds.law: at least 20.00% of 10,000,000 tokens, but it holds 1,000,000 × max_epochs 1 = 1,000,000; lower the bound",
        ),
        ({"fit": "nowhere"}, "missing; give the folder that `mix fit` wrote"),
    ],
)
def test_questions_without_an_answer_are_refused_in_one_line(recipe, changes, said):
    with pytest.raises(MixError, match=re.escape(said)) as refusal:
        read_question(recipe(**changes))
    assert "\n" not in str(refusal.value)


def test_losses_of_two_units_are_not_averaged(recipe, tmp_path):
    table = write_table(tmp_path / "runs.csv")
    table.write_text(table.read_text().replace("bits.law", "loss.law"))
    with pytest.raises(MixError, match=r"target: losses in bits per byte and nats a token can't be averaged"):
        read_question(recipe(fit=str(fit_table(table, tmp_path / "fit")), target={"law": 1, "general": 1}, budget={}))


def test_a_budget_needs_the_base_models_loss(recipe, tmp_path):
    table = write_table(tmp_path / "runs.csv")
    table.write_text("".join(line for line in table.read_text().splitlines(keepends=True) if not line.startswith("base,")))
    with pytest.raises(MixError, match=r"budget: the table of runs has no base loss of general.*add a row of kind base"):
        read_question(recipe(fit=str(fit_table(table, tmp_path / "fit"))))


def test_a_mix_without_a_source_of_the_runs_is_refused_unless_it_is_barred(recipe, tmp_path, token_sets):
    path = template(tmp_path, {"lawful": token_sets["law"], "general": token_sets["general"]}, weights={"general": 1})
    with pytest.raises(MixError, match=r"has no source law, which the runs were trained on; did you mean lawful\?; add it, or set bounds.law to \[0, 0\]"):
        read_question(recipe(mix=path))
    question = read_question(recipe(mix=path, bounds={"law": [0, 0]}))
    assert question.request.upper.tolist() == [1, 0] and question.sizes.without(question.known.sources) == ["lawful"]


def test_a_mix_of_several_stages_is_no_template(recipe, tmp_path, token_sets):
    stages = [{"name": name, "tokens": 1000, "weights": {"law": 1}} for name in ("a", "b")]
    sources = {name: {"tokens": str(folder)} for name, folder in token_sets.items()}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump({"name": "two", "row_tokens": 64, "sources": sources, "stages": stages}))
    with pytest.raises(MixError, match="has 2 stages, and a suggestion is one stage of constant shares"):
        read_question(recipe(mix=str(tmp_path / "two.yaml")))


def test_a_source_that_holds_other_tokens_than_the_runs_had_is_refused_unless_told(recipe, tmp_path, token_sets):
    table = write_table(tmp_path / "runs.csv", contents={"general": "a" * 32, "law": ""})
    changes = {"fit": str(fit_table(table, tmp_path / "fit")), "mix": template(tmp_path, token_sets)}
    with pytest.raises(MixError, match=r"content of general \(aaaaaaaa… in the runs, .* now\): the runs were trained on other tokens.*content: ignore"):
        read_question(recipe(**changes))
    read_question(recipe(**changes, content="ignore"))

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from mix.build import preview
from mix.errors import MixError
from mix.proxies.points import read_points
from mix.recipe import MixRecipe
from mix.suggest.record import read_suggestion
from mix.suggest.run import run
from shards.recipe import load_recipe
from tests.commands import content
from tests.mix.suggest.conftest import BASE, fit_table, losses_at, template, write_table
from tests.records import edit


def test_a_suggestion_comes_with_its_error_and_what_to_build_and_run_next(suggested, tmp_path):
    _, record = suggested
    out = tmp_path / "out"
    assert record == read_suggestion(out) and record.status == "provisional" and sum(record.shares.values()) == pytest.approx(1)
    general = next(domain for domain in record.domains if domain.name == "general")
    assert general.base == BASE["general"] and general.budget_kept >= 0.949 and [one.name for one in record.binding if one.kind == "budget"] == ["general"]
    truth = losses_at(record.shares["general"])
    assert all(domain.predicted.low < truth[domain.name] < domain.predicted.high for domain in record.domains)
    assert truth["general"] <= 1.05 * BASE["general"] and 0.4 < record.shares["general"] < 0.6

    confirm, more = read_points(out / "confirm.yaml"), read_points(out / "next.yaml")
    assert confirm.kind == "confirmation" and confirm.points[0].shares == record.shares and confirm.points[0].repeats == 3
    assert more.kind == "trained" and [point.shares for point in more.points] == [one.shares for one in record.next_runs]


def test_the_mix_recipe_is_the_template_with_the_suggested_weights_and_their_history(suggested, tmp_path):
    _, record = suggested
    mix = load_recipe(tmp_path / "out" / "mix.yaml", MixRecipe)
    shown = preview(mix)
    assert shown["tokens"] == pytest.approx(20_000, abs=64)
    assert {source["name"]: source["asked"] for source in shown["sources"]} == pytest.approx(record.shares)
    (entry,) = mix.history
    assert entry["rule"]["name"] == "suggest" and entry["rule"]["recipe_hash"] == record.recipe_hash and entry["next"] == list(record.shares.values())
    assert entry["evidence"] == {"table": record.evidence.table, "runs": 13}
    assert load_recipe(tmp_path / "template.yaml", MixRecipe).sources == mix.sources and mix.row_tokens == 64


def test_a_share_at_the_limit_of_a_source_can_be_built(recipe, tmp_path, token_sets):
    record = run(recipe(mix=template(tmp_path, token_sets), tokens=45_000, target={"general": 1}, budget={}))
    assert [(one.kind, one.name) for one in record.binding] == [("upper", "general")] and record.shares["general"] == pytest.approx(24 / 45)
    assert "holds 12,000 × max_epochs 2 = 24,000 of 45,000 tokens: at most 53.33%" in record.binding[0].words
    preview(load_recipe(tmp_path / "out" / "mix.yaml", MixRecipe))


def test_the_same_question_and_evidence_give_the_same_bytes(suggested, tmp_path):
    asked, _ = suggested
    first = content(tmp_path / "out")
    run(asked)
    assert content(tmp_path / "out") == first


def test_without_a_template_there_is_no_mix_recipe(suggested, recipe, tmp_path):
    assert (tmp_path / "out" / "mix.yaml").is_file()
    run(recipe())
    assert not (tmp_path / "out" / "mix.yaml").exists()


def refit(asked, tmp_path: Path, runs: list, name: str = "refit"):
    """The recipe with a fit to a table that has these runs as well."""
    return asked.model_copy(update={"fit": fit_table(write_table(tmp_path / f"{name}.csv", runs), tmp_path / name)})


def test_runs_at_the_ratio_confirm_it_and_the_ratio_stays(suggested, tmp_path):
    asked, before = suggested
    share = before.shares["general"]
    truth = losses_at(share + 0.0005)
    after = run(refit(asked, tmp_path, [("c1", share + 0.0005, truth), ("elsewhere", 0.45, losses_at(0.45))]))
    assert after.status == "confirmed" and after.shares == before.shares and after.domains == before.domains and after.evidence == before.evidence
    (confirmation,) = after.confirmations
    assert confirmation.runs == ["c1"] and confirmation.kept
    for domain, predicted in zip(confirmation.domains, before.domains, strict=True):
        assert domain.observed == pytest.approx(truth[domain.name]) and domain.inside and domain.predicted == predicted.predicted
        width = predicted.predicted.mean_high - predicted.predicted.mean_low
        assert domain.combined.mean_high - domain.combined.mean_low < width
    again = run(refit(asked, tmp_path, [("c1", share, truth), ("c2", share, truth)], "more"))
    assert again.status == "confirmed" and [one.runs for one in again.confirmations] == [["c1", "c2"]]
    mix = load_recipe(tmp_path / "out" / "mix.yaml", MixRecipe)
    assert mix.history[-1]["status"] == "confirmed" and "inside the predicted" in (tmp_path / "out" / "suggestion.html").read_text()


def test_runs_that_break_the_budget_are_told_and_give_a_new_provisional_ratio(suggested, tmp_path):
    asked, before = suggested
    share = before.shares["general"]
    worse = [(f"c{number}", share, {"general": 1.06 * BASE["general"] + 0.001 * number, "law": losses_at(share)["law"]}) for number in range(3)]
    after = run(refit(asked, tmp_path, worse))
    assert after.status == "provisional" and after.shares["general"] > share + 1e-3
    (confirmation,) = after.confirmations
    assert not confirmation.kept and confirmation.shares == before.shares and not confirmation.domains[1].inside
    page = (tmp_path / "out" / "suggestion.html").read_text()
    assert "budget broken" in page and "breaks the budget of +5.00%" in page and "outside the predicted" in page
    assert run(refit(asked, tmp_path, worse)) == after  # the broken runs are evidence now, and confirm nothing


def test_a_budget_that_nothing_meets_after_a_confirmation_is_refused_with_what_was_observed(suggested, tmp_path):
    asked, before = suggested
    share = before.shares["general"]
    worse = [(f"c{number}", share, {"general": 1.2 * BASE["general"], "law": 1.5}) for number in range(3)]
    worse += [(f"d{number}", 0.75, {"general": 1.3 * BASE["general"], "law": 1.6}) for number in range(9)]
    with pytest.raises(MixError, match=r"the suggested ratio was run, and .*\+20\.00% over the base breaks the budget.*With these runs, no allowed ratio"):
        run(refit(asked, tmp_path, worse))


def test_runs_of_several_lengths_need_to_know_which_to_predict(recipe, tmp_path):
    table = write_table(tmp_path / "runs.csv", [("long", 0.3, losses_at(0.3))])
    table.write_text("".join(line.replace(",2000000,", ",9000000,") if line.startswith("long") else line for line in table.read_text().splitlines(True)))
    fitted = str(fit_table(table, tmp_path / "fit"))
    with pytest.raises(MixError, match=r"runs have 2e\+06 to 9e\+06 tokens; say in predict\.tokens which of them to predict"):
        run(recipe(fit=fitted))
    assert run(recipe(fit=fitted, predict={"tokens": "2M"})).run.at_tokens == 2_000_000


def test_runs_elsewhere_or_of_another_size_confirm_nothing(suggested, tmp_path):
    asked, before = suggested
    share = before.shares["general"]
    table = write_table(tmp_path / "other.csv", [("near", share + 0.002, losses_at(share)), ("large", share, losses_at(share))])
    lines = [line.replace(",2750000,", ",9000000,") if line.startswith("large") else line for line in table.read_text().splitlines()]
    table.write_text("\n".join(lines) + "\n")
    changed = asked.model_copy(update={"fit": fit_table(table, tmp_path / "other"), "predict": asked.predict.model_copy(update={"parameters": 2_750_000})})
    assert run(changed).status == "provisional"


def test_another_question_is_answered_anew(suggested, recipe, tmp_path, token_sets):
    _, before = suggested
    share = before.shares["general"]
    other = refit(recipe(mix=template(tmp_path, token_sets), budget={"max_general_increase": "12%"}), tmp_path, [("c1", share, losses_at(share))])
    after = run(other)
    assert after.status == "provisional" and after.confirmations == [] and after.shares["general"] < share


def test_a_budget_that_nothing_meets_is_refused_with_the_smallest_increase(recipe, tmp_path):
    with pytest.raises(MixError, match=r"no allowed ratio keeps the budget: general may rise by 0\.1%.* smallest increase .* is \d\.\d%, at general 0\.\d+"):
        run(recipe(budget={"max_general_increase": "0.1%"}))
    assert not (tmp_path / "out" / "suggestion.json").exists()


def test_a_ratio_outside_the_runs_is_refused_by_how_far_unless_told(recipe):
    with pytest.raises(MixError, match=r"general.*0\.15.* outside the runs.*extrapolat"):
        run(recipe(bounds={"general": [0.9, 1]}, budget={}))
    record = run(recipe(bounds={"general": [0.9, 1]}, budget={}, extrapolate=True))
    assert record.outside == pytest.approx(0.15, abs=1e-6) and any("15.0 share points outside the convex hull" in note for note in record.notes)


def test_too_few_runs_are_refused_with_the_number_needed(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.mix.suggest.conftest.SHARES", (0, 0.5, 0.75))
    with pytest.raises(MixError, match="general: too few runs: exponential needs 5 distinct ratios, and the table has 3 distinct ratios"):
        run(recipe(fit=str(fit_table(write_table(tmp_path / "few.csv"), tmp_path / "few"))))


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda content: content["shares"].update(general=0.9), "shares: they sum to"),
        (lambda content: content.update(status="confirmed"), "status: confirmed, but the last confirmation is not of these shares"),
        (lambda content: content.update(format=2), "format 2, this cptkit reads 1"),
        (lambda content: content["domains"][0]["predicted"].update(low=9.0), "not intervals around their value"),
    ],
)
def test_an_edited_suggestion_is_refused(suggested, tmp_path, change, said):
    edit(tmp_path / "out" / "suggestion.json", change)
    with pytest.raises(MixError, match=re.escape(said)):
        read_suggestion(tmp_path / "out")


def test_a_page_of_three_sources_has_no_curve_and_one_of_two_has_one_for_each_domain(suggested, tmp_path):
    html = (tmp_path / "out" / "suggestion.html").read_text()
    assert (
        html.count('aria-label="predicted loss on') == 2 and html.count('aria-label="gain on law against forgetting on general"') == 2
    )  # for wide screens and for phones
    assert "<script" not in html and yaml.safe_load((tmp_path / "out" / "confirm.yaml").read_text())["kind"] == "confirmation"
    assert np.isclose(sum(read_suggestion(tmp_path / "out").shares.values()), 1)

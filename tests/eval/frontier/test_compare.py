import pytest

from eval.errors import EvalError
from eval.frontier.compare import compare
from eval.frontier.evaluations import Joined, read_evaluation
from eval.frontier.runs import read_run
from eval.run import run
from eval.statistics.multiple import holm
from tests.eval.frontier.outputs import write_evaluation, write_run
from tests.records import edit


def joined_of(*folders):
    return Joined([read_evaluation(folder, folder.name) for folder in folders])


def row_of(content, model, against, domain):
    return next(row for row in content["differences"] if (row["model"], row["against"], row["domain"]) == (model, against, domain))


@pytest.fixture
def folders(tmp_path):
    one = write_evaluation(tmp_path / "one", {"base": {"law": 0, "web": 0}, "r1": {"law": -0.30, "web": 0.02}, "null": {"law": 0, "web": 0}})
    return one, write_evaluation(tmp_path / "two", {"base": {"law": 0, "web": 0}, "r2": {"law": -0.31, "web": 0.03}})


def test_models_of_two_evaluations_are_paired_and_all_verdicts_corrected_together(folders):
    content = compare(joined_of(*folders), [], None, 300)
    assert len(content["differences"]) == 2 * 6 and {row["of"] for row in content["differences"]} == {"checkpoint"}
    assert row_of(content, "r2", "base", "law")["verdict"] == "better" and row_of(content, "r2", "base", "web")["retained"] == "beyond"
    assert row_of(content, "r2", "r1", "law")["delta"] == pytest.approx(-0.01, abs=0.005)
    assert row_of(content, "null", "base", "law")["verdict"] == "undetectable"
    p_values = [row["p_value"] for row in content["differences"]]
    assert all(row["adjusted_p"] >= p for row, p in zip(content["differences"], holm(p_values), strict=True)), "tolerances are in the family, too"


def test_another_baseline_can_be_chosen(folders):
    content = compare(joined_of(*folders), [], "r1", 300)
    assert content["baseline"] == "r1" and row_of(content, "base", "r1", "law")["verdict"] == "worse"
    with pytest.raises(EvalError, match=r"--baseline r9: no model has this name; the models are base, r1, null, r2"):
        compare(joined_of(*folders), [], "r9", 300)


def test_repeats_are_also_compared_as_a_recipe(folders, tmp_path):
    runs = [read_run(write_run(tmp_path / name, "replay", seed=seed, model=name), name) for seed, name in enumerate(("r1", "r2"))]
    content = compare(joined_of(*folders), runs, None, 300)
    row = row_of(content, "replay", "base", "law")
    single = row_of(content, "r1", "base", "law")
    assert content["recipes"] == {"replay": ["r1", "r2"]} and row["of"] == "recipe"
    assert row["high"] - row["low"] > single["high"] - single["low"]


def test_scores_by_document_are_needed_and_a_shared_domain(folders, tmp_path):
    (folders[1] / "manifest.json").unlink()
    with pytest.raises(EvalError, match=r"r2: its scores by document are missing"):
        compare(joined_of(*folders), [], None, 300)
    lone = write_evaluation(tmp_path / "lone", {"base": {"law": 0}})
    with pytest.raises(EvalError, match=r"no two models were scored on the same domain"):
        compare(joined_of(lone), [], None, 300)


def test_models_that_lose_text_get_no_verdict(folders):
    edit(folders[1] / "summary.json", lambda summary: [row.update(lossy=row["model"] == "r2") for row in summary["scores"]])
    content = compare(joined_of(*folders), [], None, 300)
    assert {row["verdict"] for row in content["differences"] if "r2" in (row["model"], row["against"])} == {"lossy"}
    assert "r2 on law: no verdict, because its tokenizer loses text" in content["notes"]


def test_one_evaluation_compares_as_evaluate_run_does(recipe):
    """The same statistics: every figure of every row."""
    made = recipe()
    summary = run(made)
    content = compare(joined_of(made.out), [], None, made.n_resamples)
    for expected in summary["differences"]:
        row = row_of(content, expected["model"], expected["against"], expected["domain"])
        assert {name: expected.get(name) for name in row} == row

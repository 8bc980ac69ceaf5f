"""The section on contamination: counts, scores with and without, examples."""

from eval.report.caveats import caveats
from eval.report.contamination import contamination_content
from eval.report.read import read_inputs
from eval.report.recipe import ReportRecipe
from tests.eval import synthetic
from tests.eval.report.test_tasks import record


def summary(**changes) -> dict:
    bits = {"base": {"law": 1.8}, "replay": {"law": 1.4}}
    return synthetic.summary(bits, {"law": "gain"}) | {"contamination": synthetic.contamination(list(bits), ["law"]) | changes}


def test_without_a_check_there_is_no_section():
    assert contamination_content(synthetic.summary({"base": {"law": 1.8}}, {"law": "gain"}), None, 100) is None
    assert contamination_content(synthetic.summary({"base": {"law": 1.8}}, {"law": "gain"}), record(), 100) is None


def test_a_difference_stands_beside_the_same_difference_without_contaminated_items():
    content = contamination_content(summary(), None, 100)
    assert content["sentence"] == "30 of 120 held-out documents stand in a training set, as a whole or for a large part."
    (row,) = content["rows"]
    assert (row["all"], row["clean"], row["clean_interval"], row["left"], row["of"]) == ("−0.4000", "−0.2000", "−0.3000 to −0.1000", 90, 120)
    assert row["metric"] == "bits per byte"
    excerpt = content["examples"][0]["item_excerpt"]
    assert excerpt.startswith(f"held out {synthetic.NASTY}") and len(excerpt) == 102 and excerpt.endswith(" …")


def test_documents_that_were_left_out_count_as_found():
    content = contamination_content(summary(left_out={"law": 5}), None, 100)
    assert content["sentence"].startswith("35 of 125 ") and content["groups"][0]["left_out"] == 5


def test_tasks_stand_beside_held_out_text():
    tasks = record()
    counts = synthetic.contamination(["base"], ["law"])["domains"]["law"]
    clean = {"model": "replay", "against": "base", "task": "law", "metric": "acc", "of": "checkpoint", "delta": 0.05, "low": None, "high": None, "items": 90}
    tasks["contamination"] = {"against": [], "note": "not all was checked", "tasks": {"law": counts}, "examples": [], "scores": [], "differences": [clean]}
    content = contamination_content(summary(), tasks, 100)
    assert [group["what"] for group in content["groups"]] == ["domain", "task"] and content["notes"] == ["Tasks: not all was checked."]
    assert content["rows"][1]["clean"] == "+5.0%" and content["rows"][1]["clean_interval"] == "unbounded" and content["rows"][1]["all"] == "−10.0%"


def test_caveats_name_what_was_not_looked_for(fields, tmp_path):
    tasks = record() | {"contamination": {"against": [], "note": "too little", "tasks": {}, "examples": [], "scores": [], "differences": []}}
    synthetic.write_json(tmp_path / "tasks" / "tasks.json", tasks)
    assert "Tasks: too little." in caveats(read_inputs(ReportRecipe.model_validate(fields | {"tasks": str(tmp_path / "tasks")})))
    synthetic.write_json(tmp_path / "tasks" / "tasks.json", record())
    found = caveats(read_inputs(ReportRecipe.model_validate(fields | {"tasks": str(tmp_path / "tasks")})))
    assert "Task items were not looked for in the training documents; set train_documents in the recipe of the tasks." in found

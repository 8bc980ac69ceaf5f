import pytest

from eval.run import run


def test_differences_are_paired_and_roles_decide_who_is_asked_to_retain(recipe):
    summary = run(recipe())
    bits = {(row["model"], row["domain"]): row["bits_per_byte"] for row in summary["scores"]}
    assert [(row["model"], row["against"], row["domain"]) for row in summary["differences"]] == [
        ("adapted", "base", "domain"),
        ("adapted", "base", "general"),
    ]
    for row in summary["differences"]:
        assert row["delta"] == pytest.approx(bits["adapted", row["domain"]] - bits["base", row["domain"]])
        assert ("retained" in row) == (row["domain"] == "general")
        assert row["verdict"] in ("better", "worse", "undetectable")


def test_a_copy_of_the_baseline_is_undetectably_different(recipe, model_folders):
    summary = run(recipe(models={"base": model_folders["base"], "copy": model_folders["base"]}))
    assert {(row["delta"], row["verdict"]) for row in summary["differences"]} == {(0.0, "undetectable")}

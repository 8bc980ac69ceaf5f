import pytest

from eval.errors import EvalError
from eval.frontier.build import build
from eval.frontier.find import find
from tests.eval.frontier.outputs import BASE, write_evaluation, write_run, write_suggestion
from tests.records import edit


def built(*paths, gain=(), retain=(), cost=None):
    return build(find(paths), gain, retain, cost, 300)


def points(content):
    return {point["name"]: point for point in content["points"]}


def standing(content, name, number=0):
    return next(row for row in content["fronts"][number]["standings"] if row["point"] == name)


@pytest.fixture
def sweep(tmp_path):
    """Three seeds of one recipe, one run of a recipe that is worse on both domains, and one that gains more and forgets more."""
    deltas = {"base": (0, 0), "r1": (-0.30, 0.02), "r2": (-0.31, 0.03), "r3": (-0.29, 0.01), "bad": (-0.10, 0.20), "greedy": (-0.40, 0.30)}
    write_evaluation(tmp_path / "scores", {name: {"law": law, "web": web} for name, (law, web) in deltas.items()})
    for seed, name in enumerate(("r1", "r2", "r3")):
        write_run(tmp_path / "runs" / name / "train", "replay", seed=seed, model=name, deltas={"law": -0.3, "web": 0.02})
    write_run(tmp_path / "runs" / "bad" / "train", "bad", lr=1e-2)
    write_run(tmp_path / "runs" / "greedy" / "train", "greedy", shares={"law": 1.0}, device="cpu")
    return tmp_path


def test_runs_of_several_seeds_are_one_recipe_and_the_front_says_who_is_surely_dominated(sweep):
    content = built(sweep)
    assert {name: (point["of"], point["members"]) for name, point in points(content).items()} == {
        "replay": ("recipe", ["r1", "r2", "r3"]),
        "bad": ("checkpoint", ["bad"]),
        "greedy": ("checkpoint", ["greedy"]),
    }
    change = points(content)["replay"]["changes"]["law"]
    assert change["delta"] == pytest.approx(-0.30, abs=0.005) and change["low"] < change["delta"] < change["high"]
    assert (standing(content, "bad")["status"], standing(content, "bad")["surely_by"]) == ("surely dominated", ["replay"])
    assert standing(content, "replay")["status"] == standing(content, "greedy")["status"] == "front"
    assert standing(content, "bad")["front_share"] < 0.05 and standing(content, "greedy")["front_share"] > 0.95
    assert (content["fronts"][0]["gain"], content["fronts"][0]["retain"]) == ("law", "web")


def test_the_base_model_dominates_runs_that_are_worse_on_both_domains(tmp_path):
    deltas = {"base": (0, 0), "harm": (0.10, 0.20), "noise": (0.0005, 0.0005), "gain": (-0.3, 0.3)}
    write_evaluation(tmp_path / "scores", {name: {"law": law, "web": web} for name, (law, web) in deltas.items()})
    content = built(tmp_path)
    assert (standing(content, "harm")["status"], standing(content, "harm")["surely_by"]) == ("surely dominated", ["noise", "base"])
    assert standing(content, "harm")["front_share"] == 0
    assert standing(content, "gain")["status"] == content["fronts"][0]["base"]["status"] == "front"
    assert standing(content, "noise")["surely_by"] == []
    (tmp_path / "scores" / "manifest.json").unlink()
    by_interval = built(tmp_path)
    assert "base" in standing(by_interval, "harm")["surely_by"]


def test_a_recipe_of_seeds_is_dominated_by_the_base_model_and_a_base_model_by_its_run(sweep, tmp_path):
    content = built(sweep)
    assert content["fronts"][0]["base"]["status"] == "front"
    deltas = {"base": (0, 0), "r1": (0.30, 0.12), "r2": (0.31, 0.13), "r3": (0.29, 0.11), "best": (-0.2, -0.2)}
    write_evaluation(tmp_path / "other" / "scores", {name: {"law": law, "web": web} for name, (law, web) in deltas.items()})
    content = built(tmp_path / "other", tmp_path / "runs")
    assert "base" in standing(content, "replay")["surely_by"]
    base = content["fronts"][0]["base"]
    assert (base["status"], base["surely_by"]) == ("surely dominated", ["best"]) and base["front_share"] < 0.05


def test_two_seeds_that_scored_in_training_know_little_about_the_base_model(tmp_path):
    """Student's t of one degree of freedom: 0.30 and 0.32 are 31 errors from 0, with p = 0.02, and after Holm's correction no sure loss."""
    for seed, delta in enumerate((0.30, 0.32)):
        write_run(tmp_path / f"r{seed}", "replay", seed=seed, deltas={"law": delta, "web": delta})
    write_run(tmp_path / "r", "base", lr=1e-2, deltas={"law": -0.1, "web": 0.5})
    content = built(tmp_path, gain=["law"], retain=["web"])
    row = standing(content, "replay")
    assert (row["status"], row["dominated_by"]) == ("possibly dominated", ["base"])


def test_the_interval_of_a_recipe_holds_the_spread_between_its_seeds(sweep):
    """Seeds 0.01 apart: three of them leave ±0.025 (t of 2 degrees) where documents alone leave ±0.003."""
    change = points(built(sweep))["replay"]["changes"]["web"]
    assert 0.015 < change["high"] - change["delta"] < 0.06


def test_costs_are_those_of_the_runs(sweep):
    content = built(sweep)
    assert points(content)["replay"]["cost"] == {"tokens": 10_000, "seconds": pytest.approx(20), "gpu_hours": pytest.approx(40 / 3600)}
    assert points(content)["greedy"]["cost"] == {"tokens": 10_000, "seconds": pytest.approx(20), "gpu_hours": None}
    by_hours = built(sweep, cost="gpu_hours")
    assert [row["point"] for row in by_hours["fronts"][0]["standings"]] == ["replay", "bad"]


def test_runs_are_found_through_the_paths_of_the_models_where_they_are_not_given(sweep, tmp_path):
    paths = {name: str(tmp_path / "runs" / name / "train" / "model") for name in ("r1", "r2", "r3")}
    edit(tmp_path / "scores" / "summary.json", lambda summary: summary["recipe"].update(models=paths))
    assert points(built(tmp_path / "scores"))["replay"]["of"] == "recipe"


def test_checkpoints_along_a_run_are_points_and_a_trajectory(tmp_path):
    run = write_run(tmp_path / "run", "law", deltas={"law": -0.3, "web": 0.1})
    paths = {f"law@{step}": str(run / "checkpoints" / f"step-{step:06d}") for step in (4, 8)}
    write_evaluation(tmp_path / "scores", {"base": {"law": 0, "web": 0}, "law@8": {"law": -0.3, "web": 0.1}, "law@4": {"law": -0.2, "web": 0.2}}, paths=paths)
    content = built(tmp_path)
    assert points(content)["law@8"]["cost"]["tokens"] == 8000 and points(content)["law@4"]["run"] == "run"
    evaluated, trained = content["trajectories"]
    assert [step["step"] for step in evaluated["steps"]] == [4, 8] and evaluated["measure"] == "held-out documents"
    assert [(step["step"], step["changes"]["law"]["delta"]) for step in trained["steps"]] == [(5, pytest.approx(-0.15)), (10, pytest.approx(-0.3))]


def test_scores_in_training_alone_make_a_front_over_seeds(tmp_path):
    for seed, delta in enumerate((-0.30, -0.32)):
        write_run(tmp_path / f"r{seed}", "replay", seed=seed, deltas={"law": delta, "web": 0.02})
    write_run(tmp_path / "bad", "bad", lr=1e-2, deltas={"law": -0.1, "web": 0.3})
    content = built(tmp_path, gain=["law"], retain=["web"])
    assert content["measure"] == "held-out rows during training"
    assert points(content)["replay"]["changes"]["law"]["delta"] == pytest.approx(-0.31) and points(content)["replay"]["of"] == "recipe"
    assert standing(content, "bad")["status"] == "possibly dominated" and standing(content, "bad")["front_share"] is None


def test_runs_that_scored_other_documents_in_training_or_began_elsewhere_are_refused(tmp_path):
    write_run(tmp_path / "one", "one", deltas={"law": -0.3, "web": 0.1})
    write_run(tmp_path / "two", "two", deltas={"law": -0.3, "web": 0.1}, base={"law": 1.7, "web": 1.2})
    with pytest.raises(EvalError, match=r"domain law: the base model has 1.8000 bits per byte in .*one, 1.7000 in .*two"):
        built(tmp_path, gain=["law"], retain=["web"])
    edit(tmp_path / "two" / "run.json", lambda record: record.update(model_hash="c" * 32))
    with pytest.raises(EvalError, match=r"one and .*two started from different models"):
        built(tmp_path, gain=["law"], retain=["web"])


def test_a_table_of_runs_is_a_sweep_with_repeats(tmp_path):
    rows = [
        "base,base,,,,1.8,1.2",
        "a,trained,100,0.5,0.5,1.5,1.21",
        "a,trained,200,0.5,0.5,1.4,1.22",
        "b,trained,200,0.5,0.5,1.42,1.22",
        "c,trained,200,1,,1.3,1.5",
    ]
    (tmp_path / "runs.csv").write_text("run,kind,tokens,share.law,share.web,bits.law,bits.web\n" + "\n".join(rows) + "\n")
    content = built(tmp_path / "runs.csv", gain=["law"], retain=["web"])
    assert points(content)["a + b"]["changes"]["law"]["delta"] == pytest.approx(-0.39) and points(content)["c"]["of"] == "checkpoint"
    assert {row["status"] for row in content["fronts"][0]["standings"]} == {"front"}


def test_a_suggestion_lies_beside_what_was_measured(sweep, tmp_path):
    write_suggestion(tmp_path / "suggest", -0.2, 0.1)
    write_suggestion(tmp_path / "better", -0.5, 0.0, base={"law": 1.7, "web": 1.2})
    content = built(sweep)
    assert {row["suggestion"]: (row["beaten_by"], row["beats"]) for row in content["fronts"][0]["suggestions"]} == {
        "suggest": (["replay"], ["bad"]),
        "better": ([], ["replay", "bad", "greedy", "base"]),
    }
    assert content["suggestions"][0]["changes"]["law"]["low"] == pytest.approx(-0.51)
    assert sum("better was suggested for a base model with 1.7000" in note for note in content["notes"]) == 1


def test_what_cannot_be_placed_is_noted_or_refused(sweep, tmp_path):
    write_evaluation(tmp_path / "more", {"base": {"law": 0}, "half": {"law": -0.2}})
    assert "half: left out, because it was not scored on web" in built(sweep)["notes"]
    with pytest.raises(EvalError, match=r"--gain code: no domain has this name; the domains are"):
        built(sweep, gain=["code"])
    with pytest.raises(EvalError, match=r"no domain has the role retain; name one of law with --retain"):
        built(tmp_path / "more")
    with pytest.raises(EvalError, match=r"--cost gpu_hours: unknown for every point; no run was on GPUs, so take seconds or tokens"):
        built(tmp_path / "scores", cost="gpu_hours")
    with pytest.raises(EvalError, match=r"--cost tokens: unknown for every point; give the outputs of `train`, too"):
        built(tmp_path / "scores", cost="tokens")
    write_suggestion(tmp_path / "alone" / "s", -0.2, 0.1)
    with pytest.raises(EvalError, match=r"only suggestions here"):
        built(tmp_path / "alone")
    write_run(tmp_path / "blind" / "r", "r")
    with pytest.raises(EvalError, match=r"r: left out, because nothing was scored in training"):
        built(tmp_path / "blind", gain=["law"], retain=["web"])


def test_models_that_lose_text_have_no_place(sweep, tmp_path):
    def lose(summary):
        for row in summary["scores"]:
            row["lossy"] = row["model"] == "greedy"

    edit(tmp_path / "scores" / "summary.json", lose)
    content = built(sweep)
    assert "greedy" not in points(content) and "greedy: left out, because its tokenizer loses text of law, web" in content["notes"]


def test_summaries_without_their_scores_are_compared_by_their_intervals(sweep, tmp_path):
    (tmp_path / "scores" / "manifest.json").unlink()
    content = built(sweep)
    assert "not paired by document" in content["notes"][0] and BASE["law"] == pytest.approx(content["baseline"]["bits_per_byte"]["law"], abs=0.1)
    assert points(content)["bad"]["changes"]["law"]["high"] - points(content)["bad"]["changes"]["law"]["delta"] == pytest.approx(0.004)

from pathlib import Path

import pytest
import yaml

from eval.recipe import EvaluateRecipe
from mix.errors import MixError
from mix.proxies.plan import EVALUATE_SETTINGS_OF_SPEED, TRAIN_SETTINGS_OF_SPEED
from mix.proxies.recipe import ProxiesRecipe
from mix.proxies.run import plan, write_recipe
from mix.recipe import MixRecipe
from shards.errors import CptkitError
from shards.recipe import load_recipe
from tests.mix.proxies.home import values, write
from train.merge.recipe import MergeRecipe
from train.recipe import TrainRecipe

MODELS = {"mix.yaml": MixRecipe, "train.yaml": TrainRecipe, "merge.yaml": MergeRecipe, "evaluate.yaml": EvaluateRecipe}


@pytest.fixture
def planned(home, tmp_path):
    def make(**changes):
        return plan(ProxiesRecipe.model_validate(values(home, tmp_path / "out", **changes)))

    return make


def test_the_recipes_of_all_steps_are_understood_and_lead_from_one_to_the_next(planned, tmp_path):
    runs = {run.name: run for run in planned(kinds=["trained", "merged"], lr=[0.01, 0.02], seeds={"repeats": 2}).runs}
    loaded = {}
    for run in runs.values():
        for step in run.steps:
            path = tmp_path / "recipe.yaml"
            path.write_bytes(step.text())
            loaded[run.name, step.file] = load_recipe(path, MODELS[step.file])
    mix, train = loaded["even75-odd25-lr0.02-seed2", "mix.yaml"], loaded["even75-odd25-lr0.02-seed2", "train.yaml"]
    assert mix.stages[0].weights == {"even": 0.75, "odd": 0.25} and mix.stages[0].tokens == 4000
    assert (train.mix, train.seed, train.optimizer.lr, train.threads) == (str(mix.out), mix.seed, 0.02, 1)
    merged = loaded["merged-even50-odd50", "merge.yaml"]
    assert [(str(parent.model), parent.weight) for parent in merged.models] == [
        (str(loaded[f"{name}100-lr0.01", "train.yaml"].out / "model"), 0.5) for name in ("even", "odd")
    ]
    assert not merged.normalizes() and runs["merged-even50-odd50"].needs == ("even100-lr0.01", "odd100-lr0.01")
    evaluate = loaded["merged-even50-odd50", "evaluate.yaml"]
    assert evaluate.models["merged-even50-odd50"] == merged.out and evaluate.baseline == "base"


def test_both_kinds_are_run_at_the_same_ratios_and_experts_are_the_trained_runs_of_one_source(planned):
    runs = planned(kinds=["trained", "merged"]).runs
    of_kind = {kind: [run.proxy.shares for run in runs if run.proxy.kind == kind] for kind in ("trained", "merged")}
    assert all(shares in of_kind["trained"] for shares in of_kind["merged"]) and len(of_kind["merged"]) == 3
    assert len(of_kind["trained"]) == 4  # the three ratios, of which one is an expert, and the other expert
    apart = planned(kinds=["trained", "merged"], expert_tokens=2000).runs
    assert {run.name: run.proxy.tokens for run in apart if run.name.startswith("expert")} == {"expert-even100": 2000, "expert-odd100": 2000}


def test_repeats_differ_in_their_seed_alone_and_seeds_do_not_depend_on_the_rest_of_the_design(planned):
    runs = {run.name: run for run in planned(seeds={"repeats": 3, "at": "all"}).runs}
    seeds = [run.proxy.seed for run in runs.values()]
    assert len(set(seeds)) == len(seeds) == 9
    (alone,) = planned(design={"kind": "points", "points": [{"shares": {"even": 0.75, "odd": 0.25}}]}).runs
    assert alone == runs["even75-odd25"]
    assert planned(seed=1).runs[0].proxy.seed != planned().runs[0].proxy.seed


def test_a_confirmation_has_its_kind_and_folders_of_its_own(planned, tmp_path):
    file = write(tmp_path / "confirm.yaml", {"kind": "confirmation", "points": [{"shares": {"even": 0.5, "odd": 0.5}, "repeats": 2}]})
    runs = planned(design={"kind": "points", "file": str(file)}).runs
    assert [(run.name, run.proxy.kind) for run in runs] == [
        ("confirm-even50-odd50", "confirmation"),
        ("confirm-even50-odd50-seed2", "confirmation"),
    ]
    assert runs[0].proxy.seed not in {run.proxy.seed for run in planned().runs}


def test_the_written_recipe_means_the_same_without_the_files_it_was_made_from(home, tmp_path, monkeypatch):
    monkeypatch.setenv("RATE", "0.03")
    given = values(home, tmp_path / "out", kinds=["trained", "merged"], seeds={"repeats": 2})
    train = write(tmp_path / "train.yaml", given["train"] | {"optimizer": {"lr": "${RATE}"}})
    points = write(tmp_path / "points.yaml", {"kind": "confirmation", "points": [{"shares": {"even": 0.3, "odd": 0.7}}, {"shares": {"odd": 1}, "repeats": 3}]})
    recipe = write(tmp_path / "proxies.yaml", given | {"train": str(train), "design": {"kind": "points", "file": str(points)}})
    first = plan(load_recipe(recipe, ProxiesRecipe))
    written = write_recipe(first)
    for path in (train, points):
        path.unlink()
    monkeypatch.delenv("RATE")
    again = plan(load_recipe(written, ProxiesRecipe))
    assert again.runs == first.runs and again.runs[0].steps[1].values["optimizer"] == {"lr": 0.03}
    assert {run.proxy.kind for run in again.runs} == {"trained", "confirmation", "merged"}  # the experts are not at the suggestion


def test_settings_that_do_not_change_results_are_those_of_the_recipes():
    assert {name for name, field in TrainRecipe.model_fields.items() if field.exclude} == TRAIN_SETTINGS_OF_SPEED
    ours = {name for name, field in EvaluateRecipe.model_fields.items() if field.exclude} | {"models", "baseline"}
    assert ours == EVALUATE_SETTINGS_OF_SPEED


def test_other_weights_of_the_base_and_other_tokens_change_what_depends_on_them(home, planned, tmp_path):
    before = planned().runs[1].keys
    base = tmp_path / "base"
    base.mkdir()
    for path in (home / "base").iterdir():
        (base / path.name).write_bytes(path.read_bytes())
    assert planned(base=base).runs[1].keys == before
    (base / "model.safetensors").write_bytes((home / "base" / "model.safetensors").read_bytes() + b" ")
    after = planned(base=base).runs[1].keys
    assert {step for step in before if before[step] != after[step]} == {"train", "evaluate run"}


@pytest.mark.parametrize(
    "part, changes, problem",
    [
        ("mix", {"stages": []}, r"mix: stages: each run has its own; leave it out of the template"),
        ("mix", {"out": "x", "seed": 3}, r"mix: seed, out: each run has its own"),
        ("train", {"model": "x"}, r"train: model: each run has its own"),
        ("evaluate", {"models": {}}, r"evaluate: models: each run has its own"),
        ("evaluate", {"domains": {}}, r"evaluate\.domains: required"),
        ("evaluate", {"domains": {"law": {"documents": "nowhere"}}}, r"evaluate\.domains\.law: nowhere: no such folder"),
        ("mix", {"row_tokenz": 3}, r"mix: row_tokenz: unknown key, did you mean row_tokens\?"),
        ("mix", {"sources": {}}, r"mix\.sources: at least two sources"),
    ],
)
def test_templates_that_cannot_be_used_are_refused_before_anything_is_run(planned, home, tmp_path, part, changes, problem):
    with pytest.raises(CptkitError, match=problem):
        planned(**{part: values(home, tmp_path)[part] | changes})


def test_a_base_that_is_no_model_and_a_source_that_is_too_small_are_refused(planned, home, tmp_path):
    with pytest.raises(MixError, match=r"base: .*nowhere has no config\.json, so it is not the folder .*`train init` makes one"):
        planned(base=Path("nowhere"))
    mix = values(home, tmp_path)["mix"]
    mix["sources"]["odd"]["max_epochs"] = 0.1
    with pytest.raises(
        MixError, match=r"source odd is too small for 50\.00% of a run of 4,000 tokens: its size and limits allow .* tokens; raise mix\.sources\.odd\.max"
    ):
        planned(mix=mix)


def test_names_that_two_ratios_would_share_are_refused(planned, home, tmp_path):
    mix = values(home, tmp_path)["mix"]
    even, odd = mix["sources"].values()
    mix["sources"] = {"a": even, "a1": odd, "b": even, "b1": odd}
    points = [{"shares": {"a": 0.105, "b1": 0.895}}, {"shares": {"a1": 0.005, "b": 0.995}}]
    assert len(planned(mix=mix, design={"kind": "points", "points": points}).runs) == 2
    points = [{"shares": {"a": 0.205, "a1": 0.69, "b1": 0.105}}, {"shares": {"a": 0.205, "a1": 0.69, "b": 0.105}}]
    assert len(planned(mix=mix, design={"kind": "points", "points": points}).runs) == 2
    mix["sources"] |= {"c": even}
    points = [{"shares": {"a": 0.105, "b1": 0.005, "c": 0.89}}, {"shares": {"a1": 0.005, "b": 0.105, "c": 0.89}}]
    with pytest.raises(MixError, match=r"two runs would have the folder a10\.5-b10\.5-c89; rename one of the sources"):
        planned(mix=mix, design={"kind": "points", "points": points})


def test_long_names_become_a_hash(planned, home, tmp_path):
    mix = values(home, tmp_path)["mix"]
    mix["sources"] = {f"a-source-with-a-really-rather-long-name-{number}": source for number, source in enumerate(mix["sources"].values())}
    (run, *_) = planned(mix=mix, design={"kind": "grid", "step": 0.5}).runs[1:]
    assert run.name.startswith("ratio-") and len(run.name) == 22
    assert yaml.safe_load(run.steps[0].text())["stages"][0]["weights"] == run.proxy.shares

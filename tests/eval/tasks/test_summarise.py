"""Figures of tasks.json from made-up answers."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from eval.tasks.items import Item, Task
from eval.tasks.recipe import TasksRecipe
from eval.tasks.rows import ItemScores
from eval.tasks.summarise import summarise

N = 200


def answers(bits: np.ndarray, correct: np.ndarray, **changes) -> ItemScores:
    n = len(bits)
    names = tuple(f"q{number}" for number in range(n))
    n_bytes = np.full(n, 4.0)
    fields = {"items": names, "hashes": names, "bits": bits, "nats": bits * n_bytes * math.log(2), "n_bytes": n_bytes, "correct": correct}
    fields |= {"correct_norm": None, "near_ties": 0, "groups": None, "subtasks": (None,) * n}
    return ItemScores(**(fields | changes))


def recipe_of(models: list[str], **changes) -> TasksRecipe:
    fields = {"name": "t", "models": {model: "x" for model in models}, "baseline": models[0], "tasks": {"sky": {"items": "x"}}, "n_resamples": 500, "out": "x"}
    return TasksRecipe.model_validate(fields | changes)


TASK = Task("sky", "items", "choice", (Item("q0", "a", ("b", "c"), 0),))
RANDOM = np.random.default_rng(0)
BASE = answers(RANDOM.normal(2.0, 0.8, N), (RANDOM.random(N) < 0.4).astype(float))


def differences(scores: dict, recipe: TasksRecipe, task: Task = TASK) -> dict:
    content = summarise({(model, task.name): found for model, found in scores.items()}, recipe, [task])
    return {(row["model"], row["against"], row["metric"]): row for row in content["differences"]}


def test_bits_see_a_change_that_accuracy_does_not():
    flipped = BASE.correct.copy()
    flipped[:3] = 1 - flipped[:3]
    new = replace(BASE, bits=BASE.bits - RANDOM.normal(0.05, 0.1, N), correct=flipped)
    rows = differences({"base": BASE, "new": new}, recipe_of(["base", "new"]))
    bits, accuracy = rows["new", "base", "bits_per_byte"], rows["new", "base", "acc"]
    assert bits["verdict"] == "better" and bits["delta"] < 0 and bits["high"] < 0
    assert accuracy["verdict"] == "undetectable" and accuracy["minimum_detectable"] > abs(accuracy["delta"])


def test_more_right_answers_are_better_and_fewer_bits_are():
    gained = np.where(np.arange(N) < 60, 1.0, BASE.correct)
    rows = differences({"base": BASE, "new": replace(BASE, correct=gained, bits=BASE.bits + 1)}, recipe_of(["base", "new"]))
    assert (rows["new", "base", "acc"]["verdict"], rows["new", "base", "bits_per_byte"]["verdict"]) == ("better", "worse")


def test_the_p_value_of_accuracy_is_mcnemars_exact_test_and_holm_counts_all_differences():
    new = replace(BASE, correct=np.where(np.arange(N) < 20, 1.0, BASE.correct))
    row = differences({"base": BASE, "new": new}, recipe_of(["base", "new"]))["new", "base", "acc"]
    gained = int((BASE.correct[:20] == 0).sum())
    assert (row["gained"], row["lost"]) == (gained, 0)
    assert row["p_value"] == pytest.approx(binomtest(gained, gained, 0.5).pvalue) and row["adjusted_p"] == pytest.approx(min(1, 2 * row["p_value"]))


def test_items_of_one_passage_are_resampled_together():
    shift = np.repeat(RANDOM.normal(0, 0.5, 20), 10)
    new, groups = replace(BASE, bits=BASE.bits + shift), np.repeat(np.arange(20), 10)
    alone = differences({"base": BASE, "new": new}, recipe_of(["base", "new"]))["new", "base", "bits_per_byte"]
    scores = {"base": replace(BASE, groups=groups), "new": replace(new, groups=groups)}
    together = differences(scores, recipe_of(["base", "new"]))
    row = together["new", "base", "bits_per_byte"]
    assert (row["items"], row["clusters"]) == (N, 20) and row["high"] - row["low"] > 2 * (alone["high"] - alone["low"])
    assert together["new", "base", "acc"]["p_value"] == 1.0


def test_fewer_than_fifteen_groups_give_no_verdict():
    groups = np.arange(N) % 10
    scores = {"base": replace(BASE, groups=groups), "new": replace(BASE, groups=groups, bits=BASE.bits - 1)}
    assert differences(scores, recipe_of(["base", "new"]))["new", "base", "bits_per_byte"]["verdict"] == "too few"


def test_the_macro_mean_gives_every_subject_the_same_weight():
    subjects = ("law",) * 150 + ("art",) * 50
    found = replace(BASE, subtasks=subjects)
    content = summarise({("base", "sky"): found}, recipe_of(["base"]), [TASK])
    row = next(row for row in content["scores"] if row["metric"] == "acc")
    law, art = BASE.correct[:150].mean(), BASE.correct[150:].mean()
    assert row["macro"]["value"] == pytest.approx((law + art) / 2) and row["value"] == pytest.approx(BASE.correct.mean())
    assert row["macro"]["low"] < row["macro"]["value"] < row["macro"]["high"]
    assert [(part["subtask"], part["items"], part["acc"]) for part in content["subtasks"]] == [
        ("law", 150, pytest.approx(law)),
        ("art", 50, pytest.approx(art)),
    ]


def test_recipes_are_compared_with_the_spread_between_their_seeds():
    def run(shift: float) -> ItemScores:
        return replace(BASE, bits=BASE.bits + shift + RANDOM.normal(0, 0.02, N))

    scores = {"base": BASE, "a1": run(-0.1), "a2": run(0.2), "a3": run(0.05), "b1": run(-0.15), "b2": run(0.1), "b3": run(-0.05)}
    recipe = recipe_of(list(scores), recipes={"a": ["a1", "a2", "a3"], "b": ["b1", "b2", "b3"]})
    rows = differences(scores, recipe)
    assert rows["b", "a", "bits_per_byte"]["of"] == "recipe" and rows["b", "a", "bits_per_byte"]["verdict"] == "undetectable"
    assert rows["b1", "base", "bits_per_byte"]["of"] == "checkpoint" and ("b1", "a1", "bits_per_byte") not in rows
    single = differences({"base": BASE, "b1": scores["b1"]}, recipe_of(["base", "b1"]))["b1", "base", "bits_per_byte"]
    wide = rows["b", "base", "bits_per_byte"]
    assert single["verdict"] == "better" and wide["standard_error"] > 5 * single["standard_error"]


def test_the_published_accuracy_gets_the_verdict():
    found = replace(BASE, correct_norm=1 - BASE.correct)
    scores = {"base": found, "new": replace(found, bits=found.bits - 0.1)}
    assert {key[2] for key in differences(scores, recipe_of(["base", "new"]))} == {"bits_per_byte", "acc"}
    assert {key[2] for key in differences(scores, recipe_of(["base", "new"]), replace(TASK, accuracy="acc_norm"))} == {"bits_per_byte", "acc_norm"}


def test_the_smallest_change_of_one_model_is_that_of_two_unrelated_models():
    content = summarise({("base", "sky"): BASE}, recipe_of(["base"]), [TASK])
    row = next(row for row in content["scores"] if row["metric"] == "acc")
    p = BASE.correct.mean()
    assert row["smallest_change"] == pytest.approx(2.8 * math.sqrt(2 * p * (1 - p) / N), rel=0.05)


def test_a_tokenizer_that_loses_text_gets_no_verdict_and_no_share_of_the_correction():
    scores = {("base", "sky"): BASE, ("new", "sky"): replace(BASE, bits=BASE.bits - 1), ("lossy", "sky"): replace(BASE, bits=BASE.bits - 2)}
    content = summarise(scores, recipe_of(["base", "new", "lossy"]), [TASK], {("lossy", "sky")})
    verdicts = {(row["model"], row["against"], row["metric"]): row for row in content["differences"]}
    assert verdicts["lossy", "base", "bits_per_byte"]["verdict"] == verdicts["lossy", "new", "acc"]["verdict"] == "lossy"
    row = verdicts["new", "base", "bits_per_byte"]
    assert row["verdict"] == "better" and row["adjusted_p"] == pytest.approx(min(1, 2 * row["p_value"]))


def test_models_that_never_differ_are_not_said_to_be_equal():
    row = differences({"base": BASE, "new": replace(BASE)}, recipe_of(["base", "new"]))["new", "base", "acc"]
    assert row["delta"] == 0 and -row["low"] == row["high"] == pytest.approx(0.0188, abs=1e-4)
    rate = row["minimum_detectable"]
    assert binom.sf(5, N, rate) == pytest.approx(0.8) and row["p_value"] == 1


def test_a_share_of_none_or_all_has_an_interval():
    for share in (0.0, 1.0):
        content = summarise({("base", "sky"): replace(BASE, correct=np.full(N, share))}, recipe_of(["base"]), [TASK])
        row = next(row for row in content["scores"] if row["metric"] == "acc")
        assert 0.01 < row["high"] - row["low"] < 0.03 and row["low"] <= share <= row["high"] and row["smallest_change"] > 0.02


def test_tasks_that_tell_the_models_apart_come_first():
    noisy, clear = replace(TASK, name="noisy"), replace(TASK, name="clear")
    scores = {("base", name): BASE for name in ("noisy", "clear")}
    scores |= {
        ("new", "noisy"): replace(BASE, bits=BASE.bits + RANDOM.normal(0.02, 1.0, N)),
        ("new", "clear"): replace(BASE, bits=BASE.bits + RANDOM.normal(0.5, 0.1, N)),
    }
    order = summarise(scores, recipe_of(["base", "new"]), [noisy, clear])["order"]
    assert [row["task"] for row in order] == ["clear", "noisy"] and order[0]["signal_to_noise"] == pytest.approx(0.5 / (0.1 / math.sqrt(N)), rel=0.2)
    alone = summarise({("base", "noisy"): BASE}, recipe_of(["base"]), [noisy])["order"]
    assert alone == [{"task": "noisy", "signal_to_noise": None}]


def test_the_interval_of_a_share_of_groups_stays_within_none_and_all():
    correct = np.zeros(N)
    correct[:10] = 1.0  # one group of twenty has all right answers
    rare = replace(BASE, correct=correct, groups=np.repeat(np.arange(20), 10))
    (row,) = [row for row in summarise({("base", "sky"): rare}, recipe_of(["base"]), [TASK])["scores"] if row["metric"] == "acc"]
    assert row["low"] == 0.0 < row["value"] < row["high"] <= 1.0

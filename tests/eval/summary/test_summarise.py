import numpy as np
import pytest

from eval.errors import EvalError
from eval.report.record import SummaryRecord
from eval.summary.compared import pairs_of
from eval.summary.summarise import summarise
from shards.record import json_hash
from tests.eval.summary.scored import N, recipe_of, scored

RUNS = {"base": 0.0, "a1": -0.30, "a2": -0.31, "a3": -0.29, "b1": -0.10, "b2": -0.11, "alone": -0.2}
RECIPES = {"replay": ["a1", "a2", "a3"], "plain": ["b1", "b2"]}


def sections(recipe, domains):
    found, _ = summarise(domains, recipe)
    facts = {domain.name: {"role": domain.role, "documents": N, "bytes": int(domain.n_bytes.sum()), "manifest_hash": "a"} for domain in domains}
    models = {name: {"checksum": json_hash(name)} for name in recipe.models}
    SummaryRecord.model_validate({"recipe": {"tolerance": 0.01}, "baseline": recipe.baseline, "models": models, "domains": facts, **found})
    return found


def test_recipes_are_compared_over_documents_and_seeds_and_runs_only_with_the_baseline():
    recipe = recipe_of(RUNS, recipes=RECIPES)
    found = sections(recipe, [scored("law", RUNS), scored("web", dict.fromkeys(RUNS, 0.0))])
    compared = [(row["of"], row["model"], row["against"]) for row in found["differences"] if row["domain"] == "law"]
    assert compared[:3] == [("recipe", "replay", "base"), ("recipe", "plain", "base"), ("recipe", "plain", "replay")]
    assert [(of, model, against) for of, model, against in compared[3:]] == [("checkpoint", name, "base") for name in ("a1", "a2", "a3", "b1", "b2", "alone")]
    replay = found["differences"][0]
    assert (replay["seeds"], replay["against_seeds"], replay["verdict"]) == (3, 1, "better") and "below_seed_noise" not in replay
    assert replay["delta"] == pytest.approx(-0.30, abs=0.01)
    checkpoint = next(row for row in found["differences"] if row["model"] == "a1" and row["domain"] == "law")
    assert replay["standard_error"] > checkpoint["standard_error"] and not checkpoint["below_seed_noise"]
    assert [(row["domain"], row["stated"]) for row in found["seed_noise"]] == [("law", False), ("web", False)]
    assert found["seed_noise"][0]["degrees"] == 3 and 0.005 < found["seed_noise"][0]["deviation"] < 0.02


def test_a_difference_that_another_seed_could_have_made_is_marked():
    changes = {"base": 0.0, "one": -0.01}
    domains = [scored("law", changes, spread=0.001)]
    recipe = recipe_of(changes, ("law",), seed_noise={"law": {"deviation": 0.01, "degrees": 4}})
    row = sections(recipe, domains)["differences"][0]
    assert row["verdict"] == "better" and row["below_seed_noise"]
    assert not sections(recipe_of(changes, ("law",), seed_noise=0.0001), domains)["differences"][0]["below_seed_noise"]
    assert "below_seed_noise" not in sections(recipe_of(changes, ("law",)), domains)["differences"][0]


def test_clusters_widen_intervals_and_too_few_of_them_get_no_verdict():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(20), 4)
    shared = np.repeat(rng.normal(-0.05, 0.05, 20), 4)
    rows = [
        sections(recipe_of(("base", "new"), ("law",)), [scored("law", {"base": 0.0, "new": shared}, labels=made)])["differences"][0]
        for made in (None, labels, labels // 2)
    ]
    assert [row["clusters"] for row in rows] == [80, 20, 10] and rows[0]["effective"] > rows[1]["effective"] > rows[2]["effective"]
    assert rows[1]["high"] - rows[1]["low"] > 1.3 * (rows[0]["high"] - rows[0]["low"])
    assert rows[0]["delta"] == rows[1]["delta"] and rows[0]["verdict"] == "better" and rows[2]["verdict"] == "too few"


def test_a_tokenizer_that_loses_text_gets_no_verdict_and_says_what_it_loses():
    changes = {"base": 0.0, "thin": -0.5, "new": -0.3}
    found = sections(recipe_of(changes, allow_lossy=True), [scored(name, changes, lost={"thin": 0.66}) for name in ("law", "web")])
    verdicts = {(row["model"], row["against"], row["domain"]): (row["verdict"], row.get("retained")) for row in found["differences"]}
    assert verdicts["thin", "base", "law"] == verdicts["new", "thin", "law"] == ("lossy", None)
    assert verdicts["thin", "base", "web"] == ("lossy", "lossy") and verdicts["new", "base", "law"] == ("better", None)
    thin = found["scores"][1]
    assert thin["lossy"] and thin["lost_bytes"] == pytest.approx(0.66 * thin["bytes"], rel=0.01) and thin["lost_example"] == "'ab' becomes ''"


def test_the_cost_of_the_first_token_and_the_context_in_bytes_stand_with_each_score():
    row = sections(recipe_of(("base",), ("law",)), [scored("law", {"base": 0.0})])["scores"][0]
    assert row["first_token_nats"] == 5.0 and row["first_token_bits_per_byte"] == pytest.approx(5 * N / row["bytes"] / np.log(2))
    assert row["context_bytes"] == pytest.approx(1024 * row["bytes"] / row["tokens"])


def test_documents_say_how_many_worsened_and_which_one_decides():
    change = np.full(N, -0.1)
    change[:20] = 0.05
    change[33] = -0.9
    changes = {"base": 0.0, "new": change}
    domain = scored("law", changes, spread=0.0)
    found = sections(recipe_of(changes, ("law",)), [domain])
    row = found["differences"][0]
    assert row["worsened"]["documents"] == 20 and row["worsened"]["share"] == 0.25
    assert 0.15 < row["worsened"]["low"] < 0.25 < row["worsened"]["high"] < 0.36
    rest = np.delete(np.arange(N), 33)
    assert row["influential"]["doc_id"] == (33).to_bytes(16, "big").hex() and row["influential"]["text"] == "Document 33 of law"
    assert row["influential"]["delta_without"] == pytest.approx(np.average(change[rest], weights=domain.n_bytes[rest]))
    extremes = found["documents"][0]
    assert extremes["best"][0]["doc_id"] == row["influential"]["doc_id"] and len(extremes["best"]) == len(extremes["worst"]) == 5
    assert all(document["after"] - document["before"] == pytest.approx(0.05) for document in extremes["worst"])
    copy = sections(recipe_of(changes, ("law",)), [scored("law", {"base": 0.0, "new": 0.0}, spread=0.0)])
    assert copy["documents"][0]["worst"] == copy["documents"][0]["best"] == [] and copy["differences"][0]["verdict"] == "undetectable"
    worsened = copy["differences"][0]["worsened"]
    assert worsened["share"] == 0 and worsened["low"] == pytest.approx(0) and 0 < worsened["high"] < 0.1


def test_slices_find_where_a_difference_lies_and_are_corrected_on_their_own():
    sources = ["court", "statute"] * (N // 2)
    change = np.where(np.array(sources) == "court", -0.3, 0.0)
    domain = scored("law", {"base": 0.0, "new": change}, columns={"source": sources, "metadata": ['{"date": "2021-05-04"}', ""] * (N // 2)})
    plain = sections(recipe_of(("base", "new"), ("law",)), [domain])
    found = sections(recipe_of(("base", "new"), ("law",), slices=["source", "length", "year"]), [domain])
    rows = {(row["slice"], row["value"]): row for row in found["slices"]}
    assert (rows["source", "court"]["verdict"], rows["source", "statute"]["verdict"]) == ("better", "undetectable")
    assert rows["source", "court"]["documents"] == N // 2 and {("year", "2021"), ("year", "(none)")} <= rows.keys()
    bands = [row for row in found["slices"] if row["slice"] == "length"]
    assert len(bands) == 4 and sum(row["bytes"] for row in bands) == int(domain.n_bytes.sum()) and bands[0]["value"].startswith("to ")
    assert found["differences"] == plain["differences"] and "slices" not in plain
    same = scored("law", {"base": 0.0, "new": change}, columns={"source": ["court"] * N})
    one = sections(recipe_of(("base", "new"), ("law",), slices=["source", "length"]), [same])
    assert {row["slice"] for row in one["slices"]} == {"length"}, "a slice of one value is the whole domain"
    with pytest.raises(EvalError, match=r"domain law: slices: metadata.id has 80 values, at most 50"):
        many = {"metadata": [f'{{"id": {number}}}' for number in range(N)]}
        summarise([scored("law", {"base": 0.0, "new": 0.0}, columns=many)], recipe_of(("base", "new"), ("law",), slices=["metadata.id"]))


def test_transfer_along_a_chain():
    bits = {"law": {"base": 0.0, "m1": -0.4, "m2": -0.3, "m3": -0.25}, "med": {"base": 0.0, "m1": -0.1, "m2": -0.5, "m3": -0.4}}
    bits["web"] = {"base": 0.0, "m1": 0.0, "m2": 0.2, "m3": -0.2}
    chain = [{"model": "m1", "domain": "law"}, {"model": "m2", "domain": "med"}, {"model": "m3", "domain": "web"}]
    found = sections(recipe_of(bits["law"], tuple(bits), chain=chain), [scored(name, changes, spread=0.001) for name, changes in bits.items()])["transfer"]
    assert [(step["model"], step["domain"]) for step in found["steps"]] == [("base", None), ("m1", "law"), ("m2", "med"), ("m3", "web")]
    deltas = {(row["kind"], row["domain"]): row["delta"] for row in found["rows"]}
    expected = {("backward", "law"): 0.15, ("backward", "med"): 0.1, ("forward", "med"): -0.1, ("forward", "web"): 0.2}
    assert deltas == pytest.approx(expected | {("backward", "mean"): 0.125, ("forward", "mean"): 0.05}, abs=2e-3)
    step = found["steps"][2]["bits_per_byte"]
    assert step["law"] - found["steps"][0]["bits_per_byte"]["law"] == pytest.approx(-0.3, abs=2e-3)
    assert all(row["low"] < row["delta"] < row["high"] for row in found["rows"])


def test_pairs_with_a_baseline_inside_a_recipe_leave_that_recipe_out():
    pairs = pairs_of(recipe_of(("a1", "a2", "b1"), recipes={"a": ["a1", "a2"], "b": ["b1"]}))
    assert [(pair.of, pair.new.name, pair.base.name) for pair in pairs] == [
        ("recipe", "b", "a1"),
        ("recipe", "b", "a"),
        ("checkpoint", "a2", "a1"),
        ("checkpoint", "b1", "a1"),
    ]

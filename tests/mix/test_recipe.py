import pytest

from mix.recipe import EpochsRecipe, MixRecipe
from mix.weights import RampRecipe
from shards.errors import RecipeError
from shards.recipe import load_recipe, recipe_hash

HEAD = "name: x\nsources: {a: {tokens: some/folder}, b: {tokens: [one, two], max_epochs: 4}}\n"


def load(tmp_path, text, overrides=()):
    (tmp_path / "mix.yaml").write_text(text if "\nsources:" in text else HEAD + text)
    return load_recipe(tmp_path / "mix.yaml", MixRecipe, overrides)


@pytest.mark.parametrize(
    "written, tokens", [("20000000", 20_000_000), ("20_000_000", 20_000_000), ("20M", 20_000_000), ("2e7", 20_000_000), ("1.5B", 1_500_000_000), ("3k", 3000)]
)
def test_amounts_of_tokens_are_numbers_or_numbers_with_a_unit(tmp_path, written, tokens):
    assert load(tmp_path, f"tokens: {written}\nweights: {{a: 1}}").stages[0].tokens == tokens


def test_a_mix_of_one_stage_needs_no_list_and_can_be_overridden(tmp_path):
    short = load(tmp_path, "tokens: 1M\nweights: {a: 1}", ["tokens=2M", "weights.b=3"])
    assert short == load(tmp_path, "stages: [{tokens: 2M, weights: {a: 1, b: 3}}]")


def test_weights_are_constant_or_linear(tmp_path):
    stage = load(tmp_path, "tokens: 1M\nweights: {a: 1, b: {from: 0, to: 2}}").stages[0]
    assert stage.weights["a"] == 1 and stage.weights["b"] == RampRecipe(start=0, to=2)


def test_amounts_are_tokens_or_epochs(tmp_path):
    stage = load(tmp_path, "amounts: {a: 5B, b: 2 epochs}").stages[0]
    assert stage.amounts == {"a": 5 * 10**9, "b": EpochsRecipe(epochs=2)}


def test_paths_do_not_change_the_hash_but_weights_do(tmp_path):
    first = load(tmp_path, "tokens: 1M\nweights: {a: 1}")
    assert recipe_hash(first) == recipe_hash(load(tmp_path, "tokens: 1M\nweights: {a: 1}\nout: elsewhere\nworkers: 2", ["sources.a.tokens=moved"]))
    assert recipe_hash(first) != recipe_hash(load(tmp_path, "tokens: 1M\nweights: {a: 1, b: 1}"))


@pytest.mark.parametrize(
    "text, said",
    [
        ("tokens: 1M\nweights: {a: 1, c: 2}", "weights for c, but the sources are a, b"),
        ("tokens: 1M\nweights: {a: 0}", "beginning of the stage"),
        ("tokens: 1M\nweights: {a: {from: 1, to: 0}}", "end of the stage"),
        ("tokens: 1M\nweights: {a: -1, b: 2}", "0 or more"),
        ("tokens: 1M\nweights: {a: .inf}", "finite number"),
        ("tokens: 1M\nweights: {a: .nan}", "finite number"),
        ("tokens: many\nweights: {a: 1}", "stages.0.tokens: not an amount of tokens; write 20000000, 20M or 1.5B"),
        ("tokens: 2Q\nweights: {a: 1}", "not an amount of tokens"),
        ("tokens: 1M\nweights: {a: 1, b: {from: 1}}", "stages.0.weights.b.ramp.to: required, but not given"),
        ("tokens: 1M\nweights: {a: x}", "stages.0.weights.a.number: Input should be a valid number"),
        ("tokens: 1M\nweights: {a: 0.7, b: 0.2}", "all below 1, so they are shares, but they sum to 0.9"),
        ("tokens: 1M\nweights: {a: 0.7, b: 0.7}", "sum to 1.4"),
        ("tokens: 1M\nweights: {a: 0.9, b: {from: 0.1, to: 0.3}}", "sum to 1.2"),
        ("tokens: 1M\nweights: {a: 0.5, b: {steps: [[0, 0.5], [0.5, 0.2]]}}", "sum to 0.7"),
        ("tokens: 0\nweights: {a: 1}", "greater than 0"),
        ("tokens: 1M", "weights: required, unless amounts or a temperature is given"),
        ("weights: {a: 1}", "tokens: required, as weights are relative"),
        ("tokens: 1M\namounts: {a: 1M}", "leave tokens out"),
        ("tokens: 1M\namounts: {a: 1K}\nweights: {a: 1, b: 1}", "a: has both a weight and an amount"),
        ("tokens: 1M\nweights: {a: {points: [[0, 1], [0.5, 0], [1, 1]]}}", "weights at 0.5 of the stage"),
        ("tokens: 1M\nweights: {a: {steps: [[0, 0], [0.5, 1]]}, b: {steps: [[0, 1], [0.4, 0]]}}", "weights at 0.4 of the stage"),
        ("name: x\ntokens: 1M\nweights: {a: 1}\nsources: {a: {tokens: t, order: {by: n_tokens, part: 0.5}}}", "pacing sorted orders whole epochs"),
        ("tokens: 1M\nweights: {a.x: 1}", "weights for a.x, but the sources are a, b"),
        ("stages: []", "stages"),
        ("stages: [{tokens: 1, weights: {a: 1}}]\nrow_token: 3", "did you mean row_tokens?"),
        ("stages: [{tokens: 1, weights: {a: 1}}]\ntokens: 3", "tokens: unknown key"),
    ],
)
def test_faults_are_named(tmp_path, text, said):
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("weights", ["{a: 7, b: 2}", "{a: 1, b: 0.5}", "{a: 0.33, b: 0.66}", "{a: 0.3}", "{a: {from: 0.9, to: 0.1}, b: {from: 0.1, to: 0.9}}"])
def test_relative_weights_and_shares_that_sum_to_one_are_taken(tmp_path, weights):
    load(tmp_path, f"tokens: 1M\nweights: {weights}")
    load(tmp_path, "tokens: 1M\ntemperature: 2\nweights: {a: 0.7, b: 0.2}")


def test_columns_need_the_documents_that_hold_them(tmp_path):
    with pytest.raises(RecipeError, match="perplexity, topic: these are columns of documents; give the documents sets"):
        load(tmp_path, "tokens: 1\nweights: {a: 1}", ["sources.a.split=topic", "sources.a.order={by: perplexity}"])
    load(tmp_path, "tokens: 1\nweights: {a: 1}", ["sources.a.order={by: n_tokens}"])


def test_a_split_source_may_have_weights_for_its_groups(tmp_path):
    load(tmp_path, "tokens: 1\nweights: {a: 1, a.law: 2}", ["sources.a={tokens: t, documents: d, split: topic}"])


def test_names_of_sources_are_names_of_folders(tmp_path):
    with pytest.raises(RecipeError, match=r"source '../x': names of sources become folder names, and names are letters"):
        load(tmp_path, "tokens: 1\nweights: {a: 1}", ["sources={'../x': {tokens: y}}"])

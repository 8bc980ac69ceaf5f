import json
import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from mix.build import build, preview
from mix.errors import MixError
from mix.group_names import folded, group_names
from mix.recipe import MixRecipe
from mix.stream import open_mix
from shards.errors import RecipeError
from shards.names import name_problem
from shards.read import ShardSet
from shards.recipe import build_recipe
from shards.schemas import DOC_ID
from shards.write import write_set

DECOMPOSED = unicodedata.normalize("NFD", "é")
ODD = [
    "",
    "none",
    "a/b",
    "a b",
    "a_b",
    "..",
    ".",
    "../../x",
    "\x00\x1b[31m\n",
    "x" * 300,
    "x" * 301,
    "語" * 200,
    "EN",
    "en",
    "é",
    DECOMPOSED,
    "हिन्दी",
    " ",
    "-",
    "CON",
    "law",
    "7",
]


def test_every_value_has_a_name_of_its_own_that_can_be_a_folder_anywhere():
    names = group_names("s" * 128, ODD)
    assert len({folded(name) for name in names}) == len(ODD)
    assert not any(name_problem(f"{name}-{'0' * 16}") for name in names)


def test_values_that_are_valid_names_stay_and_others_remain_readable():
    names = dict(zip(ODD, group_names("news", ODD), strict=True))
    assert [names[value] for value in ("", "a_b", "law", "7", "CON", "..")] == ["news.none", "news.a_b", "news.law", "news.7", "news.CON", "news..."]
    assert names["a/b"].startswith("news.a_b-") and names["x" * 300].startswith(f"news.{'x' * 64}-") and names["none"].startswith("news.none-")
    assert group_names("news", ["a/b", "law"]) == [names["a/b"], "news.law"]


def test_a_value_equal_to_the_name_of_another_group_gets_a_name_of_its_own():
    [name] = group_names("n", ["a/b"])
    names = group_names("n", ["a/b", name.removeprefix("n.")])
    assert len(set(names)) == 2


@pytest.fixture
def split(tmp_path, tokens):
    """split(values, **changes): a recipe of a source `news` split by a column with these values, one document each in turn."""

    def make(values, **changes) -> MixRecipe:
        folder = tokens("news", np.full(4 * len(values), 40))
        ids = ShardSet(folder).to_table()["doc_id"]
        table = pa.table({"id": pa.array(ids.to_pylist(), DOC_ID), "text": ["x"] * len(ids), "topic": pa.array(values * 4)})
        write_set(tmp_path / "documents", "documents", table.schema, table.to_batches())
        news = {"tokens": str(folder), "documents": str(tmp_path / "documents"), "split": "topic"}
        raw = {"name": "m", "row_tokens": 64, "sources": {"news": news}, "tokens": 40 * len(values), "weights": {"news": 1}, "out": str(tmp_path / "mix")}
        return build_recipe(raw | changes | {"sources": {"news": news} | changes.get("sources", {})}, MixRecipe, "m")

    return make


def test_any_text_can_split_a_source_and_is_shown_in_the_preview(tmp_path, split):
    recipe = split(ODD)
    shown = preview(recipe)
    assert sorted(source["value"] for source in shown["sources"]) == sorted(ODD)
    assert build(recipe)[1] == shown == {key: value for key, value in json.loads((tmp_path / "mix/preview.json").read_text()).items() if key != "checksum"}
    mix = open_mix(tmp_path / "mix")
    assert mix.rows(0, mix.n_rows).n_tokens.sum() == mix.plan.n_tokens
    assert sorted(path.name for path in tmp_path.iterdir()) == ["documents", "mix", "tokens"]


def test_a_weight_may_name_a_group_by_its_value(split):
    weights = {"news.a/b": 3, "news.law": 1}
    shown = preview(split(["a/b", "law"], weights=weights))
    assert {source["value"]: round(source["asked"], 6) for source in shown["sources"]} == {"a/b": 0.75, "law": 0.25}
    name = next(source["name"] for source in shown["sources"] if source["value"] == "a/b")
    assert preview(split(["a/b", "law"], weights={name: 3, "news.law": 1})) == shown
    with pytest.raises(MixError, match=f"news.a/b and {name} are one source; name it once"):
        preview(split(["a/b", "law"], weights={name: 3, "news.a/b": 1}))


@pytest.mark.parametrize("name", ["news.de", "news.DE"])
def test_a_source_named_as_a_group_is_refused_in_one_line(tokens, split, name):
    recipe = split(["de", "en"], sources={name: {"tokens": str(tokens("other", [9, 9]))}})
    with pytest.raises(MixError, match=rf"^the group 'de' of source news and source {name} would share one folder; rename one of the sources"):
        preview(recipe)


@pytest.mark.parametrize("name", ["x" * 129, "a/b", "..", "", "a\n"])
def test_a_source_whose_name_cannot_be_a_folder_is_refused(split, name):
    with pytest.raises(RecipeError, match=r"source .*: (names of sources become folder names|names of sources have at most 128 bytes)"):
        split(["de"], sources={name: {"tokens": "t"}})

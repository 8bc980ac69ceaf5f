"""The share of a mix that was made by models or rules, from the marks of the tokens sets."""

import numpy as np
import pyarrow as pa
import pytest

from mix.build import build, preview
from mix.errors import MixError
from mix.recipe import MixRecipe
from shards.read import ShardSet
from shards.schemas import DOC_ID
from shards.write import write_set
from tests.mix.conftest import write_tokens

LENGTHS = np.full(200, 50)


def recipe(tmp_path, sources, **changes) -> MixRecipe:
    raw = {"name": "mix", "row_tokens": 100, "sources": sources, "out": tmp_path / "out", "tokens": 6000, "weights": {"web": 3, "qa": 1}}
    return MixRecipe.model_validate(raw | changes)


@pytest.fixture
def sources(tmp_path):
    """Of the web, a tenth of the documents is synthetic; of qa, all are."""
    web = write_tokens(tmp_path / "web", LENGTHS, synthetic=range(20))
    return {"web": {"tokens": web}, "qa": {"tokens": write_tokens(tmp_path / "qa", LENGTHS, seed=1, synthetic=range(200))}}


def test_a_preview_states_the_synthetic_share_of_each_source_and_of_the_mix(tmp_path, sources):
    shown = preview(recipe(tmp_path, sources))
    assert [source["synthetic"] for source in shown["sources"]] == [pytest.approx(0.1), 1]
    assert shown["synthetic"] == pytest.approx(0.75 * 0.1 + 0.25, abs=0.01) and shown["max_synthetic"] is None


def test_a_mix_with_more_synthetic_text_than_allowed_is_refused_by_name(tmp_path, sources):
    build(recipe(tmp_path, sources, max_synthetic=0.35))
    with pytest.raises(MixError, match=r"max_synthetic: 32\.5% .* at most 30\.0% .* source qa, 100\.0% of which"):
        build(recipe(tmp_path, sources, max_synthetic=0.3))


def test_the_cap_is_no_part_of_the_plan(tmp_path, sources):
    capped, _ = build(recipe(tmp_path, sources, max_synthetic=0.35))
    assert capped == build(recipe(tmp_path, sources))[0]


def test_groups_and_repeats_of_a_source_have_the_share_of_their_own_documents(tmp_path):
    tokens = write_tokens(tmp_path / "tokens" / "all", LENGTHS, synthetic=range(50))
    ids = ShardSet(tokens).to_table()["doc_id"].to_pylist()
    columns = {"topic": ["made" if number < 100 else "found" for number in range(200)], "times": [3 if number < 50 else 1 for number in range(200)]}
    table = pa.table({"id": pa.array(ids, DOC_ID), "text": ["x"] * 200} | columns)
    write_set(tmp_path / "documents", "documents", table.schema, table.to_batches())
    source = {"tokens": tokens, "documents": tmp_path / "documents", "split": "topic", "repeats": {"column": "times"}}
    shown = preview(recipe(tmp_path, {"web": source}, weights={"web.made": 1, "web.found": 1}))
    assert {source["name"]: source["synthetic"] for source in shown["sources"]} == {"web.found": 0, "web.made": pytest.approx(150 / 200)}


def test_sets_without_marks_count_as_not_synthetic(tmp_path, sources):
    plain = {"web": sources["web"], "qa": {"tokens": write_tokens(tmp_path / "plain", LENGTHS, seed=2)}}
    assert [source["synthetic"] for source in preview(recipe(tmp_path, plain))["sources"]] == [pytest.approx(0.1), 0]

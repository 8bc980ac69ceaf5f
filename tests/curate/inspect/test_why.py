from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.inspect.why import explain
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("verdicts")
    (folder / "in").mkdir()
    texts = [document(0), document(1), document(0), "Too few words, and they are the end of it.", None]
    (folder / "in" / "a.jsonl").write_bytes(jsonl([{"text": text, "url": "http://a"} for text in texts]) + b"not json")
    (folder / "recipe.yaml").write_text(recipe(folder / "in"))
    run(load_recipe(folder / "recipe.yaml", CurateRecipe), folder / "out", 1)
    yield folder / "out"


def ids(out: Path) -> dict[int, str]:
    table = ShardSet(out / "signals").to_table(["doc_id", "row"]).to_pylist()
    return {row["row"]: row["doc_id"].hex() for row in table}


def test_why_explains_a_kept_document_and_its_copy_by_the_first_digits(out: Path) -> None:
    told = "\n".join(explain(out, ids(out)[0][:8]))
    kept, copy = told.split("\n" + ids(out)[0] + "  dropped")
    assert "kept, represents 2 documents" in kept and "read from  a.jsonl:0  of in  http://a" in kept and "no rule fired" in kept
    assert f"exact/duplicate: duplicate of {ids(out)[0]} a.jsonl:0, which is kept" in copy
    assert document(0).split("\n")[0] in copy and "language   en (" in copy


def test_why_gives_value_and_threshold_of_every_rule(out: Path) -> None:
    told = "\n".join(explain(out, ids(out)[3]))
    assert "gopher_quality/gopher_short_doc: 10, threshold 50" in told and "  dropped" in told


def test_why_takes_a_place_and_explains_what_was_no_document(out: Path) -> None:
    assert "a.jsonl:5  not a document: read/unreadable: (not JSON" in "\n".join(explain(out, "a.jsonl:5"))
    assert "read/empty" in "\n".join(explain(out, "a.jsonl:4"))
    assert ids(out)[1] in "\n".join(explain(out, "a.jsonl:1"))


def test_why_asks_for_more_digits_or_says_there_is_none(out: Path) -> None:
    with pytest.raises(CurateError, match=r"no document of .* has an id that starts with this"):
        list(explain(out, "zz"))
    with pytest.raises(CurateError, match="no finished run here"):
        list(explain(out / "documents", "00"))
    with pytest.raises(CurateError, match=r"no document of"):
        list(explain(out, ""))


def test_why_refuses_digits_that_several_ids_start_with(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl([{"text": document(index, 3)} for index in range(40)]))
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "a.jsonl", rules=[]))
    run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1)
    digits = [one[0] for one in ids(tmp_path / "out").values()]
    common = max(set(digits), key=digits.count)
    with pytest.raises(CurateError, match=f"{common}: {digits.count(common)} ids start with this, e.g. .*; give more digits"):
        list(explain(tmp_path / "out", common))

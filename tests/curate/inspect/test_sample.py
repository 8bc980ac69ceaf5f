from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.inspect.sample import sample
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
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


def test_sample_shows_what_a_rule_dropped(out: Path) -> None:
    told = "\n".join(sample(out, "gopher_short_doc", False, 5, 0))
    assert "gopher_quality/gopher_short_doc: 10, threshold 50" in told and "Too few words" in told
    assert "no id  a.jsonl:5  read/unreadable: (not JSON" in "\n".join(sample(out, "read/unreadable", False, 5, 0))


def test_sample_shows_kept_documents_and_is_drawn_by_the_seed(out: Path) -> None:
    drawn = {"\n".join(sample(out, None, True, 1, seed)) for seed in range(8)}
    assert len(drawn) == 2 and "\n".join(sample(out, None, True, 1, 3)) in drawn
    assert "\n".join(sample(out, None, True, 9, 0)).count("──") == 2


def test_sample_names_the_rules_that_dropped_something(out: Path) -> None:
    with pytest.raises(CurateError, match=r"no rule of this name dropped anything; rules that did: .*gopher_short_doc"):
        list(sample(out, "gopher_short_docs", False, 5, 0))
    with pytest.raises(CurateError, match="give either --dropped-by RULE or --kept"):
        list(sample(out, None, False, 5, 0))

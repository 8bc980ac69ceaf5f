from pathlib import Path

import pytest

from curate.dedup.interchange import run_index
from curate.errors import CurateError
from curate.pipeline.run import run
from shards.read import ShardSet
from tests.curate.compare.copies import LONG, near, recipe, texts, verdicts


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    run(recipe(folder / "in", {"a": [{"text": LONG[0]}, {"text": LONG[1]}, {"text": near(1)}, {"text": "too short"}]}), folder / "out", 1)
    return folder / "out"


def test_an_index_of_a_run_answers_for_other_programs(earlier: Path) -> None:
    index = run_index(earlier)
    kept = [row.hex() for row, text in zip(*ShardSet(earlier / "documents").to_table(["id", "text"]).to_pydict().values(), strict=True) if len(text) > 20]
    assert sorted(index.keys) == sorted(kept)


def test_without_signatures_the_same_documents_stay_and_similarity_is_not_told(tmp_path: Path, earlier: Path) -> None:
    run(recipe(tmp_path / "in", {"a": [{"text": LONG[0]}, {"text": near(0)}]}, minhash={"signatures": False}), tmp_path / "out", 1)
    assert texts(tmp_path / "out") == [near(0)] and verdicts(tmp_path / "out")[0]["value"] is None
    with pytest.raises(CurateError, match="no signatures"):
        run_index(tmp_path / "out")

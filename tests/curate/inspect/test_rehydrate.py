import json
from pathlib import Path

import numpy as np
import pytest

from curate.dedup.rehydration import Distribution
from curate.errors import CurateError
from curate.inspect.rehydrate import _warnings, rehydrate
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.curate.compare.copies import LONG, near, recipe
from tests.curate.corpus import document


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    run(recipe(folder / "in", {"a": [{"text": LONG[0]}, {"text": LONG[1]}, {"text": near(1)}, {"text": "too short"}]}), folder / "out", 1)
    return folder / "out"


def test_rates_of_removal_by_cluster_size_give_repeats_and_sets_that_a_mix_can_take(tmp_path: Path) -> None:
    records = [{"text": text} for number in range(30) for text in [document(number, 20)] * (2 if number < 15 else 1)]
    records += [{"text": f"A page with too few words to be kept, and its number is {'x' * number}."} for number in range(12)]
    chosen = recipe(tmp_path / "in", {"a": records}, before_rules=True, minhash=None).model_copy(update={"rules": CurateRecipe.model_fields["rules"].default})
    run(chosen, tmp_path / "out", 1)
    with pytest.raises(CurateError, match=r"42 documents survived .* --min-documents 42"):
        rehydrate(tmp_path / "out", tmp_path / "sets", 4)
    result = rehydrate(tmp_path / "out", tmp_path / "sets", 4, min_documents=42)
    assert result["cluster_sizes"] == [1, 2] and result["survivors"] == [27, 15] and result["removal_rates"] == [12 / 27, 0.0]
    assert result["weights"] == {1: 1, 2: 4} and result["documents"] == 30 and result["documents_seen"] == 15 + 4 * 15
    sizes = {name: np.unique(ShardSet(tmp_path / "sets" / name).to_table()["cluster_size"]).tolist() for name in ("repeats-01", "repeats-04")}
    assert sizes == {"repeats-01": [1], "repeats-04": [2]}
    assert result["warnings"] == ["the best cluster size, 2, which is repeated most, has only 15 documents"]
    assert json.loads((tmp_path / "out" / "rehydration.json").read_text())["weights"] == {"1": 1, "2": 4}


def test_a_rate_that_chance_explains_is_told() -> None:
    assert _warnings(Distribution(np.array([1, 2]), np.array([5000, 4000]), np.array([1500, 800]))) == []
    (told,) = _warnings(Distribution(np.array([1, 2]), np.array([5000, 400]), np.array([1000, 76])))
    assert told.startswith("rules drop 19.0% of the best cluster size, 2, and 19.9% of all documents")


def test_a_run_that_looked_for_copies_after_rules_cannot_be_rehydrated(earlier: Path) -> None:
    with pytest.raises(CurateError, match=r"set dedup\.before_rules: true"):
        rehydrate(earlier, None, 10)

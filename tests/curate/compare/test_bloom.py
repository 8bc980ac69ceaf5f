from pathlib import Path

import numpy as np
import pytest

from curate.errors import CurateError
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.errors import RecipeError
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl
from tests.curate.corpus import recipe as recipe_text


def keys(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 1 << 63, n, dtype=np.uint64)


def curated(folder: Path, name: str, texts: list[str], **bloom: object) -> tuple[dict[str, object], list[int]]:
    """The report of a run and the rows it kept."""
    (folder / f"{name}.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    keys = {
        "name": "t",
        "inputs": [{"path": str(folder / f"{name}.jsonl")}],
        "language": None,
        "rules": [],
        "dedup": {"exact": False, "minhash": None, "bloom": bloom},
    }
    report = run(CurateRecipe.model_validate(keys), folder / name, 1).report
    return report, [row["row"] for row in ShardSet(folder / name / "documents").to_table().to_pylist()]


def test_a_later_run_is_compared_with_what_an_earlier_one_saved(tmp_path: Path) -> None:
    saved = str(tmp_path / "seen.bloom")
    old = [document(seed) for seed in range(8)]
    report, kept = curated(tmp_path, "first", [*old, old[2] + "\nOne more line."], save=saved)
    assert kept == list(range(8))
    assert report["removed"]["bloom"]["dropped"] == 1  # type: ignore[index]
    new = [document(100), old[3], document(101), document(101)]
    assert curated(tmp_path, "second", new, load=saved)[1] == [0, 2]
    assert curated(tmp_path, "third", new, load=saved, read_only=True)[1] == [0, 2, 3]


def test_faults_of_the_recipe_are_found_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match=r"dedup\.bloom\.load: .*no such file"):
        curated(tmp_path, "x", ["a"], load=str(tmp_path / "none"))
    for bloom, message in (({"read_only": True}, "nothing to compare with"), ({"load": "a", "save": "a"}, "under another name")):
        (tmp_path / "r.yaml").write_text(recipe_text(tmp_path, dedup={"bloom": bloom}))
        with pytest.raises(RecipeError, match=message):
            load_recipe(tmp_path / "r.yaml", CurateRecipe)

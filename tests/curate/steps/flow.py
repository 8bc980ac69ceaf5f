"""Runs on a few texts."""

from pathlib import Path

from curate.pipeline.run import Outcome, run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import jsonl, recipe


def run_on(tmp_path: Path, texts: list[str], **changes: object) -> Outcome:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    (folder / "a.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe(folder, **{"language": None, "dedup": {"exact": False, "minhash": None}, **changes}))
    return run(load_recipe(path, CurateRecipe), tmp_path / "out", 1)


def table(tmp_path: Path, name: str) -> list[dict]:
    return ShardSet(tmp_path / "out" / name).to_table().to_pylist()

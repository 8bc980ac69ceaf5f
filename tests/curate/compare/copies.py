"""Runs that look for duplicates in a few documents."""

from pathlib import Path

from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.curate.corpus import document, jsonl

LONG = {number: document(number, 60) for number in range(6)}


def near(number: int) -> str:
    return LONG[number] + "\nThe last line is another one."


def recipe(folder: Path, sources: dict[str, list[dict[str, object]]], **dedup: object) -> CurateRecipe:
    folder.mkdir(exist_ok=True)
    for name, records in sources.items():
        (folder / f"{name}.jsonl").write_bytes(jsonl(records))
    inputs = [{"path": str(folder / f"{name}.jsonl"), "source": name} for name in sources]
    return CurateRecipe.model_validate({"name": "t", "inputs": inputs, "language": None, "rules": [], "dedup": dedup})


def texts(out: Path) -> list[str]:
    return ShardSet(out / "documents").to_table()["text"].to_pylist()


def verdicts(out: Path) -> list[dict[str, object]]:
    return ShardSet(out / "verdicts").to_table(["row", "rule", "detail", "value"]).to_pylist()

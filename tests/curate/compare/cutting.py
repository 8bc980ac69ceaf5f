"""Runs that cut repeated text out of documents."""

from pathlib import Path

from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.curate.corpus import document, jsonl

NOTICE = "This notice must be kept with every copy of the text, whoever made it and for whatever purpose it was made."


def curated(folder: Path, texts: list[str], workers: int = 1, **dedup: object) -> tuple[dict[str, object], dict[int, dict[str, object]]]:
    """The report, and the documents kept by row."""
    folder.mkdir(exist_ok=True)
    (folder / "in.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    keys = {"name": "t", "inputs": [{"path": str(folder / "in.jsonl")}], "language": None, "rules": [], "dedup": {"minhash": None, **dedup}}
    report = run(CurateRecipe.model_validate(keys), folder / f"out{workers}", workers).report
    return report, {row["row"]: row for row in ShardSet(folder / f"out{workers}" / "documents").to_table().to_pylist()}


def texts_with_notice(n: int = 12) -> list[str]:
    return [f"{document(seed)}\n{NOTICE}\n{document(seed + 500, 4)}" for seed in range(n)]

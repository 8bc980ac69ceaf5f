"""Runs that look for duplicates in meaning."""

from pathlib import Path

from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.curate.corpus import jsonl


def curated(folder: Path, texts: list[str], **semantic: object) -> tuple[dict[str, object], list[dict[str, object]], list[int]]:
    """The report, the verdicts, and the rows that were kept."""
    (folder / "in.jsonl").write_bytes(jsonl([{"text": text, "url": f"u{row}"} for row, text in enumerate(texts)]))
    keys = {"name": "t", "inputs": [{"path": str(folder / "in.jsonl")}], "language": None, "rules": [], "dedup": {"minhash": None, "semantic": semantic}}
    report = run(CurateRecipe.model_validate(keys), folder / "out", 1).report
    tables = [ShardSet(folder / "out" / name).to_table().to_pylist() for name in ("verdicts", "documents")]
    return report, tables[0], [row["row"] for row in tables[1]]

"""Generated documents sets and recipes for tests of synthesis."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash
import yaml

from curate.synthesize.recipe import SynthesizeRecipe
from curate.synthesize.run import run
from shards.recipe import load_run_recipe
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.curate.corpus import document


def rows(texts: list[str], **columns: str) -> list[dict[str, object]]:
    """Rows of a documents set."""
    plain = {"source": "made", "language": "en", "url": "", "metadata": "", "file": "made.jsonl"} | columns
    return [{"id": xxhash.xxh3_128_digest(text.encode()), "text": text, "row": row, **plain} for row, text in enumerate(texts)]


def write_documents(folder: Path, texts: list[str], rows_per_file: int = 1 << 20, **columns: str) -> Path:
    """A documents set of these texts."""
    batch = pa.RecordBatch.from_pylist(rows(texts, **columns), schema=DOCUMENTS)
    write_set(folder, "documents", DOCUMENTS, [batch], rows_per_file=rows_per_file)
    return folder


def prose(n: int, first: int = 0) -> list[str]:
    """Different texts of about a thousand characters."""
    return [document(seed) for seed in range(first, first + n)]


def write_yaml(path: Path, content: dict[str, object]) -> Path:
    """A YAML file."""
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


TASK: dict[str, object] = {
    "name": "ask",
    "passages": {"max_chars": None, "min_chars": 0},
    "prompt": {"user": "Ask about this.\n\n{{ text }}"},
    "parser": {"kind": "json", "required": ["question", "answer"]},
    "output": {"template": "Question: {{ item.question }}\n\nAnswer: {{ item.answer }}"},
}
"""Fits what the test server answers."""


def recipe(folder: Path, documents: Path, url: str | list[str], task: dict[str, object] | None = None, **more: object) -> Path:
    """A recipe with its task beside it; `generator` in `more` is added to the usual one."""
    write_yaml(folder / "task.yaml", TASK | (task or {}))
    generator = {"kind": "openai", "model": "test-model", "base_urls": url, "concurrency": 16} | dict(more.pop("generator", {}))  # type: ignore[call-overload]
    content = {"inputs": str(documents), "task": str(folder / "task.yaml"), "generator": generator, "out": str(folder / "out"), **more}
    return write_yaml(folder / "recipe.yaml", content)


def synthesize(made: Path, *overrides: str, out: Path | None = None, workers: int = 1, accept_changes: bool = False) -> dict[str, Any]:
    """What `curate synthesize` does, in this process. Returns the report."""
    loaded, folder = load_run_recipe(made, SynthesizeRecipe, overrides, {"out": out})
    return run(loaded, folder, workers, accept_changes=accept_changes)[0].model_dump()

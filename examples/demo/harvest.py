"""Real text that every installation contains, as two disjoint corpora for the demo.

    general.jsonl.zst   English prose: docstrings of a few large packages, package descriptions, topics of the language reference
    domain.jsonl.zst    Python source of the standard library, one document per file, unchanged

Docstrings come only from site-packages, because those of the standard library are part of the domain's documents. Files are parsed, not imported.
Duplicates are kept: finding them is curation's work.
"""

import ast
import inspect
import json
import os
import sysconfig
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
import xxhash
from backports import zstd

from shards.atomic import write_atomically
from shards.console import main as run_command
from shards.console import new_app, progress, summary
from shards.errors import CptkitError
from shards.stages import run_tasks

PACKAGES = (
    *("PIL", "absl", "click", "fontTools", "fsspec", "grpc", "huggingface_hub", "jinja2", "matplotlib", "mpmath", "networkx", "numba", "numpy", "pip"),
    *("polars", "pyarrow", "pydantic", "pygments", "pyparsing", "rich", "scipy", "setuptools", "spacy", "sympy", "tensorboard", "torch", "transformers"),
    *("urllib3", "werkzeug"),
)
"""Installed by cptkit's own extras, so that the corpus is nearly the same on every machine."""

MAX_PACKAGE_BYTES = 400_000
"""Upper limit of docstrings of one package in UTF-8 bytes. Held-out text of a few packages would say little about English prose, however many
documents it has."""

MIN_CHARACTERS = 200
"""Shorter docstrings and descriptions are labels rather than prose."""

MAX_BYTES = 32_000_000
"""Upper limit of a corpus in UTF-8 bytes of text; larger ones are sampled by the hash of the text."""

SKIPPED_FOLDERS = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__", "pydoc_data"})
"""Folders of the standard library: tests, which many distributions leave out; other packages; and the topics, which are part of `general`."""

FILES_PER_TASK = 64

Document = dict[str, Any]


class HarvestError(CptkitError):
    """Nothing to harvest on this machine."""


def harvest_general(workers: int) -> list[Document]:
    """English prose as documents `{text, source, path, package, name}`, in a fixed order. Packages that are not installed are left out."""
    found = docstrings(_package_files(), workers)
    packages = [list(group) for _, group in groupby(found, lambda document: document["package"])]
    return [*(document for package in packages for document in keep_within(package, MAX_PACKAGE_BYTES)), *descriptions(), *topics()]


def harvest_domain() -> list[Document]:
    """One document `{text, source, path, package}` per Python file of the standard library; files that cannot be decoded are left out."""
    root = Path(sysconfig.get_path("stdlib"))
    documents = []
    for path in _python_files(root):
        if SKIPPED_FOLDERS.isdisjoint(path.relative_to(root).parts) and not path.name.startswith("_sysconfigdata"):
            text = read_source(path)
            if text:
                name = path.relative_to(root).as_posix()
                documents.append({"text": text, "source": "stdlib", "path": name, "package": package_of(name)})
    return documents


def docstrings(files: Sequence[tuple[Path, str]], workers: int) -> list[Document]:
    """Docstrings of at least MIN_CHARACTERS in `files` of (path, recorded name), parsed in `workers` processes, in file order."""
    tasks = [files[start : start + FILES_PER_TASK] for start in range(0, len(files), FILES_PER_TASK)]
    by_task: dict[int, list[Document]] = {}
    with progress("reading docstrings", len(tasks)) as meter:
        for index, result in run_tasks(_docstrings_of_files, tasks, workers):
            if isinstance(result, Exception):
                raise result
            by_task[index] = result
            meter.advance(files=len(tasks[index]))
    return [document for index in range(len(tasks)) for document in by_task[index]]


def package_of(path: str) -> str:
    """`asyncio` of asyncio/events.py, `bisect` of bisect.py: documents of one package resemble each other."""
    return path.split("/")[0].removesuffix(".py")


def _docstrings_of_files(files: Sequence[tuple[Path, str]]) -> list[Document]:
    documents = []
    for path, name in files:
        source = read_source(path)
        if source and '"""' in source:
            common = {"source": "docstrings", "path": name, "package": package_of(name)}
            documents += [{"text": text} | common | {"name": owner} for owner, text in docstrings_in(source)]
    return documents


def docstrings_in(source: str) -> Iterator[tuple[str, str]]:
    """(dotted name, docstring with its indentation removed) of a module, its classes and functions; nothing for invalid source."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the strings of other packages
            module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    stack: list[tuple[str, Any]] = [("", module)]
    while stack:
        name, node = stack.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = inspect.cleandoc(ast.get_docstring(node, clean=False) or "")
            if len(text) >= MIN_CHARACTERS:
                yield name, text
        for child in reversed(getattr(node, "body", [])):
            owner = getattr(child, "name", "")
            stack.append((f"{name}.{owner}".strip(".") if owner else name, child))


def descriptions() -> Iterator[Document]:
    """Long descriptions of all installed distributions except ours, by name."""
    by_name = {str(distribution.metadata["Name"]).lower(): distribution for distribution in metadata.distributions() if distribution.metadata["Name"]}
    for name in sorted(by_name.keys() - {"cptkit"}):
        text = inspect.cleandoc(str(by_name[name].metadata.json.get("description") or ""))
        if len(text) >= MIN_CHARACTERS:
            yield {"text": text, "source": "descriptions", "path": name, "package": name, "name": name}


def topics() -> Iterator[Document]:
    """Chapters of the language reference that Python's `help()` contains."""
    try:
        from pydoc_data.topics import topics as texts
    except ImportError:
        return
    for name in sorted(texts):
        yield {"text": texts[name].strip(), "source": "topics", "path": "pydoc_data/topics.py", "package": "pydoc_data", "name": name}


def read_source(path: Path) -> str | None:
    """A Python file's text in its declared encoding, or None if it cannot be decoded or read."""
    try:
        with tokenize.open(path) as handle:
            return handle.read()
    except (SyntaxError, UnicodeDecodeError, OSError):
        return None


def keep_within(documents: Sequence[Document], max_bytes: int) -> list[Document]:
    """At most `max_bytes` UTF-8 bytes of text: all documents, or those whose texts have the smallest hashes, in the given order."""
    texts = [document["text"].encode("utf-8", "replace") for document in documents]
    kept, total = set(), 0
    for index in sorted(range(len(texts)), key=lambda index: (xxhash.xxh3_64_intdigest(texts[index]), index)):
        if total + len(texts[index]) <= max_bytes:
            kept.add(index)
            total += len(texts[index])
    return [document for index, document in enumerate(documents) if index in kept]


def write_jsonl(path: Path, documents: Iterable[Document]) -> None:
    """One JSON object per line, zstd-compressed; equal documents give equal bytes."""
    lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    write_atomically(path, zstd.compress(lines.encode("utf-8", "replace"), 6))


def _package_files() -> list[tuple[Path, str]]:
    root = Path(sysconfig.get_path("purelib"))
    return [(path, path.relative_to(root).as_posix()) for package in PACKAGES for path in _python_files(root / package)]


def _python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


app = new_app("Harvest the demo's corpora from the packages installed on this machine.")


@app.command()
def harvest(
    out: Annotated[Path, typer.Option(help="Folder for general.jsonl.zst and domain.jsonl.zst.")],
    workers: Annotated[int, typer.Option(help="Processes. The result does not depend on it.")] = os.cpu_count() or 1,
) -> None:
    """Write general.jsonl.zst (English prose) and domain.jsonl.zst (Python source) to OUT."""
    written = {}
    for name, documents in (("general", harvest_general(workers)), ("domain", harvest_domain())):
        if not documents:
            raise HarvestError(f"{name}: this Python has no text of that kind on disk; give the demo folders of your own text")
        kept = keep_within(documents, MAX_BYTES)
        path = out / f"{name}.jsonl.zst"
        write_jsonl(path, kept)
        n_bytes = sum(len(document["text"].encode("utf-8", "replace")) for document in kept)
        written[name] = f"{len(kept):,} documents, {n_bytes / 1e6:.1f} MB of text → {path}"
    summary("Harvested", written)


if __name__ == "__main__":
    run_command(app)

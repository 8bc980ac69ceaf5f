"""`curate why`: what happened to a document of `curate run` or `curate synthesize`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from curate.compare.deciders import DUPLICATE_STAGES
from curate.errors import CurateError
from curate.run_folder import RunFolder, documents_manifest
from curate.synthesize.folder import is_synthesis, read_synthesis
from curate.synthesize.provenance import explain_synthetic, walk_back

_HEAD_CHARS = 500
_ID_DIGITS = 32
_MAX_SHOWN = 5


def why(out: Path, name: str) -> Iterator[str]:
    """Lines that explain the documents that `name` refers to; synthetic ones are traced back to their source text.

    Raises CurateError if it refers to none.
    """
    if is_synthesis(out):
        yield from explain_synthetic(out, name)
        return
    yield from explain(out, name)
    for metadata in metadata_of(out, name):
        if isinstance(synthetic := metadata.get("synthetic"), dict):
            yield "it was made from other documents:"
            yield from walk_back(synthetic, _inputs_of_syntheses(out))


def _inputs_of_syntheses(out: Path) -> list[str]:
    """Input folders of the syntheses among a run's inputs."""
    recipe = documents_manifest(out).recipe
    folders: list[str] = []
    for given in recipe.get("inputs", ()):
        folder = Path(given["path"])
        for place in (folder, folder.parent):
            try:
                folders += [source.path for source in read_synthesis(place).inputs]
            except (OSError, CurateError):
                continue
    return list(dict.fromkeys(folders))


def explain(out: Path, name: str) -> Iterator[str]:
    """Lines that explain the documents of an id (its first digits suffice), or of `FILE` or `FILE:ROW`.

    Exact duplicates share an id; each is explained. Raises CurateError if none or several ids match.
    """
    run = RunFolder.open(out)
    documents, verdicts = _named(run, name)
    texts = run.texts(documents["row_index"])
    for document in documents.iter_rows(named=True):
        yield from _explain_one(document, verdicts.filter(pl.col("row_index") == document["row_index"]), texts[document["row_index"]])
    for text in dict.fromkeys(texts[index]["text"] for index in documents["row_index"]):
        yield f"text, {len(text.encode()):,} bytes:"
        yield text_head(text)
    for verdict in verdicts.filter(pl.col("row_index").is_null()).iter_rows(named=True):
        yield f"{verdict['file']}:{verdict['row']}  not a document: {verdict_line(verdict)}"


def metadata_of(out: Path, name: str) -> list[dict[str, Any]]:
    """Metadata of the documents that `explain` would explain."""
    run = RunFolder.open(out)
    documents, _ = _named(run, name)
    contents = run.texts(documents["row_index"]).values()
    return [json.loads(content["metadata"]) for content in contents if content["metadata"]]


def _named(run: RunFolder, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Documents and verdicts of an id's first digits, a FILE or a FILE:ROW."""
    file, _, row = name.rpartition(":")
    at_file = pl.col("file") == name
    if file and row.isdigit():
        at_file |= (pl.col("file") == file) & (pl.col("row") == int(row))
    documents, verdicts = run.documents.filter(at_file), run.verdicts.filter(at_file)
    if documents.height or verdicts.height:
        return documents.head(_MAX_SHOWN), verdicts
    digits = name.lower()
    matching = run.documents.filter(pl.col("doc_id").bin.encode("hex").str.starts_with(digits)) if 0 < len(digits) <= _ID_DIGITS else run.documents.clear()
    ids = matching["doc_id"].unique(maintain_order=True)
    if len(ids) == 0:
        raise CurateError(f"{name}: no document of {run.out} has an id that starts with this, and none was read from this FILE or FILE:ROW")
    if len(ids) > 1:
        shown = ", ".join(doc_id.hex() for doc_id in ids.head(_MAX_SHOWN))
        raise CurateError(f"{name}: {len(ids)} ids start with this, e.g. {shown}; give more digits")
    return matching, run.verdicts.filter(pl.col("row_index").is_in(matching["row_index"].implode()))


def _explain_one(document: dict[str, Any], verdicts: pl.DataFrame, content: dict[str, str]) -> Iterator[str]:
    fate = {"documents": "kept", "held_out": "held out"}.get(document["set"], "dropped")
    size = document["cluster_size"]
    yield f"{document['doc_id'].hex()}  {fate}" + (f", represents {size} documents" if size and size > 1 else "")
    score = "" if document["language_score"] is None else f" ({document['language_score']:.3f})"
    yield f"  read from  {document['file']}:{document['row']}  of {document['source']}" + (f"  {content['url']}" if content["url"] else "")
    yield f"  language   {document['language'] or 'not identified'}{score}"
    for verdict in verdicts.iter_rows(named=True):
        yield f"  verdict    {verdict_line(verdict)}"
    if not verdicts.height:
        yield "  verdict    none: no rule fired"


def verdict_line(verdict: dict[str, Any]) -> str:
    """E.g. `gopher_quality/gopher_short_doc: 31, threshold 50`."""
    parts = [verdict["rule"] + ":"] if verdict["value"] is not None or verdict["detail"] else [verdict["rule"]]
    if verdict["value"] is not None:
        parts.append(f"{verdict['value']:.4g}" + (f", threshold {verdict['threshold']:.4g}" if verdict["threshold"] is not None else ""))
    if verdict["detail"]:
        is_duplicate = verdict["stage"] in DUPLICATE_STAGES
        parts.append(f"duplicate of {verdict['detail']}, which is kept" if is_duplicate else f"({verdict['detail']})")
    return " ".join(parts)


def text_head(text: str) -> str:
    """The first 500 characters, indented, without runs of blank lines."""
    shown = re.sub(r"\s*\n\s*\n\s*", "\n\n", text.strip())
    shown = shown[:_HEAD_CHARS] + (" …" if len(shown) > _HEAD_CHARS else "")
    return "\n".join("    " + line for line in shown.split("\n"))

"""`curate why`: what happened to a document, of whichever command's output."""

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
    """Lines that explain the documents that `name` means; back to the source text for those that were made from others.

    Raises CurateError if nothing is meant.
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
    """Folders that the syntheses among a run's inputs were made from."""
    recipe = documents_manifest(out).recipe
    found: list[str] = []
    for one in recipe.get("inputs", ()):
        folder = Path(one["path"])
        for place in (folder, folder.parent):
            try:
                found += [given.path for given in read_synthesis(place).inputs]
            except (OSError, CurateError):
                continue
    return list(dict.fromkeys(found))


def explain(out: Path, name: str) -> Iterator[str]:
    """Lines that explain the documents of an id (its first digits are enough) or of `FILE` or `FILE:ROW`.

    Exact copies share an id: each is explained. Raises CurateError if nothing, or more than one id, is meant.
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
    """Metadata of the documents that `explain` explains."""
    run = RunFolder.open(out)
    documents, _ = _named(run, name)
    found = run.texts(documents["row_index"]).values()
    return [json.loads(one["metadata"]) for one in found if one["metadata"]]


def _named(run: RunFolder, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Documents and verdicts that a user's words mean."""
    file, _, row = name.rpartition(":")
    at_file = pl.col("file") == name
    if file and row.isdigit():
        at_file |= (pl.col("file") == file) & (pl.col("row") == int(row))
    documents, verdicts = run.documents.filter(at_file), run.verdicts.filter(at_file)
    if documents.height or verdicts.height:
        return documents.head(_MAX_SHOWN), verdicts
    digits = name.lower()
    found = run.documents.filter(pl.col("doc_id").bin.encode("hex").str.starts_with(digits)) if 0 < len(digits) <= _ID_DIGITS else run.documents.clear()
    ids = found["doc_id"].unique(maintain_order=True)
    if len(ids) == 0:
        raise CurateError(f"{name}: no document of {run.out} has an id that starts so, and none was read from such a FILE or FILE:ROW")
    if len(ids) > 1:
        some = ", ".join(one.hex() for one in ids.head(_MAX_SHOWN))
        raise CurateError(f"{name}: {len(ids)} ids start so, e.g. {some}; give more digits")
    return found, run.verdicts.filter(pl.col("row_index").is_in(found["row_index"].implode()))


def _explain_one(document: dict[str, Any], verdicts: pl.DataFrame, content: dict[str, str]) -> Iterator[str]:
    fate = {"documents": "kept", "held_out": "held out"}.get(document["set"], "dropped")
    size = document["cluster_size"]
    yield f"{document['doc_id'].hex()}  {fate}" + (f", stands for {size} copies" if size and size > 1 else "")
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
        is_copy = verdict["stage"] in DUPLICATE_STAGES
        parts.append(f"copy of {verdict['detail']}, which stays" if is_copy else f"({verdict['detail']})")
    return " ".join(parts)


def text_head(text: str) -> str:
    """The first 500 characters, indented, without runs of blank lines."""
    shown = re.sub(r"\s*\n\s*\n\s*", "\n\n", text.strip())
    shown = shown[:_HEAD_CHARS] + (" …" if len(shown) > _HEAD_CHARS else "")
    return "\n".join("    " + line for line in shown.split("\n"))

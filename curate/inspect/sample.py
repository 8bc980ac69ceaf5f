"""`curate why` and `curate sample`: what happened to a document, and what a rule removes."""

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from curate.errors import CurateError
from curate.run_folder import RunFolder

_HEAD_CHARS = 500
_ID_DIGITS = 32
_MAX_SHOWN = 5


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
        yield _head(text)
    for verdict in verdicts.filter(pl.col("row_index").is_null()).iter_rows(named=True):
        yield f"{verdict['file']}:{verdict['row']}  not a document: {_verdict_line(verdict)}"


def metadata_of(out: Path, name: str) -> list[dict[str, Any]]:
    """Metadata of the documents that `explain` explains."""
    run = RunFolder.open(out)
    documents, _ = _named(run, name)
    found = run.texts(documents["row_index"]).values()
    return [json.loads(one["metadata"]) for one in found if one["metadata"]]


def sample(out: Path, dropped_by: str | None, kept: bool, n: int, seed: int) -> Iterator[str]:
    """Lines that show `n` documents that a rule dropped, or kept ones. Raises CurateError for a rule that dropped nothing."""
    run = RunFolder.open(out)
    if kept == (dropped_by is not None):
        raise CurateError("sample: give either --dropped-by RULE or --kept")
    if kept:
        chosen = draw(run.documents.filter(pl.col("set") == "documents"), n, seed).with_columns(head=pl.lit(""))
    else:
        fired = _fired_by(run, dropped_by or "")
        chosen = draw(fired, n, seed)
        chosen = chosen.with_columns(head=pl.Series([_verdict_line(row) for row in chosen.iter_rows(named=True)], dtype=pl.String))
    texts = run.texts(chosen["row_index"].drop_nulls())
    for row in chosen.iter_rows(named=True):
        yield f"── {row['doc_id'].hex() if row['doc_id'] else 'no id'}  {row['file']}:{row['row']}  {row['head']}".rstrip()
        if row["row_index"] in texts:
            yield _head(texts[row["row_index"]]["text"])
        yield ""


def draw(frame: pl.DataFrame, n: int, seed: int) -> pl.DataFrame:
    """`n` rows of a frame without repeats, in the frame's order; the same for the same seed and frame height."""
    order = np.random.default_rng(seed).permutation(frame.height)[:n]
    return frame[np.sort(order)]


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
        yield f"  verdict    {_verdict_line(verdict)}"
    if not verdicts.height:
        yield "  verdict    none: no rule fired"


def _verdict_line(verdict: dict[str, Any]) -> str:
    """E.g. `gopher_quality/gopher_short_doc: 31, threshold 50`."""
    parts = [verdict["rule"] + ":"] if verdict["value"] is not None or verdict["detail"] else [verdict["rule"]]
    if verdict["value"] is not None:
        parts.append(f"{verdict['value']:.4g}" + (f", threshold {verdict['threshold']:.4g}" if verdict["threshold"] is not None else ""))
    if verdict["detail"]:
        is_copy = verdict["stage"] in ("exact", "minhash")
        parts.append(f"copy of {verdict['detail']}, which stays" if is_copy else f"({verdict['detail']})")
    return " ".join(parts)


def _head(text: str) -> str:
    shown = re.sub(r"\s*\n\s*\n\s*", "\n\n", text.strip())
    shown = shown[:_HEAD_CHARS] + (" …" if len(shown) > _HEAD_CHARS else "")
    return "\n".join("    " + line for line in shown.split("\n"))


def _fired_by(run: RunFolder, rule: str) -> pl.DataFrame:
    """Verdicts of a rule; its name after the slash is enough where no other rule ends so."""
    fired = run.verdicts["rule"].unique().sort().to_list()
    matching = [one for one in fired if one == rule] or [one for one in fired if one.endswith(f"/{rule}")]
    if len(matching) == 1:
        return run.verdicts.filter(pl.col("rule") == matching[0])
    near = matching or difflib.get_close_matches(rule, fired, n=3, cutoff=0.4) or fired
    raise CurateError(f"--dropped-by {rule}: {'several rules end so' if matching else 'no rule of this name dropped anything'}; there is {', '.join(near)}")

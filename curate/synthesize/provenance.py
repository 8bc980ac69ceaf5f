"""`curate why` for synthetic documents: from a document back to the text that it was made from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from curate.errors import CurateError
from curate.synthesize.folder import read_synthesis
from curate.synthesize.journal import journals, read_journal
from shards.errors import ShardError
from shards.read import ShardSet

_HEAD_CHARS = 500
_MAX_SHOWN = 5


def explain_synthetic(out: Path, name: str) -> Iterator[str]:
    """Lines on the documents of `out`, made or rejected, that `name` refers to.

    `name` is the beginning of a document's id or of a source document's id, or the FILE:ROW of a source document. Raises CurateError if it matches nothing.
    """
    out = Path(out)
    inputs = [given.path for given in read_synthesis(out).inputs]
    matches = [(kind, row) for kind in ("documents", "rejected") for row in _rows(ShardSet(out / kind, verify=False), name)]
    verdicts = _verdicts(out, name, [row["id"] for _, row in matches])
    if not matches and not verdicts:
        raise CurateError(f"{name}: no document of {out} has such an id, and none was made from a document with such an id or FILE:ROW")
    for kind, row in matches[:_MAX_SHOWN]:
        yield f"{row['id'].hex()}  {'made' if kind == 'documents' else 'rejected'}"
        yield from _verdict_lines(verdict for verdict in verdicts if verdict["doc_id"] == row["id"])
        if row.get("synthetic"):
            yield from walk_back(row["synthetic"], inputs, out)
        yield f"  text, {len(row['text'].encode()):,} bytes:"
        yield _head(row["text"])
    if len(matches) > _MAX_SHOWN:
        yield f"… and {len(matches) - _MAX_SHOWN} more; give more digits"
    matched = {row["id"] for _, row in matches}
    yield from _verdict_lines(verdict for verdict in verdicts if verdict["doc_id"] not in matched)


def walk_back(synthetic: Mapping[str, Any], inputs: list[str], out: Path | None = None) -> Iterator[str]:
    """Lines on a document's provenance and the text of its sources. `inputs`: documents sets to search; `out`: the synthesis that made the document."""
    variant = f", variant {synthetic['variant']}" if synthetic.get("variant") else ""
    yield f"  made by    task {synthetic['task']}{variant}, {synthetic['model']}, sample {synthetic['sample']}"
    if synthetic.get("sampling"):
        yield f"  sampling   {synthetic['sampling']}"
    for prompt_hash, key in zip(synthetic.get("prompt_hashes") or (), synthetic.get("keys") or (), strict=True):
        yield f"  prompt     {prompt_hash}, request {key}" + (f" in {journal}" if out and (journal := _journal_of(out, key)) else "")
    for source_id in synthetic["source_ids"]:
        location, text = _source(source_id, inputs)
        yield f"  made from  {source_id}  {location}"
        if text:
            yield _head(text)


def _rows(documents: ShardSet, name: str) -> list[dict[str, Any]]:
    """Rows that `name` refers to; see `explain_synthetic`."""
    file, _, row = name.rpartition(":")
    digits = name.lower()
    rows: list[dict[str, Any]] = []
    for table in documents.tables():
        frame = pl.DataFrame(table.select(["id", "file", "row"])).with_columns(pl.col("id").bin.encode("hex").alias("hex"))
        wanted = pl.col("hex").str.starts_with(digits)
        if file and row.isdigit():
            wanted |= (pl.col("file") == file) & (pl.col("row") == int(row))
        if "synthetic" in table.column_names and len(digits) >= 8:
            sources = pl.Series(table["synthetic"].combine_chunks().field("source_ids"))
            frame = frame.with_columns(sources=sources)
            wanted |= pl.col("sources").list.eval(pl.element().str.starts_with(digits)).list.any()
        numbers = frame.with_row_index("number").filter(wanted)["number"].to_list()
        rows += table.take(pa.array(numbers, pa.int64())).to_pylist()
    return rows


def _verdicts(out: Path, name: str, ids: list[bytes]) -> list[dict[str, Any]]:
    table = pl.DataFrame(ShardSet(out / "verdicts", "verdicts", verify=False).to_table())
    file, _, row = name.rpartition(":")
    wanted = pl.col("doc_id").is_in(pl.Series(ids, dtype=pl.Binary)) if ids else pl.lit(False)
    if file and row.isdigit():
        wanted |= (pl.col("file") == file) & (pl.col("row") == int(row))
    return table.filter(wanted).to_dicts()


def _verdict_lines(verdicts: Iterator[dict[str, Any]]) -> Iterator[str]:
    for verdict in verdicts:
        threshold = "" if verdict["threshold"] is None else f", threshold {verdict['threshold']:.4g}"
        measured = "" if verdict["value"] is None else f": {verdict['value']:.4g}{threshold}"
        yield f"  verdict    {verdict['rule']}{measured}" + (f" ({verdict['detail']})" if verdict["detail"] else "")


def _journal_of(out: Path, key: str) -> Path | None:
    return next((path for path in journals(out / "journal") if any(answer.key == key for answer in read_journal(path))), None)


def _source(source_id: str, inputs: list[str]) -> tuple[str, str]:
    """Location and text of a source document; "not found in …" and "" if its set is gone."""
    wanted = bytes.fromhex(source_id)
    for folder in inputs:
        try:
            documents = ShardSet(Path(folder), "documents", verify=False)
            for index, table in enumerate(documents.columns(["id"])):
                rows = pl.DataFrame(table).select((pl.col("id") == pl.lit(wanted)).arg_true())["id"]
                if len(rows):
                    record = documents.open_table(index).select(["text", "url"]).slice(rows[0], 1).to_pylist()[0]
                    return f"row {rows[0]} of {Path(folder) / documents.manifest.files[index].name}  {record['url']}".rstrip(), record["text"]
        except ShardError:
            continue
    return f"not found in {', '.join(inputs) or 'any known set'}", ""


def _head(text: str) -> str:
    shown = text.strip()[:_HEAD_CHARS] + (" …" if len(text.strip()) > _HEAD_CHARS else "")
    return "\n".join("    " + line for line in shown.split("\n"))

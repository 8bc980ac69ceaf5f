"""`curate why` for documents that were made from others: back to the text they were made from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from curate.errors import CurateError
from curate.synthesize.journal import journals, read_journal
from curate.synthesize.run import REPORT, read_synthesis
from shards.errors import ShardError
from shards.read import ShardSet

_HEAD_CHARS = 500
_MAX_SHOWN = 5


def is_synthesis(out: Path) -> bool:
    """Whether a folder is the output of `curate synthesize`."""
    return (Path(out) / REPORT).is_file()


def explain_synthetic(out: Path, name: str) -> Iterator[str]:
    """Lines on the documents of `out`, made or rejected, whose id begins with `name`, or that were made from `FILE:ROW` or from a source document so called.

    Raises CurateError if nothing is meant.
    """
    out = Path(out)
    report = read_synthesis(out)
    found = [(kind, row) for kind in ("documents", "rejected") for row in _rows(ShardSet(out / kind, verify=False), name)]
    verdicts = _verdicts(out, name, [row["id"] for _, row in found])
    if not found and not verdicts:
        raise CurateError(f"{name}: no document of {out} has an id that starts so, and none was made from such a FILE:ROW or document")
    for kind, row in found[:_MAX_SHOWN]:
        yield f"{row['id'].hex()}  {'made' if kind == 'documents' else 'rejected'}"
        yield from _verdict_lines(one for one in verdicts if one["doc_id"] == row["id"])
        if row.get("synthetic"):
            yield from walk_back(row["synthetic"], [one["path"] for one in report["inputs"]], out)
        yield f"  text, {len(row['text'].encode()):,} bytes:"
        yield _head(row["text"])
    if len(found) > _MAX_SHOWN:
        yield f"… and {len(found) - _MAX_SHOWN} more; give more digits"
    shown = {row["id"] for _, row in found}
    yield from _verdict_lines(one for one in verdicts if one["doc_id"] not in shown)


def walk_back(synthetic: Mapping[str, Any], inputs: list[str], out: Path | None = None) -> Iterator[str]:
    """Lines from a document's provenance to its sources' text; `inputs` are folders of documents sets to look in, `out` the synthesis that made it."""
    variant = f", variant {synthetic['variant']}" if synthetic.get("variant") else ""
    yield f"  made by    task {synthetic['task']}{variant}, {synthetic['model']}, sample {synthetic['sample']}"
    if synthetic.get("sampling"):
        yield f"  sampling   {synthetic['sampling']}"
    for prompt_hash, key in zip(synthetic.get("prompt_hashes") or (), synthetic.get("keys") or (), strict=True):
        yield f"  prompt     {prompt_hash}, request {key}" + (f" in {journal}" if out and (journal := _journal_of(out, key)) else "")
    for source_id in synthetic["source_ids"]:
        place, text = _source(source_id, inputs)
        yield f"  made from  {source_id}  {place}"
        if text:
            yield _head(text)


def _rows(documents: ShardSet, name: str) -> list[dict[str, Any]]:
    """Rows that a user's words mean."""
    file, _, row = name.rpartition(":")
    digits = name.lower()
    found: list[dict[str, Any]] = []
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
        found += table.take(pa.array(numbers, pa.int64())).to_pylist()
    return found


def _verdicts(out: Path, name: str, ids: list[bytes]) -> list[dict[str, Any]]:
    table = pl.DataFrame(ShardSet(out / "verdicts", "verdicts", verify=False).to_table())
    file, _, row = name.rpartition(":")
    wanted = pl.col("doc_id").is_in(pl.Series(ids, dtype=pl.Binary)) if ids else pl.lit(False)
    if file and row.isdigit():
        wanted |= (pl.col("file") == file) & (pl.col("row") == int(row))
    return table.filter(wanted).to_dicts()


def _verdict_lines(verdicts: Iterator[dict[str, Any]]) -> Iterator[str]:
    for one in verdicts:
        measured = "" if one["value"] is None else f": {one['value']:.4g}" + ("" if one["threshold"] is None else f", threshold {one['threshold']:.4g}")
        yield f"  verdict    {one['rule']}{measured}" + (f" ({one['detail']})" if one["detail"] else "")


def _journal_of(out: Path, key: str) -> Path | None:
    return next((path for path in journals(out / "journal") if any(answer.key == key for answer in read_journal(path))), None)


def _source(source_id: str, inputs: list[str]) -> tuple[str, str]:
    """Where a source document lies, and its text; "" where its set is not there any more."""
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
    return f"not found in {', '.join(inputs) or 'any set that is known'}", ""


def _head(text: str) -> str:
    shown = text.strip()[:_HEAD_CHARS] + (" …" if len(text.strip()) > _HEAD_CHARS else "")
    return "\n".join("    " + line for line in shown.split("\n"))

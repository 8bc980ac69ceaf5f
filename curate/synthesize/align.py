"""`curate align`: joins two documents sets that are translations of each other, file by file, for the tasks on parallel text."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import regex

from curate.errors import CurateError
from curate.synthesize.inputs import open_inputs, parents
from shards.console import progress
from shards.folder import output_folder
from shards.read import ShardSet
from shards.record import canonical_json
from shards.schemas import DOCUMENTS
from shards.write import write_set


def align_sets(first: Path, second: Path, by: str, language: str, out: Path) -> dict[str, int]:
    """Write the documents of `first` that have a counterpart in `second`, with `translation`, `translation_language`, `translation_id` in their metadata.

    Two documents are counterparts if the pattern `by` matches the same text in the names of their files (its first group if it has groups, else the
    whole match). `language` is used for documents of `second` without a language. The texts of `second` are held in memory. Returns counts.
    Raises CurateError for an invalid pattern, or if no document has a counterpart.
    """
    try:
        pattern = regex.compile(by)
    except regex.error as error:
        raise CurateError(f"--by {by}: not a valid pattern ({error})") from None
    first_set, second_set = open_inputs([str(first), str(second)])
    translations = {key: row for row in _rows(second_set) if (key := _key(pattern, row["file"]))}
    if not any(_key(pattern, row["file"]) in translations for row in _rows(first_set)):
        example, another = (next(_rows(source), {"file": ""})["file"] for source in (first_set, second_set))
        raise CurateError(f"--by {by}: matches the same text in no two file names, e.g. {example} and {another}; match the part that both names share")
    counts = {"documents": 0, "aligned": 0}

    def batches() -> Iterator[pa.RecordBatch]:
        with progress("aligning", sum(file.n_rows for file in first_set.manifest.files)) as meter:
            for batch in first_set.batches():
                counts["documents"] += batch.num_rows
                rows = [_joined(row, translations[key], language) for row in batch.to_pylist() if (key := _key(pattern, row["file"])) in translations]
                counts["aligned"] += len(rows)
                meter.advance(batch.num_rows)
                yield pa.RecordBatch.from_pylist([{name: row[name] for name in DOCUMENTS.names} for row in rows], schema=DOCUMENTS)

    with output_folder(out):
        write_set(out, "documents", DOCUMENTS, batches(), recipe={"by": by, "language": language}, parents=parents([first_set, second_set]))
    return counts


def _rows(source: ShardSet) -> Iterator[dict[str, str]]:
    for batch in source.batches():
        yield from batch.to_pylist()


def _key(pattern: regex.Pattern, file: str | None) -> str:
    match = pattern.search(file or "")
    return "" if match is None else match[1] if pattern.groups else match[0]


def _joined(row: dict[str, str], translation: dict[str, str], language: str) -> dict[str, str]:
    metadata = json.loads(row["metadata"]) if row["metadata"] else {}
    metadata |= {"translation": translation["text"], "translation_language": translation["language"] or language}
    metadata["translation_id"] = bytes(translation["id"]).hex()  # type: ignore[arg-type]
    return row | {"metadata": canonical_json(metadata)}

"""Texts to train on, as Arrow columns: from shard sets and from every input that `curate run` reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError
from curate.read.batch import FileFault
from curate.read.documents import check_columns, read_part
from curate.read.file_names import file_name
from curate.read.files import list_files
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from shards.manifest import MANIFEST_NAME
from shards.read import ShardSet

_EXAMPLES = pa.schema([("text", pa.large_string()), ("label", pa.string())])


def read_examples(path: str, text_column: str = "text", label_column: str | None = None, one_per_line: bool = False) -> Iterator[pa.RecordBatch]:
    """Batches of `text` large_string and `label` string (null without `label_column`), in the order of the input.

    `path` is a file, folder or glob that `curate run` can read, a set of documents, or the output folder of a run (its kept documents).
    `label_column` is a column, or a key of the metadata; the first value of a list is used. Texts that are null or blank are skipped.
    Raises CurateError for missing inputs or columns, and for inputs that cannot be read to the end.
    """
    folder = _set_folder(Path(path))
    batches = _set_batches(folder, label_column) if folder is not None else _input_batches(path, text_column, label_column)
    has_labels = label_column is None
    for batch in batches:
        if one_per_line:
            batch = _split_lines(batch)
        has_labels = has_labels or batch["label"].null_count < batch.num_rows
        yield batch.filter(pc.greater(pc.binary_length(pc.utf8_trim_whitespace(pc.fill_null(batch["text"], ""))), 0))
    if not has_labels:
        raise CurateError(f"{path}: no document has a {label_column!r}, neither as a column nor in its metadata; check label_column")


def read_texts(paths: Sequence[str], text_column: str = "text", one_per_line: bool = False) -> Iterator[pa.Array]:
    """Texts of several inputs in order, as large_string arrays without blank texts. Raises CurateError like `read_examples`."""
    for path in paths:
        for batch in read_examples(path, text_column, None, one_per_line):
            yield batch["text"]


def _set_folder(path: Path) -> Path | None:
    for folder in (path, path / "documents"):
        if (folder / MANIFEST_NAME).is_file():
            return folder
    return None


def _set_batches(folder: Path, label_column: str | None) -> Iterator[pa.RecordBatch]:
    documents = ShardSet(folder, "documents")
    is_column = label_column is not None and label_column in documents.schema.names
    needed = ["text", *([label_column] if is_column and label_column else ["metadata"] if label_column else [])]
    for batch in documents.batches(needed):
        if is_column:
            label = batch[label_column].cast(pa.string())
        else:
            label = _from_metadata(batch["metadata"], label_column) if label_column else pa.nulls(batch.num_rows, pa.string())
        yield pa.record_batch([batch["text"], label], schema=_EXAMPLES)


def _input_batches(path: str, text_column: str, label_column: str | None) -> Iterator[pa.RecordBatch]:
    recipe = InputRecipe(path=path, text_column=text_column)
    files, _ = list_files((recipe,))
    check_columns(files)
    for task in cut_tasks(files):
        for part in task.parts:
            try:
                for batch in read_part(part):
                    label = _from_metadata(batch["metadata"], label_column) if label_column else pa.nulls(batch.num_rows, pa.string())
                    yield pa.record_batch([batch["text"], label], schema=_EXAMPLES)
            except FileFault as fault:
                raise CurateError(f"{file_name(part.file.path)}: {fault}") from None


def _from_metadata(metadata: pa.Array, key: str) -> pa.Array:
    """Value of a key in each JSON object, as text: the first item of a list; null if the key is missing."""
    objects = pl.Series(metadata).replace("", None)
    values = objects.str.json_path_match(f"$['{key}']")
    if values.str.starts_with("[").any():
        values = values.to_frame("v").select(pl.when(pl.col("v").str.starts_with("[")).then(pl.col("v").str.json_path_match("$[0]")).otherwise("v")).to_series()
    return values.to_arrow().cast(pa.string())


def _split_lines(batch: pa.RecordBatch) -> pa.RecordBatch:
    """One text per line, with the label of its document."""
    frame = pl.DataFrame(batch).with_columns(pl.col("text").str.split("\n")).explode("text")
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(_EXAMPLES).combine_chunks().to_batches()[0]

"""What one row of a mix holds, and where it comes from."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mix.errors import MixError
from mix.lineage import Origin, around, documents_of, origins
from mix.order import rows_at
from mix.stream import Mix, RowBatch, open_mix
from shards.console import print_table, summary

COLUMNS = ("segment", "document", "tokens", "from token", "text")
_TEXT_CHARS = 100
_ID_DIGITS = 12


def inspect_row(location: Path | str, row: int, tokenizer: Path | None, documents: Sequence[Path] = ()) -> dict[str, Any]:
    """Everything known about row `row` of a mix, segment by segment; text only with a tokenizer's folder.

    Documents are searched in the sets `documents` or, if none are given, in sets found by the hashes in manifests near the mix. Raises MixError.
    """
    mix = open_mix(location)
    batch, refs = mix.take([row]), rows_at(mix.plan, row, row + 1)
    planned = mix.plan.sources[refs.source[0]]
    lineage = documents_of(mix.folder.joinpath(*mix.plan.rows_folder(planned)), around(mix.folder)) if not documents else None
    read_from = origins([doc_id.tobytes() for doc_id in batch.seg_doc_ids], documents or (lineage.documents if lineage else []))
    return {
        "row": row,
        "rows": mix.n_rows,
        "stage": [stage.name for stage in mix.plan.stages if stage.first_row <= row][-1],
        "source": planned.name,
        "source_row": int(refs.row[0]),
        "epoch": int(refs.epoch[0]),
        "tokens": int(batch.n_tokens[0]),
        "padding": planned.row_tokens - int(batch.n_tokens[0]),
        "segments": _segments(mix, batch, _decoder(tokenizer, mix.tokenizer_sha256), read_from),
        "not_found": lineage.missing if lineage else [],
    }


def show_row(view: dict[str, Any]) -> None:
    """Print a row's segments as a table with the beginnings of their texts, then the origin of each document."""
    title = f"row {view['row']:,} of {view['rows']:,} ({view['stage']}): {view['source']} row {view['source_row']:,}, epoch {view['epoch'] + 1}"
    cells = [
        (number, segment["doc_id"][:_ID_DIGITS], f"{segment['tokens']:,}", f"{segment['from_token']:,}", _beginning(segment["text"]))
        for number, segment in enumerate(view["segments"])
    ]
    print_table(f"{title}, {view['tokens']:,} tokens, {view['padding']:,} of padding", COLUMNS, cells)
    lines = {f"segment {number}": _origin_text(segment["read_from"]) for number, segment in enumerate(view["segments"]) if segment["read_from"]}
    if view["not_found"]:
        lines["not found"] = f"{', '.join(view['not_found'])}; give the folder of the documents set with --documents"
    summary("read from", lines)


def _segments(mix: Mix, batch: RowBatch, decode: Callable[[list[int]], str] | None, read_from: dict[bytes, list[Origin]]) -> list[dict[str, Any]]:
    segments, first = [], 0
    for index, length in enumerate(batch.seg_lengths.tolist()):
        doc_id = batch.seg_doc_ids[index].tobytes()
        segments.append(
            {
                "doc_id": doc_id.hex(),
                "tokens": length,
                "from_token": int(batch.seg_starts[index]),
                "read_from": [origin._asdict() | {"documents": str(origin.documents)} for origin in read_from.get(doc_id, [])],
                "text": None if decode is None else decode(batch.input_ids[0, first : first + length].tolist()),
            }
        )
        first += length
    return segments


def _origin_text(read_from: list[dict[str, Any]]) -> str:
    first = read_from[0]
    more = f", and {len(read_from) - 1} more duplicates" if len(read_from) > 1 else ""
    return f"{first['file']}:{first['row']} {first['url']}".rstrip() + f" (of {first['documents']}{more})"


def _beginning(text: str | None) -> str:
    return "" if text is None else repr(text[: 2 * _TEXT_CHARS])[1 : 1 + _TEXT_CHARS]


def _decoder(folder: Path | None, expected_sha256: str) -> Callable[[list[int]], str] | None:
    if folder is None:
        return None
    path = folder / "tokenizer.json" if folder.is_dir() else folder
    if not path.is_file():
        raise MixError(f"{path}: no such tokenizer file; give the folder that holds tokenizer.json")
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected_sha256:
        logging.warning("%s is not the file that this mix was tokenized with (its sha256 differs), so the text shown may be wrong", path)
    tokenizer = _load_tokenizer(path)
    return lambda ids: tokenizer.decode(ids, skip_special_tokens=False)


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises Exception itself
        raise MixError(f"{path}: not a tokenizer.json that the tokenizers library can load ({error})") from None

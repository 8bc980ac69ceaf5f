"""What one row of a mix holds."""

from pathlib import Path
from typing import Any

from mix.errors import MixError
from mix.order import rows_at
from mix.stream import open_mix

COLUMNS = ("segment", "source", "document", "tokens", "from token", "text")
_TEXT_TOKENS = 40
_TEXT_CHARS = 80


def inspect_row(folder: Path, row: int, tokenizer: Path | None) -> tuple[str, list[tuple[Any, ...]]]:
    """A title and, by segment of row `row`, the cells of `COLUMNS`; text only with a tokenizer's folder. Raises MixError."""
    mix = open_mix(folder)
    if not 0 <= row < mix.n_rows:
        raise MixError(f"{folder}: no row {row}; this mix has rows 0 to {mix.n_rows - 1}")
    batch, refs = mix.rows(row, row + 1), rows_at(mix.plan, row, row + 1)
    decode = _decoder(tokenizer)
    cells, place = [], 0
    for index, length in enumerate(batch.seg_lengths.tolist()):
        text = decode(batch.input_ids[0, place : place + min(length, _TEXT_TOKENS)].tolist())
        source = mix.sources[batch.seg_sources[index]]
        cells.append((index, source, batch.seg_doc_ids[index].tobytes().hex(), length, int(batch.seg_starts[index]), text))
        place += length
    stage = [stage.name for stage in mix.plan.stages if stage.first_row <= row][-1]
    title = f"row {row:,} of {mix.n_rows:,} ({stage}): {mix.sources[refs.source[0]]} row {refs.row[0]:,}, epoch {refs.epoch[0] + 1}, {place:,} tokens"
    return title, cells


def _decoder(folder: Path | None) -> Any:
    if folder is None:
        return lambda ids: ""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json" if folder.is_dir() else folder
    if not path.is_file():
        raise MixError(f"{path}: no such tokenizer file; give the folder that holds tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    return lambda ids: repr(tokenizer.decode(ids, skip_special_tokens=False))[1 : 1 + _TEXT_CHARS]

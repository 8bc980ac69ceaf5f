"""Documents that are not in the mix (held-out text, samples for estimates), tokenised and cut to rows."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from train.batch import BatchRows
from train.errors import TrainError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_DOCUMENTS, MAX_BYTES = 200, 20_000
"""Default limits of a sample and of each of its documents: some seconds on a GPU, independent of the size of the set."""


def load_tokenizer(folder: Path) -> "Tokenizer":
    """The tokenizer in a model's folder, without truncation and padding. Raises TrainError if the folder has none."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.exists():
        raise TrainError(f"{folder}: no tokenizer.json to encode documents with; put the mix's tokenizer into the model folder")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Path, texts: list[str]) -> Iterable[np.ndarray]:
    """(n_tokens,) int64 ids of each text; text that spells a special token is encoded as text. Raises TrainError if the folder has no tokenizer."""
    encoder = load_tokenizer(tokenizer)
    start = encoder.encode("").ids[:1]
    encoder.encode_special_tokens = True
    for encoding in encoder.encode_batch(texts, add_special_tokens=False):
        yield np.array(start + encoding.ids, dtype=np.int64)


def cut(ids: np.ndarray, row_tokens: int) -> list[np.ndarray]:
    """Pieces of at most `row_tokens` ids that overlap by one, so that each token but the first is predicted once."""
    return [ids[start : start + row_tokens] for start in range(0, max(1, len(ids) - 1), row_tokens - 1)]


def as_rows(rows: list[list[tuple[int, np.ndarray]]], row_tokens: int) -> BatchRows:
    """Rows of `row_tokens` tokens from the (source, token ids) pieces that each of them holds; the rest of a row is padding."""
    input_ids = np.zeros((len(rows), row_tokens), dtype=np.int64)
    n_tokens = np.array([sum(len(ids) for _, ids in row) for row in rows])
    for number, row in enumerate(rows):
        input_ids[number, : n_tokens[number]] = np.concatenate([np.zeros(0, dtype=np.int64), *(ids for _, ids in row)])
    segments = [piece for row in rows for piece in row]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    lengths, domains = (np.array(values, dtype=np.int64) for values in ([len(ids) for _, ids in segments], [domain for domain, _ in segments]))
    return BatchRows(input_ids, offsets, lengths, domains, n_tokens)

"""Measure documents: one named column for each signal.

To add a signal, write a function from `Block` to named arrays of one value per document, and enter it in SIGNALS.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from curate.signals.block import Block, new_block
from curate.signals.buffers import text_buffers
from curate.signals.hashing import hash_set, text_hash
from curate.signals.layout import line_shapes, list_lines, repeated_lines, sizes, symbols
from curate.signals.lines import chars_of, lines_of, paragraphs_of
from curate.signals.repetition import repeated_runs
from curate.signals.split import new_words
from curate.signals.wording import word_shapes
from curate.signals.words import BLOCK_BYTES, WordSplitter, blocks_of, frozen

SIGNALS: tuple[Callable[[Block], dict[str, np.ndarray]], ...] = (
    sizes,
    word_shapes,
    symbols,
    list_lines,
    repeated_lines,
    repeated_runs,
    line_shapes,
)

GOPHER_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Rae et al. 2021, section A1.1."""


def measure(texts: pa.Array | pa.ChunkedArray, splitter: WordSplitter, stop_words: Iterable[str] = GOPHER_STOP_WORDS) -> pa.RecordBatch:
    """All signals of `texts`, an Arrow string or large_string array; a null counts as an empty text.

    Columns are int64 counts (`n_…`) and float64 means and shares; what divides by nothing is NaN. Each function of SIGNALS documents its
    own. Row order is kept, and no value depends on what else is in the batch. Raises CurateError if `texts` holds no strings.
    """
    utf8, offsets = (frozen(array) for array in text_buffers(texts))
    stop_set = hash_set([text_hash(word) for word in stop_words])
    blocks = [measure_block(new_block(utf8, offsets[first : last + 1], splitter, stop_set)) for first, last in blocks_of(offsets, BLOCK_BYTES)]
    if not blocks:
        blocks = [measure_block(new_block(utf8, offsets, splitter, stop_set))]
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return pa.RecordBatch.from_pydict({name: pa.array(column) for name, column in columns.items()})


def measure_block(block: Block) -> dict[str, np.ndarray]:
    """Every signal of a block, by name."""
    columns: dict[str, np.ndarray] = {}
    for signal in SIGNALS:
        columns |= signal(block)
    return columns


def signal_names() -> list[str]:
    """Names of all signals, in column order."""
    utf8, offsets = (frozen(array) for array in text_buffers(pa.array([], pa.string())))
    nothing = Block(utf8, offsets, chars_of(utf8, offsets), new_words(0, 0), lines_of(utf8, offsets), paragraphs_of(utf8, offsets), hash_set([]))
    return list(measure_block(nothing))

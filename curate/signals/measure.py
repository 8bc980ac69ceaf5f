"""Measure documents: one named column per signal. `groups` lists the signals."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.hashing import hash_set, text_hash
from curate.signals.block import Block, new_block
from curate.signals.groups import DEFAULT_GROUPS, Signal, signals_of
from curate.signals.wording import stop_word_signal
from curate.words.choice import Splitter
from curate.words.spacy_words import BLOCK_BYTES, blocks_of

GOPHER_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Rae et al. 2021, section A1.1."""


def measure(
    texts: pa.Array | pa.ChunkedArray,
    splitter: Splitter,
    groups: Iterable[str] = DEFAULT_GROUPS,
    stop_words: Iterable[str] = GOPHER_STOP_WORDS,
    own_stop_words: Mapping[str, Iterable[str]] | None = None,
) -> pa.RecordBatch:
    """The signals of `groups` for `texts`, an Arrow string or large_string array; a null counts as an empty text.

    Columns are int64 counts (`n_…`) and float64 means and shares, NaN if the denominator is 0. The functions of `groups` document their
    signals; `own_stop_words` adds a column per list of stop words. Row order is kept; no value depends on other texts. Raises CurateError if
    `texts` are not strings, or for an unknown group.
    """
    further = [stop_word_signal(column, words) for column, words in (own_stop_words or {}).items()]
    signals = [*signals_of(groups), *further]
    utf8, offsets = (frozen(array) for array in text_buffers(texts))
    stop_set = hash_set([text_hash(word) for word in stop_words])
    blocks = [measure_block(new_block(utf8, offsets[first : last + 1], splitter, stop_set), signals) for first, last in blocks_of(offsets, BLOCK_BYTES)]
    if not blocks:
        blocks = [measure_block(new_block(utf8, offsets, splitter, stop_set), signals)]
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return pa.RecordBatch.from_pydict({name: pa.array(column) for name, column in columns.items()})


def measure_block(block: Block, signals: Sequence[Signal]) -> dict[str, np.ndarray]:
    """The signals of a block, by name."""
    columns: dict[str, np.ndarray] = {}
    for signal in signals:
        columns |= signal(block)
    return columns

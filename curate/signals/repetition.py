"""Gopher's signals of repeated runs of words (Rae et al. 2021, table A1), as datatrove counts them."""

from typing import Any

import numpy as np

from curate.signals.block import Block
from curate.signals.duplicate_runs import DUPLICATE_SIZES, count_duplicate_runs, new_run_space
from curate.signals.top_runs import TOP_SIZES, count_top_runs, new_top_space


def repeated_runs(block: Block) -> dict[str, np.ndarray]:
    """Gopher's repeated runs of n words, as shares of the text's characters. NaN for an empty text.

    - `top_{n}_gram_char_frac`, n = 2, 3, 4: characters of the most frequent run, its words joined by spaces, times its occurrences (overlapping ones
      included). Of equally frequent runs the first counts. 0 for fewer than n words.
    - `dup_{n}_gram_char_frac`, n = 5 … 10: characters of runs that occurred earlier, their words joined without spaces. The text is read from left to right,
      and each run that is found is skipped, so nothing counts twice.
    """
    top, duplicate = np.zeros((len(TOP_SIZES), block.n_docs), np.int64), np.zeros((len(DUPLICATE_SIZES), block.n_docs), np.int64)
    n_most = int(np.max(np.diff(block.words.doc_offsets), initial=0))
    count_top_runs(block.words, new_top_space(n_most), top)
    count_duplicate_runs(block.utf8, block.words, new_run_space(n_most, _longest_bytes(block)), duplicate)
    with np.errstate(invalid="ignore"):
        fractions: dict[str, Any] = {f"top_{n}_gram_char_frac": top[k] / block.n_chars for k, n in enumerate(TOP_SIZES)}
        return fractions | {f"dup_{n}_gram_char_frac": duplicate[k] / block.n_chars for k, n in enumerate(DUPLICATE_SIZES)}


def _longest_bytes(block: Block) -> int:
    return int(np.max(np.diff(block.offsets), initial=0))

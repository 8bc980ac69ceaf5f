"""Packing documents into rows: best fit against first fit over open rows, and against concatenating and cutting.

    python -m benchmarks.pack [--input TOKENS_SET] [--documents N] [--row-tokens L]

Lengths are log-normal with a mean of about 670 tokens, like web pages, or those of a tokens set. First fit, as in streaming packers, keeps 1,000
rows open and puts each document into the first that has room, closing the fullest when none has; it is compiled by numba like ours, and splits long
documents like ours. Concatenation is numpy. A document is split needlessly if it is cut although it fits in a row.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.harness import print_result, timed, use_one_core
from mix.pack import pack
from mix.sources import WINDOW_DOCUMENTS, TokenSource

OPEN_ROWS = 1000


class Result(NamedTuple):
    """Rows used, tokens in them, and documents cut although they fit in a row."""

    n_rows: int
    n_tokens: int
    n_needless_splits: int


def main() -> None:
    """Print the measurements; the last line is one JSON object, speeds in documents per second on one core."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, help="a tokens set whose lengths are used")
    parser.add_argument("--documents", type=int, default=1 << 20)
    parser.add_argument("--row-tokens", type=int, default=1024)
    options = parser.parse_args()
    use_one_core()
    lengths = read_lengths(options.input) if options.input else web_like_lengths(options.documents)
    print(
        f"{len(lengths):,} documents, {lengths.mean():,.0f} tokens on average, {np.mean(lengths > options.row_tokens):.1%} longer than {options.row_tokens:,}"
    )
    packers = {"best_fit": best_fit, "first_fit": first_fit, "concatenate": concatenate}
    figures = {name: measure(packer, lengths, options.row_tokens) for name, packer in packers.items()}
    for name, figure in figures.items():
        print(
            f"{name:<12} {figure['documents_per_second']:>12,.0f} docs/s   padding {figure['padding']:.4%}   "
            f"needless splits {figure['needless_splits']:.3%}   rows above the least {figure['rows_above_least']:.4%}"
        )
    ours, peer = figures["best_fit"], figures["first_fit"]
    ratio = ours["documents_per_second"] / peer["documents_per_second"]
    agreement = float(np.mean([figure["tokens_kept"] for figure in figures.values()]))
    print_result({"ours": ours, "peer": peer, "concatenate": figures["concatenate"], "ratio": ratio, "agreement": agreement})


def web_like_lengths(n_documents: int) -> NDArray[np.int64]:
    """(n_documents,) int64 log-normal lengths in tokens."""
    return np.maximum(1, np.random.default_rng(0).lognormal(5.9, 1.1, n_documents)).astype(np.int64)


def read_lengths(folder: Path) -> NDArray[np.int64]:
    """Lengths of all documents of a tokens set."""
    source = TokenSource("input", [folder], verify=False)
    return np.concatenate([source.window(index).length for index in range(source.n_windows)])


def measure(packer: Callable[[NDArray[np.int64], int], Result], lengths: NDArray[np.int64], row_tokens: int) -> dict[str, float]:
    """Speed by CPU time and quality of one packer; the best of five runs, after one that compiles."""
    packer(lengths[:1000], row_tokens)
    runs = [timed(lambda: packer(lengths, row_tokens)) for _ in range(5)]
    result = runs[0][0]
    least = -(-int(lengths.sum()) // row_tokens)
    return {
        "documents_per_second": len(lengths) / max(min(seconds for _, seconds in runs), 1e-9),
        "padding": 1 - result.n_tokens / (result.n_rows * row_tokens),
        "needless_splits": result.n_needless_splits / len(lengths),
        "rows_above_least": result.n_rows / least - 1,
        "tokens_kept": result.n_tokens / int(lengths.sum()),
    }


def best_fit(lengths: NDArray[np.int64], row_tokens: int) -> Result:
    """Ours, in the windows of documents in which sources are packed. Counts cuts from the resulting pieces."""
    n_rows = n_tokens = n_needless = 0
    for first in range(0, len(lengths), WINDOW_DOCUMENTS):
        window = lengths[first : first + WINDOW_DOCUMENTS]
        packing = pack(window, row_tokens)
        n_rows += packing.n_rows
        n_tokens += int(packing.length.sum(dtype=np.int64))
        n_needless += int(((np.bincount(packing.doc, minlength=len(window)) > 1) & (window <= row_tokens)).sum())
    return Result(n_rows, n_tokens, n_needless)


def concatenate(lengths: NDArray[np.int64], row_tokens: int) -> Result:
    """All documents end to end, cut at multiples of the row length."""
    ends = np.cumsum(lengths)
    crosses = (ends - lengths) // row_tokens != (ends - 1) // row_tokens
    return Result(-(-int(ends[-1]) // row_tokens), int(ends[-1]), int((crosses & (lengths <= row_tokens)).sum()))


def first_fit(lengths: NDArray[np.int64], row_tokens: int) -> Result:
    """Documents in order into the first of `OPEN_ROWS` open rows that has room."""
    n_rows, n_tokens = _first_fit(lengths, row_tokens, OPEN_ROWS)
    return Result(n_rows, n_tokens, 0)


@njit(cache=True)
def _first_fit(lengths, row_tokens, n_open):  # type: ignore[no-untyped-def]
    rooms = np.zeros(n_open, np.int64)
    n_rows, n_tokens = 0, 0
    for number in range(len(lengths)):
        n_rows += lengths[number] // row_tokens
        n_tokens += lengths[number]
        rest = lengths[number] % row_tokens
        if rest == 0:
            continue
        place = 0
        while place < n_open and rooms[place] < rest:
            place += 1
        if place == n_open:
            place = np.argmin(rooms)
            rooms[place] = row_tokens
            n_rows += 1
        rooms[place] -= rest
    return n_rows, n_tokens


if __name__ == "__main__":
    main()

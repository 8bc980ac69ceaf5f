"""Windows over a document's tokens, so that each token is predicted exactly once, with as much context as the window holds.

Positions count the model's inputs. An input at position i predicts the token at i + 1; the first token of a document is predicted
only if a token precedes it. The windows depend only on lengths, so models with the same tokenizer have the same windows.
"""

from collections.abc import Iterator
from typing import NamedTuple


class ScoringWindow(NamedTuple):
    """Inputs at [start, stop). Of the tokens that they predict, those at [first, stop + 1) are new; earlier ones belong to previous windows."""

    document: int
    start: int
    stop: int
    first: int


def document_windows(document: int, n_tokens: int, context_tokens: int, stride_tokens: int) -> Iterator[ScoringWindow]:
    """Windows of at most `context_tokens` inputs over `n_tokens` tokens, each starting `stride_tokens` after the previous one.

    The new tokens of all windows cover 1 … n_tokens − 1 once, in order; a document with one token has no window. Every new token
    after the first window sees at least `context_tokens − stride_tokens + 1` tokens before it.
    """
    start, first = 0, 1
    while first < n_tokens:
        stop = min(start + context_tokens, n_tokens - 1)
        yield ScoringWindow(document, start, stop, first)
        start, first = start + stride_tokens, stop + 1


def batches(windows: list[ScoringWindow], batch_tokens: int) -> Iterator[list[ScoringWindow]]:
    """Batches of windows in descending length; padded to its longest window, a batch has at most `batch_tokens` inputs (or is a single window)."""
    ordered = sorted(windows, key=lambda window: (window.start - window.stop, window.document, window.start))
    index = 0
    while index < len(ordered):
        longest = ordered[index].stop - ordered[index].start
        size = max(batch_tokens // longest, 1)
        yield ordered[index : index + size]
        index += size

"""Windows over a document's tokens, so that each token is predicted exactly once with as much context as the window holds.

Positions count the model's inputs. An input at position i predicts the token at i + 1; the first token of a document is predicted
only if something stands before it. The windows depend on lengths alone, so models that share a tokenizer share them.
"""

from collections.abc import Iterator
from typing import NamedTuple


class ScoringWindow(NamedTuple):
    """Inputs at [start, stop); of the tokens they predict, those at [first, stop + 1) are new, earlier ones were scored before."""

    document: int
    start: int
    stop: int
    first: int


def document_windows(document: int, n_tokens: int, context_tokens: int, stride_tokens: int) -> Iterator[ScoringWindow]:
    """Windows of at most `context_tokens` inputs over `n_tokens` tokens, each starting `stride_tokens` after the one before.

    The new tokens of all windows cover 1 … n_tokens − 1 once, in order; a document of one token has no window. Every new token
    but those of the first window sees at least `context_tokens − stride_tokens + 1` tokens before it.
    """
    start, first = 0, 1
    while first < n_tokens:
        stop = min(start + context_tokens, n_tokens - 1)
        yield ScoringWindow(document, start, stop, first)
        start, first = start + stride_tokens, stop + 1


def batches(windows: list[ScoringWindow], batch_tokens: int) -> Iterator[list[ScoringWindow]]:
    """Windows by falling length, cut so that a batch padded to its longest has at most `batch_tokens` inputs (or is one window)."""
    ordered = sorted(windows, key=lambda window: (window.start - window.stop, window.document, window.start))
    place = 0
    while place < len(ordered):
        longest = ordered[place].stop - ordered[place].start
        size = max(batch_tokens // longest, 1)
        yield ordered[place : place + size]
        place += size

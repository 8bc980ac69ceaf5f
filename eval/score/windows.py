"""Windows over a document's tokens, so that each token is predicted exactly once, with as much context as the window holds.

Positions count the model's inputs. An input at position i predicts the token at i + 1; the first token of a document is predicted
only if a token precedes it. The windows depend only on lengths, so models with the same tokenizer have the same windows.
"""

from collections.abc import Iterator
from typing import NamedTuple


class ScoringWindow(NamedTuple):
    """Inputs at [start, stop). Of the tokens that they predict, those at [first, stop + 1) are new; earlier ones belong to previous windows.
    `after_bos`: a beginning-of-text token that is not part of the document comes before the inputs."""

    document: int
    start: int
    stop: int
    first: int
    after_bos: bool = False

    @property
    def n_inputs(self) -> int:
        """Inputs including the beginning-of-text token."""
        return self.stop - self.start + self.after_bos


def document_windows(document: int, n_tokens: int, context_tokens: int, stride_tokens: int, *, bos_again: bool = False) -> Iterator[ScoringWindow]:
    """Windows of at most `context_tokens` inputs over `n_tokens` tokens, each starting `stride_tokens` after the previous one.

    The new tokens of all windows cover 1 … n_tokens − 1 once, in order; a document with one token has no window. Every new token
    after the first window sees at least `context_tokens − stride_tokens + 1` tokens before it. `bos_again`: windows after the first begin with
    a beginning-of-text token, which takes the place of one of their inputs; raises ValueError if it is the only one.
    """
    if context_tokens <= bos_again:
        raise ValueError(f"a context of {context_tokens} tokens holds only the beginning-of-text token")
    start, first = 0, 1
    stride_tokens = min(stride_tokens, context_tokens - bos_again)  # later windows hold one input less, and must leave no token out
    while first < n_tokens:
        after_bos = bos_again and start > 0
        stop = min(start + context_tokens - after_bos, n_tokens - 1)
        if stop >= first:
            yield ScoringWindow(document, start, stop, first, after_bos)
            first = stop + 1
        start += stride_tokens


def batches(windows: list[ScoringWindow], batch_tokens: int) -> Iterator[list[ScoringWindow]]:
    """Batches of windows in descending length; padded to its longest window, a batch has at most `batch_tokens` inputs (or is a single window)."""
    ordered = sorted(windows, key=lambda window: (-window.n_inputs, window.document, window.start))
    index = 0
    while index < len(ordered):
        size = max(batch_tokens // ordered[index].n_inputs, 1)
        yield ordered[index : index + size]
        index += size

"""In-context copying: a sequence of random tokens, twice in a row.

Nothing predicts the first copy; the second can be read off the first, which takes induction heads (Olsson et al. 2022, arXiv 2209.11895). Tokens are
drawn among those that all models' vocabularies share by text, so that models with an extended vocabulary read the same sequences.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from eval.errors import EvalError
from eval.score.nats import token_nats

_MIN_TOKENS = 16


class Copied(NamedTuple):
    """Nats of the first and of the second copy, and tokens of the second that were the model's first choice; of all but the first token of a copy."""

    first_nats: float
    second_nats: float
    right: int
    tokens: int


def shared_pieces(vocabularies: Sequence[dict[str, int]], used: set[str]) -> list[str]:
    """Tokens by text that are in all vocabularies, in alphabetical order: those in `used` if there are at least 16, else all.

    Raises EvalError if fewer than 16 are shared.
    """
    shared = set.intersection(*(set(vocabulary) for vocabulary in vocabularies))
    if len(shared) < _MIN_TOKENS:
        raise EvalError(f"copying: the models' vocabularies share {len(shared)} tokens, {_MIN_TOKENS} are needed; set copying: null, or leave a model out")
    return sorted(shared & used if len(shared & used) >= _MIN_TOKENS else shared)


def random_sequences(n_pieces: int, n_sequences: int, length: int, seed: int) -> np.ndarray:
    """`(n_sequences, length) int64` numbers of pieces, without a repetition in a row as far as there are enough pieces."""
    rng = np.random.default_rng([seed, n_sequences, length])
    return np.stack([rng.choice(n_pieces, length, replace=n_pieces < length) for _ in range(n_sequences)])


def copy_nats(model: Any, sequences: np.ndarray, start: Sequence[int], batch: int) -> list[Copied]:
    """How well each row of `sequences (n, length) int64`, token ids, is predicted when it is read twice; `start`: special tokens in front, if any."""
    n, length = sequences.shape
    front = np.tile(np.array(start, np.int64), (n, 1))
    texts = np.hstack([front, sequences, sequences])
    results: list[Copied] = []
    with torch.inference_mode():
        for first in range(0, n, batch):
            ids = torch.from_numpy(texts[first : first + batch]).to(model.device)
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits
            targets = ids[:, 1:]
            nats = token_nats(logits.flatten(0, 1), torch.arange(targets.numel(), device=ids.device), targets.flatten()).reshape(targets.shape).double()
            right = logits.argmax(-1) == targets
            one, two = (slice(len(start) + copy * length, len(start) + (copy + 1) * length - 1) for copy in (0, 1))
            for row in range(len(ids)):
                results.append(Copied(float(nats[row, one].sum()), float(nats[row, two].sum()), int(right[row, two].sum()), length - 1))
    return results

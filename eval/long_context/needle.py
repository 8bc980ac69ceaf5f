"""Retrieval of a needle from a haystack: a pass key somewhere in a long text, asked for at its end.

The passkey test of landmark attention (arXiv 2305.16300) in a haystack of real text, as in RULER (arXiv 2404.06654). Models too small to generate the
key can be measured, too: the key is ranked among other keys by the probability that the model gives to each after the same prompt. A model that
cannot find the key ranks it first once in 1 + `alternatives` times.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from eval.score.nats import token_nats

NEEDLE = "\nThe pass key is {key}. Remember it. {key} is the pass key.\n"
QUESTION = "\nWhat is the pass key? The pass key is"
ANSWER = " {key}"
DIGITS = 5
_MOST_DRAWS = 1000


class Trial(NamedTuple):
    """A prompt that holds the needle, and the keys to choose from as tokens; the first is the right one. All arrays are (n,) int64."""

    prompt: np.ndarray
    answers: list[np.ndarray]


class Outcome(NamedTuple):
    """`rank` of the right key (1: the most probable), and its `nats` given the prompt."""

    rank: int
    nats: float


Encode = Callable[[list[str]], list[np.ndarray]]


def make_trial(encode: Encode, start: Sequence[int], filler: np.ndarray, length: int, depth: float, n_alternatives: int, rng: np.random.Generator) -> Trial:
    """A trial of at most `length` tokens including the key. `start` holds the beginning-of-text token, if any; `filler` (n,) int64, n ≥ `length`, is the
    haystack's text. `depth` from 0 (the needle comes first) to 1 (right before the question). Raises ValueError if `length` leaves no room for filler.
    """
    keys = _keys(encode, n_alternatives, rng)
    needle, question = encode([NEEDLE.format(key=keys[0]), QUESTION])
    answers = encode([ANSWER.format(key=key) for key in keys])
    room = length - len(start) - len(needle) - len(question) - max(map(len, answers))
    if room < 1:
        raise ValueError(f"a needle, its question and its answer take {length - room} tokens")
    before = round(depth * room)
    return Trial(np.concatenate([np.array(start, np.int64), filler[:before], needle, filler[before:room], question]), answers)


def _keys(encode: Encode, n_alternatives: int, rng: np.random.Generator) -> list[str]:
    """Different random keys that take equally many tokens, as far as there are enough; the first is the right one."""
    by_size: dict[int, dict[str, None]] = {}
    most: dict[str, None] = {}
    for _ in range(_MOST_DRAWS):
        key = str(rng.integers(10 ** (DIGITS - 1), 10**DIGITS))
        most = by_size.setdefault(len(encode([ANSWER.format(key=key)])[0]), {})
        most[key] = None
        if len(most) > n_alternatives:
            return list(most)
    raise ValueError(f"no {n_alternatives + 1} keys take equally many tokens")


def answer_trial(model: Any, trial: Trial, batch_tokens: int) -> Outcome:
    """Rank the keys of a trial by the probability that the model gives to each after the prompt. Keys of equal probability rank before the right one."""
    nats = answer_nats(model, trial, batch_tokens)
    return Outcome(1 + int(np.count_nonzero(nats[1:] <= nats[0])), float(nats[0]))


def answer_nats(model: Any, trial: Trial, batch_tokens: int) -> np.ndarray:
    """(n_answers,) float64: nats of each answer after the prompt. The prompt is computed once, and its cache copied for each answer."""
    device = model.device
    prompt = torch.from_numpy(trial.prompt).to(device)
    cache: Any = None
    with torch.inference_mode():
        for first in range(0, len(prompt) - 1, batch_tokens):
            cache = model(input_ids=prompt[None, first : min(first + batch_tokens, len(prompt) - 1)], past_key_values=cache, use_cache=True).past_key_values
        nats = []
        for answer in trial.answers:
            targets = torch.from_numpy(answer).to(device)
            inputs = torch.cat([prompt[-1:], targets[:-1]])
            logits = model(input_ids=inputs[None], past_key_values=copy.deepcopy(cache), use_cache=True).logits[0]
            nats.append(token_nats(logits, torch.arange(len(targets), device=device), targets).double().sum())
    return torch.stack(nats).cpu().numpy()

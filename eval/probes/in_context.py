"""In-context learning without language: tasks on meaningless symbols that only their examples explain.

Continued pre-training on one language can lose the ability to learn from a prompt while its perplexity still improves; Elhady et al. 2025 (arXiv
2506.00288) show this with a benchmark that is independent of language. The tasks here are our own, because theirs are a data set to download. Each
question is a few solved examples, then an unsolved one; the right answer is ranked among others of the same length. As a control, the same question
is asked with the answers of its examples exchanged: what a model gains from the right examples is learned from the prompt, not guessed from the form.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from eval.score.nats import token_nats

SYMBOLS = "abcdefghijkmnpqrstuvwxyz"
"""Single letters: nearly every tokenizer has them, with a blank in front, as single tokens."""
_LENGTH = 4
_MOST_NATS = 100.0
"""A token costs at most this much: a probability of 0 would make all figures infinite."""


class Question(NamedTuple):
    """`prompt` with the right examples, `control` with their answers exchanged; the first of `answers` is the right one."""

    task: str
    prompt: str
    control: str
    answers: list[str]


class Answered(NamedTuple):
    """`rank` of the right answer (1: the most probable), its nats after the prompt and after the control, and its symbols."""

    rank: int
    nats: float
    control_nats: float
    symbols: int


Rule = Callable[[list[str]], list[str]]
"""word of symbols → answer"""


def _mapping(rng: np.random.Generator) -> Rule:
    to = dict(zip(SYMBOLS, rng.permutation(list(SYMBOLS)).tolist(), strict=True))
    return lambda word: [to[symbol] for symbol in word]


TASKS: dict[str, Callable[[np.random.Generator], Rule]] = {
    "copy": lambda rng: lambda word: word,
    "reverse": lambda rng: lambda word: word[::-1],
    "rotate": lambda rng: lambda word: word[1:] + word[:1],
    "first": lambda rng: lambda word: word[:1],
    "last": lambda rng: lambda word: word[-1:],
    "double": lambda rng: lambda word: [symbol for symbol in word[:2] for _ in range(2)],
    "mapping": _mapping,
}
"""name → rng → rule"""


def make_questions(n_items: int, n_demonstrations: int, n_alternatives: int, seed: int) -> list[Question]:
    """`n_items` questions of each task, the same for every model."""
    return [
        _question(task, n_demonstrations, n_alternatives, np.random.default_rng([seed, number, item]))
        for number, task in enumerate(TASKS)
        for item in range(n_items)
    ]


def _question(task: str, n_demonstrations: int, n_alternatives: int, rng: np.random.Generator) -> Question:
    rule = TASKS[task](rng)
    words = [rng.choice(list(SYMBOLS), _LENGTH, replace=False).tolist() for _ in range(n_demonstrations)]
    query = _words_query(words, rng) if task == "mapping" else rng.choice(list(SYMBOLS), _LENGTH, replace=False).tolist()
    right = rule(query)
    answers = [rule(word) for word in words]
    shift = 1 + int(rng.integers(max(n_demonstrations - 1, 1)))
    exchanged = answers[shift:] + answers[:shift]
    choices = [_spaced(right), *_wrong_answers(right, query, rule, n_alternatives, rng)]
    return Question(task, _prompt(words, answers, query), _prompt(words, exchanged, query), choices)


def _wrong_answers(right: list[str], query: list[str], rule: Rule, n: int, rng: np.random.Generator) -> list[str]:
    """Different answers of the same length and, as far as there are enough, of the same symbols."""
    wrong: dict[str, None] = {}
    singles = iter([*rng.permutation(query), *rng.permutation(list(SYMBOLS))])
    while len(wrong) < n:
        if len(right) == 1:
            other = [str(next(singles))]
        elif right[0] == right[1]:
            other = rule(rng.permutation(query).tolist())
        else:
            other = rng.permutation(right).tolist()
        if other != right:
            wrong[_spaced(other)] = None
    return list(wrong)


def _words_query(words: list[list[str]], rng: np.random.Generator) -> list[str]:
    """A query for the mapping: symbols that occur in the examples, in a new order."""
    seen = sorted({symbol for word in words for symbol in word})
    return [str(symbol) for symbol in rng.choice(seen, _LENGTH, replace=False)]


def _prompt(words: list[list[str]], answers: list[list[str]], query: list[str]) -> str:
    examples = [f"{_spaced(word)[1:]} >{_spaced(answer)}\n" for word, answer in zip(words, answers, strict=True)]
    return "".join(examples) + f"{_spaced(query)[1:]} >"


def _spaced(word: list[str]) -> str:
    return "".join(f" {symbol}" for symbol in word)


def answer_questions(model: Any, encode: Callable[[list[str]], list[np.ndarray]], questions: list[Question], start: list[int], batch: int) -> list[Answered]:
    """Rank the answers of each question by their probability after its prompt. Answers of equal probability rank before the right one."""
    results = []
    for question in questions:
        prompt, control = encode([question.prompt, question.control])
        answers = encode(question.answers)
        pairs = [(prompt, answer) for answer in answers] + [(control, answers[0])]
        nats = continuation_nats(model, [(np.concatenate([np.array(start, np.int64), context]), answer) for context, answer in pairs], batch)
        rank = 1 + int(np.count_nonzero(nats[1:-1] <= nats[0]))
        results.append(Answered(rank, float(nats[0]), float(nats[-1]), len(question.answers[0]) // 2))

    return results


def continuation_nats(model: Any, pairs: list[tuple[np.ndarray, np.ndarray]], batch: int) -> np.ndarray:
    """`(n,) float64`: nats of each continuation after its context, `(n_tokens,) int64` both; the context has at least one token.

    A token costs at most 100 nats, so that one of probability 0 does not hide all others.
    """
    nats = np.zeros(len(pairs))
    with torch.inference_mode():
        for first in range(0, len(pairs), batch):
            chosen = pairs[first : first + batch]
            length = max(len(context) + len(continuation) for context, continuation in chosen)
            ids = np.zeros((len(chosen), length), np.int64)  # padded on the right, which causal attention never sees
            for row, (context, continuation) in enumerate(chosen):
                ids[row, : len(context) + len(continuation)] = np.concatenate([context, continuation])
            inputs = torch.from_numpy(ids).to(model.device)
            logits = model(input_ids=inputs[:, :-1], use_cache=False).logits
            for row, (context, continuation) in enumerate(chosen):
                rows = torch.arange(len(context) - 1, len(context) + len(continuation) - 1, device=inputs.device)
                targets = inputs[row, len(context) : len(context) + len(continuation)]
                nats[first + row] = float(token_nats(logits[row], rows, targets).clamp(max=_MOST_NATS).double().sum())
    return nats

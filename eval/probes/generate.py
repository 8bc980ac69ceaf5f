"""Continues prompts, greedily or by sampling, without padding.

Prompts of different lengths share a batch as in Meta's llama: the batch starts with the length of its shortest prompt, and a longer prompt forces its
own tokens until it is used up. So no model sees a padding token, and position numbers need no correction, whatever the architecture. Random numbers
belong to a prompt, not to a batch; with float32, a continuation depends on its batch only by rounding.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from eval.errors import EvalError


class Continuation(NamedTuple):
    """`tokens (n,) int64` after the prompt, without the token that ended the text; `end`: that token, None if the limit came first."""

    tokens: np.ndarray
    end: int | None


Pick = Callable[[int, int, torch.Tensor], int]
"""(number of the prompt, number of the new token, logits `(V,)`) → token."""


def greedy(_prompt: int, _step: int, logits: torch.Tensor) -> int:
    """The most probable token; of equal ones the first."""
    return int(logits.argmax())


def nucleus(uniforms: np.ndarray, temperature: float, top_p: float) -> Pick:
    """Sampling from the smallest set of tokens that holds `top_p` of the probability; `uniforms (n_prompts, n_tokens)` are the random numbers to use."""

    def pick(prompt: int, step: int, logits: torch.Tensor) -> int:
        probabilities, tokens = torch.softmax(logits.double().cpu() / temperature, 0).sort(descending=True, stable=True)
        sums = probabilities.cumsum(0)
        n_kept = int(torch.searchsorted(sums, min(top_p, float(sums[-1])))) + 1
        chosen = int(torch.searchsorted(sums[:n_kept], float(uniforms[prompt, step]) * float(sums[n_kept - 1]), right=True))
        return int(tokens[min(chosen, n_kept - 1)])

    return pick


def continue_prompts(
    model: Any,
    prompts: Sequence[np.ndarray],
    *,
    n_tokens: int,
    ends: Sequence[int],
    pick: Pick = greedy,
    batch: int = 16,
    advance: Callable[[int], None] = lambda n_prompts: None,
) -> list[Continuation]:
    """A continuation of each prompt `(n,) int64`, n ≥ 1, of at most `n_tokens` tokens; any token in `ends` ends it.

    Raises EvalError if the model gives no finite logits.
    """
    made: dict[int, Continuation] = {}
    order = sorted(range(len(prompts)), key=lambda number: (len(prompts[number]), number))
    for start in range(0, len(order), batch):
        numbers = order[start : start + batch]
        made |= _continue_batch(model, {number: prompts[number] for number in numbers}, n_tokens, frozenset(ends), pick)
        advance(len(numbers))
    return [made[number] for number in range(len(prompts))]


def _continue_batch(model: Any, prompts: dict[int, np.ndarray], n_tokens: int, ends: frozenset[int], pick: Pick) -> dict[int, Continuation]:
    texts = {number: ids.tolist() for number, ids in prompts.items()}
    made: dict[int, Continuation] = {}
    length, read, cache = min(map(len, texts.values())), 0, None
    with torch.inference_mode():
        while len(made) < len(texts):
            inputs = torch.tensor([ids[read:length] for ids in texts.values()], device=model.device)
            output = model(input_ids=inputs, past_key_values=cache, use_cache=True)
            cache = getattr(output, "past_key_values", None)
            read = length if cache is not None else 0  # without a cache, the whole text is read again
            logits = output.logits[:, -1].float()
            if not torch.isfinite(logits.amax(-1)).all():  # -inf alone is a token that the model rules out
                name = getattr(getattr(model, "config", None), "name_or_path", "")
                raise EvalError(f"model {name}: its logits after {length} tokens of text are not finite; the checkpoint is damaged or has diverged")
            for row, (number, ids) in enumerate(texts.items()):
                if len(ids) > length:
                    continue  # still inside the prompt
                step = length - len(prompts[number])
                ids.append(pick(number, step, logits[row]) if number not in made else ids[-1])
                if number not in made and (ids[-1] in ends or step + 1 == n_tokens):
                    end = ids[-1] if ids[-1] in ends else None
                    made[number] = Continuation(np.array(ids[len(prompts[number]) : -1 if end is not None else None], np.int64), end)
            length += 1
    return made

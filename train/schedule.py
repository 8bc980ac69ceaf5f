"""The learning rate as a pure function of the step."""

import math

from train.recipe import Schedule


def lr_at(step: int, n_steps: int, peak: float, schedule: Schedule) -> float:
    """Learning rate of `step` (1 … n_steps).

    Warm-up rises linearly and reaches `peak` at its last step. `constant` stays there, `linear` and `cosine` fall until the
    last step, `wsd` stays and falls over the last `decay_share` of the steps (warm-up, stable, decay: arXiv 2404.06395;
    the sqrt shape: arXiv 2405.18392). The last step has `peak * final_share`.
    """
    warmup = warmup_steps(n_steps, schedule)
    if step < warmup:
        return peak * step / warmup
    decay = {"constant": 0, "wsd": min(round(schedule.decay_share * n_steps), n_steps - warmup)}.get(schedule.kind, n_steps - warmup)
    done = (step - (n_steps - decay)) / decay if decay else 0.0
    if done <= 0:
        return peak
    shape = {"linear": "linear", "cosine": "cosine"}.get(schedule.kind, schedule.decay_shape)
    return peak * (schedule.final_share + (1 - schedule.final_share) * _remaining(done, shape))


def warmup_steps(n_steps: int, schedule: Schedule) -> int:
    """Steps of warm-up, from `warmup_steps` or `warmup_share`, at most `n_steps`."""
    asked = round(schedule.warmup_share * n_steps) if schedule.warmup_steps is None else schedule.warmup_steps
    return min(asked, n_steps)


def _remaining(done: float, shape: str) -> float:
    """From 1 at done = 0 to 0 at done = 1."""
    if shape == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    return 1 - math.sqrt(done) if shape == "sqrt" else 1 - done

"""The learning rate as a pure function of the step: consecutive segments, each with a begin, an end and a shape."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from train.errors import TrainError
from train.optimize.recipe import PhaseRecipe, ScheduleRecipe, Shape

_INFINITE_FINAL = 1e-8 / 3e-4


@dataclass(frozen=True)
class Segment:
    """`steps` optimizer steps in which the rate moves from `begin` to `end`; both are shares of the peak.

    A rising rate is above `begin` at the first step and reaches `end` at the last. A falling rate is `begin` at the first step and would reach `end` one
    step after the last, so that no step is spent on a rate of 0. torchtitan and nanochat decay like this.
    """

    steps: int
    begin: float
    end: float
    shape: Shape

    def at(self, step: int) -> float:
        """Share of the peak at `step`, counted from 1 in this segment."""
        n_done = step - 1 if self.end < self.begin else step
        return _between(self.begin, self.end, n_done / self.steps, self.shape)


def lr_at(step: int, n_steps: int, peak: float, schedule: ScheduleRecipe, stages: Sequence[tuple[str, int]] = ()) -> float:
    """Learning rate of `step` (1 … n_steps). `stages`: name and last optimizer step of each stage of the mix; only phases use them.

    Warm-up rises linearly and reaches `peak` at its last step. Afterwards `constant` stays there; `linear` and `cosine` fall until the run ends;
    `wsd` stays and falls over the last `decay_share` of the steps (arXiv 2404.06395; the sqrt shape: arXiv 2405.18392); `inverse_sqrt`
    falls with the square root of the step (arXiv 1706.03762); `infinite` follows arXiv 2503.02844. Raises TrainError like `segments`.
    """
    for segment in segments(n_steps, schedule, stages):
        if step <= segment.steps:
            return peak * segment.at(step)
        step -= segment.steps
    raise ValueError(f"step {n_steps + step} is beyond the {n_steps} steps of the schedule")


def segments(n_steps: int, schedule: ScheduleRecipe, stages: Sequence[tuple[str, int]] = ()) -> list[Segment]:
    """The schedule's segments, `n_steps` in total. Raises TrainError for phases that do not fill the run, or that name an unknown stage of the mix,
    and for a learning rate that is 0 in every step."""
    if schedule.phases:
        parts = _phases(n_steps, schedule.phases, stages)
        if all(part.begin == part.end == 0 for part in parts):
            raise TrainError("schedule.phases: the learning rate is 0 in every step, so nothing would be trained; set begin or to of a phase above 0")
        return parts
    warmup = warmup_steps(n_steps, schedule)
    rest = n_steps - warmup
    parts = [Segment(warmup, schedule.start_share, 1.0, "linear"), *_after_warmup(rest, n_steps, schedule)]
    return [segment for segment in parts if segment.steps]


def warmup_steps(n_steps: int, schedule: ScheduleRecipe) -> int:
    """Steps of warm-up, from `warmup_steps` or `warmup_share`, at most `n_steps`; 0 for phases, which define their own."""
    if schedule.phases:
        return 0
    asked = round(schedule.warmup_share * n_steps) if schedule.warmup_steps is None else schedule.warmup_steps
    return min(asked, n_steps)


def _after_warmup(rest: int, n_steps: int, schedule: ScheduleRecipe) -> list[Segment]:
    final = schedule.final_share or 0.0
    decay = min(round(schedule.decay_share * n_steps), rest)
    match schedule.kind:
        case "constant":
            return [Segment(rest, 1.0, 1.0, "linear")]
        case "linear" | "cosine":
            return [Segment(rest, 1.0, final, schedule.kind)]
        case "inverse_sqrt":
            before = max(n_steps - rest, 1)  # without warm-up it would divide by 0
            first, after = (math.sqrt(before / (before + n_done)) for n_done in (1, rest + 1))
            return [Segment(rest, first, after, "inverse_sqrt")]
        case "infinite":
            cooldown, low = min(round(schedule.cooldown_share * n_steps), rest - decay), schedule.constant_share
            end = _INFINITE_FINAL if schedule.final_share is None else final
            return [
                Segment(cooldown, 1.0, low, "cosine"),
                Segment(rest - cooldown - decay, low, low, "linear"),
                Segment(decay, low, end, "exponential"),
            ]
    return [Segment(rest - decay, 1.0, 1.0, "linear"), Segment(decay, 1.0, final, schedule.decay_shape)]


def _phases(n_steps: int, phases: Sequence[PhaseRecipe], stages: Sequence[tuple[str, int]]) -> list[Segment]:
    parts: list[Segment] = []
    for phase, length in zip(phases, _lengths(n_steps, phases, dict(stages)), strict=True):
        default = parts[-1].end if parts else 1.0 if phase.to is None else 0.0
        begin = default if phase.begin is None else phase.begin
        end = begin if phase.to is None else phase.to
        if phase.shape in ("exponential", "inverse_sqrt") and (begin == 0 or end == 0):
            raise TrainError(f"schedule.phases.{len(parts)}: {phase.shape} from {begin:g} to {end:g} of the peak; it needs rates above 0")
        parts.append(Segment(length, begin, end, phase.shape))
    return [segment for segment in parts if segment.steps]


def _lengths(n_steps: int, phases: Sequence[PhaseRecipe], last_steps: dict[str, int]) -> list[int]:
    """Steps of each phase. The ends of phases are rounded, not their lengths, so that lengths sum to the run's."""
    fixed = [_fixed_length(phase, n_steps) for phase in phases]
    ends: list[int | None] = []
    position: float = 0
    for number, (phase, length) in enumerate(zip(phases, fixed, strict=True)):
        if phase.stage is not None:
            if phase.stage not in last_steps:
                raise TrainError(f"schedule.phases.{number}.stage: the mix has no stage {phase.stage}; it has {', '.join(last_steps) or 'none'}")
            position = min(last_steps[phase.stage], n_steps)
        elif length is None:
            position = n_steps - sum(later or 0 for later in fixed[number + 1 :])
        else:
            position += length
        ends.append(round(position))
    starts = [0, *ends[:-1]]
    lengths = [end - start for start, end in zip(starts, ends, strict=True)]  # type: ignore[operator]
    if ends[-1] != n_steps or min(lengths) < 0:
        shown = ", ".join(map(str, ends))
        raise TrainError(f"schedule.phases: they end at steps {shown}, the run has {n_steps}; make the last end there, or leave one without length")
    return lengths


def _fixed_length(phase: PhaseRecipe, n_steps: int) -> float | None:
    return phase.steps if phase.steps is not None else phase.share * n_steps if phase.share is not None else None


def _between(begin: float, end: float, done: float, shape: Shape) -> float:
    """Value of the curve from `begin` at done = 0 to `end` at done = 1."""
    if shape == "exponential":
        return begin * (end / begin) ** done
    if shape == "inverse_sqrt":
        return begin / math.sqrt(1 + done * ((begin / end) ** 2 - 1))
    left = {"linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2, "sqrt": 1 - math.sqrt(done)}[shape]
    return end + (begin - end) * left

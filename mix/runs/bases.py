"""The models that runs start from: which runs share one, and what is known of its own training."""

from collections.abc import Sequence
from dataclasses import dataclass

from mix.laws import areas
from mix.runs.outputs import TrainOutput


@dataclass(frozen=True)
class Base:
    """A model that runs start from. `tokens` and `areas` (forward, annealing) are those of its own training, None if they are unknown."""

    name: str
    tokens: float | None
    areas: tuple[float, float] | None


class Bases:
    """Base models of runs, by the hash of their weights. One base has the name `base`, several have names such as `base 1f0c3a9d`."""

    def __init__(self, runs: Sequence[TrainOutput], pretraining_tokens: float | None) -> None:
        started_from = {run.facts.model_hash for run in runs}
        self._own_runs = {run.weights_hash: run for run in runs if run.weights_hash in started_from}
        self._hashes = list(dict.fromkeys(run.facts.model_hash for run in runs if not self.is_base(run)))
        self._pretraining_tokens = pretraining_tokens

    def is_base(self, run: TrainOutput) -> bool:
        """Whether another run starts from this run's model."""
        return run.weights_hash is not None and run.weights_hash in self._own_runs

    def facts_of(self, run: TrainOutput) -> Base:
        """The base of a run."""
        own = self._own_runs.get(run.facts.model_hash)
        if own is None:
            return Base(self._name(run.facts.model_hash), self._pretraining_tokens, None)
        forward, annealing = areas.of_rates([step.lr for step in own.steps])
        last = (float(forward[-1]), float(annealing[-1])) if len(forward) else None
        tokens = own.facts.totals.tokens if own.facts.totals is not None else None
        return Base(self._name(run.facts.model_hash), tokens, last)

    def name_of_baseline(self, checksum: str, bases: Sequence[Base]) -> str:
        """The name of an evaluation's baseline, given the bases of the runs that it scored: theirs if they have one, else a name of its own."""
        names = {base.name for base in bases} or {self._name(weights) for weights in self._hashes}
        return names.pop() if len(names) == 1 else f"base {checksum[:8]}"

    def _name(self, weights: str) -> str:
        return "base" if len(self._hashes) <= 1 else f"base {weights[:8]}"

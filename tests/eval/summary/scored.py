"""Made-up scores by document, for tests of the summary."""

import math

import numpy as np

from eval.groups import Clustering
from eval.held_out import HeldOut
from eval.recipe import EvaluateRecipe
from eval.score.losses import DomainLosses
from eval.summary.scored import ModelScores, ScoredDomain
from shards.held_out import HeldOutSample

N = 80


def recipe_of(models, domains=("law", "web"), **changes) -> EvaluateRecipe:
    fields = {"name": "t", "models": {name: f"models/{name}" for name in models}, "baseline": next(iter(models)), "out": "out", "n_resamples": 500}
    roles = {"web": "retain"}
    fields["domains"] = {name: {"documents": f"held/{name}", "role": roles.get(name, "gain")} for name in domains}
    return EvaluateRecipe.model_validate(fields | changes)


def scored(name: str, changes: dict[str, float | np.ndarray], *, columns=None, lost=None, labels=None, n: int = N, spread: float = 0.02) -> ScoredDomain:
    """A domain of `n` documents. `changes[model]`: bits per byte of each document over those of the first model, to which noise of deviation `spread` is
    added; `lost[model]`: share of each document's bytes that its tokenizer loses."""
    rng = np.random.default_rng(len(name))
    n_bytes = rng.integers(300, 3000, n)
    base = rng.normal(1.5, 0.2, n)
    models = {}
    for number, (model, change) in enumerate(changes.items()):
        noise = rng.normal(0, spread, n) if number else 0.0
        n_lost = np.floor(n_bytes * (lost or {}).get(model, 0.0)).astype(np.int64)
        losses = DomainLosses(n_lost, n_lost, "'ab' becomes ''" if n_lost.any() else "")
        models[model] = ModelScores((base + change + noise) * n_bytes * math.log(2), np.full(n, 5.0), n_bytes // 4, losses)
    ids = [number.to_bytes(16, "big") for number in range(n)]
    sample = HeldOutSample(ids, [f"Document {number} of {name}" for number in range(n)], n_bytes, "a" * 32, columns or {})
    role = "retain" if name == "web" else "gain"
    return ScoredDomain(HeldOut(name, sample), role, Clustering(np.arange(n) if labels is None else labels, "none"), models)

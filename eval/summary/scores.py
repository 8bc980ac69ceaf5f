"""Bits per byte of every model on every domain."""

import math
from collections.abc import Sequence

from eval.recipe import EvaluateRecipe
from eval.statistics.differences import ratio_interval
from eval.summary.rows import Row, bounds, counts
from eval.summary.scored import ScoredDomain


def score_rows(domains: Sequence[ScoredDomain], recipe: EvaluateRecipe) -> list[Row]:
    """Rows ordered by domain and model as in the recipe, with the cost of the first token, the context in bytes, and the text that tokenizers lose."""
    return [_row(domain, model, recipe) for domain in domains for model in recipe.models]


def _row(domain: ScoredDomain, model: str, recipe: EvaluateRecipe) -> Row:
    scores = domain.models[model]
    interval = ratio_interval(domain.values(model), clusters=domain.clustering.labels, n_resamples=recipe.n_resamples, seed=recipe.seed)
    n_bytes, n_tokens = int(domain.n_bytes.sum()), int(scores.n_tokens.sum())
    first = {"first_token_nats": float(scores.first_nats.mean()), "first_token_bits_per_byte": float(scores.first_nats.sum() / n_bytes / math.log(2))}
    losses = {
        "lost_bytes": int(scores.losses.lost.sum()),
        "unk_bytes": int(scores.losses.unknown.sum()),
        "lossy": domain.is_lossy(model, recipe.max_lost),
        "lost_example": scores.losses.example,
    }
    facts = {
        "model": model,
        "domain": domain.name,
        "bits_per_byte": interval.estimate,
        **bounds(interval),
        **counts(interval),
        "bytes": n_bytes,
        "tokens": n_tokens,
    }
    return facts | {"context_bytes": recipe.context_tokens * n_bytes / n_tokens} | first | losses

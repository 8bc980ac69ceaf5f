"""Merge methods as functions of float32 tensors of one shape.

A *task vector* is the change made by training, `model - base` (arXiv 2212.04089).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_PARALLEL = 0.9995
"""Cosine above which two tensors count as parallel: slerp would divide by a tiny sine, and lerp gives the same result to rounding."""


def linear(models: Sequence[Tensor], weights: Sequence[float], *, normalize: bool) -> Tensor:
    """Weighted sum; with `normalize`, divided by the sum of weights (model soups, arXiv 2203.05482)."""
    total = _weighted_sum(models, weights)
    return total / sum(weights) if normalize else total


def slerp(first: Tensor, second: Tensor, t: float) -> Tensor:
    """Interpolate along the great circle from `first` (t = 0) to `second` (t = 1), with the angle between the whole tensors.

    Shoemake 1985, applied to the tensors themselves, not to unit vectors. Parallel or zero tensors are interpolated linearly.
    """
    a, b = first.double(), second.double()
    norms = float(a.norm() * b.norm())
    cosine = float((a * b).sum()) / norms if norms else 1.0
    if abs(cosine) > _PARALLEL:
        return ((1 - t) * a + t * b).float()
    angle = math.acos(cosine)
    return (a * (math.sin((1 - t) * angle) / math.sin(angle)) + b * (math.sin(t * angle) / math.sin(angle))).float()


def task_arithmetic(base: Tensor, models: Sequence[Tensor], weights: Sequence[float], scale: float) -> Tensor:
    """`base + scale * Σ weight * (model - base)` (arXiv 2212.04089)."""
    return base + scale * _weighted_sum([model - base for model in models], weights)


def residual(adapted: Tensor, base: Tensor, instruct: Tensor, scale: float) -> Tensor:
    """`adapted + scale * (instruct - base)`: adds the change made by instruction tuning to a model with continued pre-training (arXiv 2410.10739)."""
    return adapted + scale * (instruct - base)


def ties(base: Tensor, models: Sequence[Tensor], weights: Sequence[float], densities: Sequence[float], scale: float) -> Tensor:
    """Trim, elect signs, merge (arXiv 2306.01708): each task vector keeps its `density` share of largest entries."""
    vectors = [trim(model - base, density) for model, density in zip(models, densities, strict=True)]
    return base + scale * disjoint_mean(vectors, weights)


def dare(
    base: Tensor,
    models: Sequence[Tensor],
    weights: Sequence[float],
    densities: Sequence[float],
    scale: float,
    generators: Sequence[torch.Generator],
    *,
    elect_signs: bool,
) -> Tensor:
    """Drop and rescale (arXiv 2311.03099), then sum the task vectors, or with `elect_signs` merge them as TIES does after trimming."""
    vectors = [drop_and_rescale(model - base, density, generator) for model, density, generator in zip(models, densities, generators, strict=True)]
    return base + scale * (disjoint_mean(vectors, weights) if elect_signs else _weighted_sum(vectors, weights))


def trim(vector: Tensor, density: float) -> Tensor:
    """Set all but the `density` share of largest absolute entries of `vector` to 0; the number kept is rounded half to even, at least 1."""
    n_kept = max(1, round(density * vector.numel()))
    if n_kept >= vector.numel():
        return vector
    kept = vector.abs().flatten().topk(n_kept, sorted=False).indices
    trimmed = torch.zeros_like(vector)
    trimmed.view(-1)[kept] = vector.reshape(-1)[kept]
    return trimmed


def drop_and_rescale(vector: Tensor, density: float, generator: torch.Generator) -> Tensor:
    """Keep each entry with probability `density` and divide it by `density`, so that its expectation stays the same."""
    if density == 1:
        return vector
    kept = torch.rand(vector.shape, generator=generator) < density
    return torch.where(kept, vector / density, 0.0)


def disjoint_mean(vectors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Per entry, the weighted mean of the nonzero values with the same sign as the weighted sum of all; 0 where that sum is 0."""
    elected = torch.sign(_weighted_sum(vectors, weights))
    total, weight_sum = torch.zeros_like(elected), torch.zeros_like(elected)
    for vector, weight in zip(vectors, weights, strict=True):
        agrees = (torch.sign(vector * weight) == elected) & (vector != 0)
        total += torch.where(agrees, weight * vector, 0.0)
        weight_sum += agrees * weight
    return torch.where(weight_sum != 0, total / weight_sum, 0.0)


def _weighted_sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    total = torch.zeros_like(tensors[0])
    for tensor, weight in zip(tensors, weights, strict=True):
        total.add_(tensor, alpha=weight)
    return total

"""What a merged tensor is: functions of float32 tensors of one shape.

A *task vector* is what training changed, `model - base` (arXiv 2212.04089).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_PARALLEL = 0.9995
"""Cosine above which two tensors count as parallel: slerp's sine is then too small to divide by, and lerp is the same to rounding."""


def linear(models: Sequence[Tensor], weights: Sequence[float], *, normalize: bool) -> Tensor:
    """Weighted sum; with `normalize`, divided by the sum of weights (model soups, arXiv 2203.05482)."""
    total = _weighted_sum(models, weights)
    return total / sum(weights) if normalize else total


def slerp(first: Tensor, second: Tensor, t: float) -> Tensor:
    """Along the great circle from `first` (t = 0) to `second` (t = 1), angle taken over the whole tensor.

    Shoemake 1985, applied to the tensors as they are, not to unit vectors. Parallel or zero tensors are interpolated linearly.
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
    """`adapted + scale * (instruct - base)`: what instruction tuning changed, added to a model whose pre-training went on (arXiv 2410.10739)."""
    return adapted + scale * (instruct - base)


def ties(base: Tensor, models: Sequence[Tensor], weights: Sequence[float], densities: Sequence[float], scale: float) -> Tensor:
    """Trim, elect signs, merge (arXiv 2306.01708): of each task vector its `density` largest entries stay."""
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
    """Drop and rescale (arXiv 2311.03099), then add up task vectors, or merge them as TIES does after its trimming."""
    vectors = [drop_and_rescale(model - base, density, generator) for model, density, generator in zip(models, densities, generators, strict=True)]
    return base + scale * (disjoint_mean(vectors, weights) if elect_signs else _weighted_sum(vectors, weights))


def trim(vector: Tensor, density: float) -> Tensor:
    """`vector` with all but its `density` share of largest absolute entries set to 0; the number kept is rounded half to even, at least 1."""
    n_kept = max(1, round(density * vector.numel()))
    if n_kept >= vector.numel():
        return vector
    kept = vector.abs().flatten().topk(n_kept, sorted=False).indices
    trimmed = torch.zeros_like(vector)
    trimmed.view(-1)[kept] = vector.reshape(-1)[kept]
    return trimmed


def drop_and_rescale(vector: Tensor, density: float, generator: torch.Generator) -> Tensor:
    """Each entry kept with probability `density` and divided by it, so that its expectation stays."""
    if density == 1:
        return vector
    kept = torch.rand(vector.shape, generator=generator) < density
    return torch.where(kept, vector / density, 0.0)


def disjoint_mean(vectors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Per entry, the weighted mean of those values that are not 0 and have the sign of the weighted sum of all; 0 where that sum is 0."""
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

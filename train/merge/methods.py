"""Merge methods as functions of float32 tensors of one shape.

A *task vector* is the change made by training, `model - base` (arXiv 2212.04089).
"""

import math
from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

_PARALLEL = 0.9995
"""Cosine above which two tensors count as parallel: slerp would divide by a tiny sine, and lerp gives the same result to rounding."""
_SINGULAR = 1e-6
_KARCHER_STEPS = 200
_KARCHER_TOLERANCE = 1e-10
"""Radians: the search for the mean direction stops at a smaller step."""


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


def karcher(models: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The models' Karcher mean on the sphere, for any number of models: the direction whose weighted mean squared angle to the models is smallest.

    Its length is the weighted mean of the models' norms. Weights are at least 0 and are normalised. The mean is found by averaging in the tangent
    space (Karcher 1977), in float64. Zero tensors have no direction and only shorten the result. Tensors whose directions cancel, or of which one
    is opposite to the mean, have no unique mean and are averaged linearly.
    """
    shares = [weight / sum(weights) for weight in weights]
    norms = [float(model.double().norm()) for model in models]
    units = [(share, model.double() / norm) for share, model, norm in zip(shares, models, norms, strict=True) if norm and share]
    mean = _mean_direction(units)
    if mean is None:
        return _weighted_sum(models, shares)
    return (mean * sum(share * norm for share, norm in zip(shares, norms, strict=True))).float()


def _mean_direction(units: Sequence[tuple[float, Tensor]]) -> Tensor | None:
    """The unit tensor in the middle of weighted unit tensors, float64; None if it is not unique."""
    if not units:
        return None
    mean = torch.stack([share * unit for share, unit in units]).sum(dim=0)
    for _ in range(_KARCHER_STEPS):
        norm = float(mean.norm())
        if norm < _SINGULAR:
            return None
        mean = mean / norm
        step = torch.zeros_like(mean)
        for share, unit in units:
            away = unit - (unit * mean).sum() * mean
            sine, cosine = float(away.norm()), float((unit * mean).sum())
            if cosine < 0 and sine < _SINGULAR:
                return None
            step += away * (share * math.atan2(sine, cosine) / sine) if sine else 0.0
        length = float(step.norm()) / sum(share for share, _ in units)
        if length < _KARCHER_TOLERANCE:
            break
        step *= length / float(step.norm())
        mean = math.cos(length) * mean + math.sin(length) / length * step
    return mean


def model_stock(base: Tensor, models: Sequence[Tensor]) -> Tensor:
    """Model Stock (arXiv 2403.19522): `base + t * (mean of models - base)`, t = N cos / (1 + (N - 1) cos), for N models of one tensor.

    `cos` is the mean cosine between the task vectors of each pair, in float64; a pair with a zero vector has cosine 0. Where the denominator is 0
    (task vectors that sum to 0) the result is the base. A negative mean cosine gives a negative t, as the formula says.
    """
    vectors = [(model.double() - base.double()).flatten() for model in models]
    norms = [float(vector.norm()) for vector in vectors]
    pairs = list(combinations(range(len(vectors)), 2))
    cosine = sum(float(vectors[i] @ vectors[j]) / (norms[i] * norms[j]) for i, j in pairs if norms[i] * norms[j]) / len(pairs)
    denominator = 1 + (len(models) - 1) * cosine
    t = len(models) * cosine / denominator if abs(denominator) > _SINGULAR else 0.0
    mean = torch.stack(vectors).mean(dim=0).view_as(base)
    return (base.double() + t * mean).float()


def task_arithmetic(base: Tensor, models: Sequence[Tensor], weights: Sequence[float], scale: float, *, normalize: bool = False) -> Tensor:
    """`base + scale * Σ weight * (model - base)` (arXiv 2212.04089); with `normalize`, the sum is divided by the sum of weights."""
    return base + scale * linear([model - base for model in models], weights, normalize=normalize)


def residual(adapted: Tensor, base: Tensor, instruct: Tensor, scale: float) -> Tensor:
    """`adapted + scale * (instruct - base)`: adds the change made by instruction tuning to a model with continued pre-training (arXiv 2410.10739)."""
    return adapted + scale * (instruct - base)


def ties(base: Tensor, models: Sequence[Tensor], weights: Sequence[float], densities: Sequence[float], scale: float, *, normalize: bool = True) -> Tensor:
    """Trim, elect signs, merge (arXiv 2306.01708): each task vector keeps its `density` share of largest entries."""
    vectors = [trim(model - base, density) for model, density in zip(models, densities, strict=True)]
    return base + scale * elect(vectors, weights, normalize=normalize)


def dare(
    base: Tensor,
    models: Sequence[Tensor],
    weights: Sequence[float],
    densities: Sequence[float],
    scale: float,
    generators: Sequence[torch.Generator],
    *,
    elect_signs: bool,
    normalize: bool,
    epsilon: float = 0.0,
) -> Tensor:
    """Drop and rescale (arXiv 2311.03099), then sum the task vectors, or with `elect_signs` merge them as TIES does after trimming.

    An `epsilon` above 0 keeps large entries with a higher probability: DELLA (arXiv 2406.11617), see `keep_probabilities`.
    """
    vectors = [drop_and_rescale(model - base, density, generator, epsilon) for model, density, generator in zip(models, densities, generators, strict=True)]
    return base + scale * (elect if elect_signs else linear)(vectors, weights, normalize=normalize)


def trim(vector: Tensor, density: float) -> Tensor:
    """Set all but the `density` share of largest absolute entries of `vector` to 0.

    The number kept is rounded half to even, at least 1. Among entries of equal size at the threshold, the first of the tensor are kept; task vectors
    of bfloat16 models have many such entries.
    """
    n_kept = max(1, round(density * vector.numel()))
    if n_kept >= vector.numel():
        return vector
    sizes = vector.abs().flatten()
    threshold = sizes.topk(n_kept, sorted=False).values.min()
    kept = sizes > threshold
    equal = (sizes == threshold).nonzero().flatten()
    kept[equal[: n_kept - int(kept.sum())]] = True
    return torch.where(kept.view_as(vector), vector, 0.0)


def drop_and_rescale(vector: Tensor, density: float, generator: torch.Generator, epsilon: float = 0.0) -> Tensor:
    """Keep each entry with its probability (see `keep_probabilities`) and divide it by that, so that its expectation stays the same."""
    if density == 1:
        return vector
    probabilities = keep_probabilities(vector, density, epsilon) if epsilon else torch.tensor(density)
    kept = torch.rand(vector.shape, generator=generator) < probabilities
    return torch.where(kept, vector / probabilities, 0.0)


def keep_probabilities(vector: Tensor, density: float, epsilon: float) -> Tensor:
    """MagPrune (arXiv 2406.11617): `density - epsilon / 2` for the smallest entry of each row to `density + epsilon / 2` for the largest, by rank.

    Rows are the last dimension. Their mean probability is `density`. Equal entries rank in their order in the row.
    """
    n_columns = vector.shape[-1] if vector.ndim else 1
    if n_columns == 1:
        return torch.full_like(vector, density)
    ranks = vector.abs().argsort(dim=-1, stable=True).argsort(dim=-1)
    return density + epsilon * (ranks / (n_columns - 1) - 0.5)


def elect(vectors: Sequence[Tensor], weights: Sequence[float], *, normalize: bool) -> Tensor:
    """Per entry, the weighted sum of the values with the same sign as the weighted sum of all; 0 where that sum is 0.

    With `normalize` it is divided by the sum of their weights, which must be at least 0.
    """
    elected = torch.sign(_weighted_sum(vectors, weights))
    total, weight_sum = torch.zeros_like(elected), torch.zeros_like(elected)
    for vector, weight in zip(vectors, weights, strict=True):
        agrees = (torch.sign(vector * weight) == elected) & (vector != 0)
        total += torch.where(agrees, weight * vector, 0.0)
        weight_sum += agrees * weight
    return torch.where(weight_sum != 0, total / weight_sum, 0.0) if normalize else total


def _weighted_sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    total = torch.zeros_like(tensors[0])
    for tensor, weight in zip(tensors, weights, strict=True):
        total.add_(tensor, alpha=weight)
    return total

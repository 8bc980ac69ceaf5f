"""Calibration of next-token probabilities: do predicted tokens come true as often as their probability says?

The expected calibration error (Guo et al. 2017, arXiv 1706.04599) with bins of equally many tokens (Nixon et al. 2019, arXiv 1904.01685): tokens are
grouped by the probability of the model's first choice, and each group's mean probability is compared with the share of its first choices that were
right. Entropy minus loss is a second view: a model that is as sure as it is right has as much entropy as loss.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.special import stdtrit

from eval.statistics.clusters import effective_number, group
from eval.statistics.interval import CONFIDENCE, Interval, two_sided_p

_LOGITS_AT_ONCE = 1 << 23


class Predictions(NamedTuple):
    """The predicted tokens of one document, `(n_tokens,)` each: probability of the first choice, whether it was right, entropy and loss in nats."""

    confidence: np.ndarray
    right: np.ndarray
    entropy: np.ndarray
    nats: np.ndarray


def predictions(model: Any, texts: Sequence[np.ndarray], batch: int, advance: Callable[[int], None] = lambda n: None) -> list[Predictions]:
    """Predictions of each text, `(n_tokens,) int64` with the special token in front; its first token is not predicted."""
    nothing = Predictions(*np.zeros((4, 0)))
    found: dict[int, Predictions] = {}
    order = sorted((number for number in range(len(texts)) if len(texts[number]) > 1), key=lambda number: (-len(texts[number]), number))
    with torch.inference_mode():
        for first in range(0, len(order), batch):
            numbers = order[first : first + batch]
            ids = np.zeros((len(numbers), max(len(texts[number]) for number in numbers)), np.int64)  # padded on the right
            for row, number in enumerate(numbers):
                ids[row, : len(texts[number])] = texts[number]
            inputs = torch.from_numpy(ids).to(model.device)
            logits = model(input_ids=inputs[:, :-1], use_cache=False).logits
            for row, number in enumerate(numbers):
                n = len(texts[number]) - 1
                found[number] = _judge(logits[row, :n], inputs[row, 1 : n + 1])
            advance(len(numbers))
    return [found.get(number, nothing) for number in range(len(texts))]


def _judge(logits: torch.Tensor, targets: torch.Tensor) -> Predictions:
    at_once = max(_LOGITS_AT_ONCE // logits.shape[-1], 1)
    parts = []
    for start in range(0, len(targets), at_once):
        log_p = torch.log_softmax(logits[start : start + at_once].float(), -1)
        p, aim = log_p.exp(), targets[start : start + at_once]
        confidence, chosen = p.max(-1)
        entropy = -torch.where(p > 0, p * log_p, 0.0).sum(-1)
        parts.append(torch.stack([confidence, (chosen == aim).float(), entropy, -log_p.gather(-1, aim[:, None])[:, 0]]).double().cpu().numpy())
    return Predictions(*np.concatenate(parts, axis=1))


def binned(documents: Sequence[Predictions], n_bins: int) -> np.ndarray:
    """`(n_docs, n_bins, 3) float64`: sums of confidence, of right choices, and tokens, by document and bin. Bins hold equally many tokens, as far as
    equal confidences allow."""
    every = np.concatenate([document.confidence for document in documents])
    edges = np.quantile(every, np.linspace(0, 1, n_bins + 1)[1:-1]) if len(every) else np.zeros(n_bins - 1)
    sums = np.zeros((len(documents), n_bins, 3))
    for number, document in enumerate(documents):
        bins = np.searchsorted(edges, document.confidence, side="left")
        for column, values in enumerate((document.confidence, document.right, np.ones(len(bins)))):
            sums[number, :, column] = np.bincount(bins, values, n_bins)
    return sums


def calibration_error(sums: np.ndarray) -> float:
    """Expected calibration error of `sums (n_bins, 3)`: mean over tokens of |mean confidence − share right| of their bin; 0 without tokens."""
    return float(np.abs(sums[:, 0] - sums[:, 1]).sum() / max(sums[:, 2].sum(), 1.0))


def error_interval(sums: np.ndarray, clusters: np.ndarray | None) -> Interval:
    """The calibration error of `sums (n_docs, n_bins, 3)` with its 95% interval (delete-one-cluster jackknife, Student's t)."""
    return _jackknife(sums[:, None], clusters, lambda totals: calibration_error(totals[0]))


def error_difference(base: np.ndarray, new: np.ndarray, clusters: np.ndarray | None) -> Interval:
    """Calibration error of `new` minus that of `base`, `(n_docs, n_bins, 3)` each, of the same documents; negative is better."""
    return _jackknife(np.stack([base, new], axis=1), clusters, lambda totals: calibration_error(totals[1]) - calibration_error(totals[0]))


def _jackknife(sums: np.ndarray, clusters: np.ndarray | None, statistic: Callable[[np.ndarray], float]) -> Interval:
    """`sums (n_docs, n_models, n_bins, 3)`; `statistic` of sums over documents `(n_models, n_bins, 3)`."""
    grouped = group(clusters, len(sums))
    by_cluster = grouped.totals(sums.reshape(len(sums), -1)).reshape(grouped.number, *sums.shape[1:])
    total, n, count = by_cluster.sum(axis=0), len(sums), grouped.number
    estimate, effective = statistic(total), effective_number(by_cluster[:, 0, :, 2].sum(axis=1))
    if count == 1:
        return Interval(-math.inf, estimate, math.inf, math.inf, 0.0, 1.0, n, 1, effective, "share")
    left_out = np.array([statistic(total - one) for one in by_cluster])
    error = math.sqrt((count - 1) / count * float(((left_out - left_out.mean()) ** 2).sum()))
    degrees = max(effective - 1, 1.0)
    half = error * float(stdtrit(degrees, (1 + CONFIDENCE) / 2))
    return Interval(estimate - half, estimate, estimate + half, error, degrees, two_sided_p(estimate, half, degrees), n, count, effective, "share")

"""Scores by document as the summary takes them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eval.groups import Clustering
from eval.held_out import HeldOut
from eval.score.losses import DomainLosses


@dataclass(frozen=True)
class ModelScores:
    """One model on one domain: `nats` and `first_nats (n_docs,) float64`, `n_tokens (n_docs,) int64`, and what its tokenizer loses."""

    nats: np.ndarray
    first_nats: np.ndarray
    n_tokens: np.ndarray
    losses: DomainLosses


@dataclass(frozen=True)
class ScoredDomain:
    """All models on the documents of one domain, in order of document id."""

    held_out: HeldOut
    role: str
    clustering: Clustering
    models: Mapping[str, ModelScores]

    @property
    def name(self) -> str:
        """The domain's name."""
        return self.held_out.name

    @property
    def n_bytes(self) -> np.ndarray:
        """UTF-8 bytes of each document, (n_docs,) int64."""
        return self.held_out.sample.n_bytes

    def values(self, model: str) -> np.ndarray:
        """Nats and bytes of each document, (n_docs, 2) float64."""
        return np.column_stack([self.models[model].nats, self.n_bytes]).astype(np.float64)

    def is_lossy(self, model: str, max_lost: float) -> bool:
        """Whether the model's tokenizer loses more than the share `max_lost` of the bytes."""
        return self.models[model].losses.share(self.n_bytes) > max_lost

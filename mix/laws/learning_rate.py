"""Continued pre-training at any learning-rate schedule, for one mixture and one model size (arXiv 2505.07796, Eq. 6)."""

from collections.abc import Mapping
from typing import Any

from mix.laws.law import Evidence
from mix.laws.rate_law import RateLaw, n_different
from mix.laws.rate_terms import Pretraining, RateForm


class LearningRate(RateLaw):
    """L = L0 + A (S1pt + S1)^-alpha − C1 S2pt − C2 S2 + B (1 − (1 + E S1)^-beta), with S1 the forward area of the learning rate and S2 its annealing
    area (`mix.laws.areas`), pt: of pre-training, otherwise of continued pre-training.

    The last term is the shift between the corpora: B > 0 for text like the old data, whose loss rises, and B < 0 for text like the new data. Curves of
    continued pre-training alone do not determine L0, A, alpha and C1; they are then named as unidentified, and predictions from the same base model
    remain good. Areas of runs with different batch sizes cannot be compared.
    """

    name = "learning_rate"
    reference = "arXiv 2505.07796: L = L0 + A·(S1pt + S1)^-alpha − C1·S2pt − C2·S2 + B·(1 − (1 + E·S1)^-beta)"

    def form(self, evidence: Evidence, pretraining: Pretraining, largest: float, rises: bool) -> RateForm:
        """The form for this evidence."""
        return RateForm(pretraining, largest, rises)

    def read_form(self, record: Mapping[str, Any]) -> RateForm:
        """The form of a record."""
        return RateForm(Pretraining.read(record["pretraining"]), float(record["largest_forward_area"]), bool(record["rises"]))

    def lacks(self, evidence: Evidence) -> str | None:
        """Runs of several mixtures or sizes need another law."""
        points = evidence.points
        n_mixtures, n_sizes = n_different(points.shares[points.areas[:, 2] > 0]), n_different(points.parameters[:, None])
        if n_mixtures > 1:
            return f"the runs have {n_mixtures} different mixtures, and this law knows none; use learning_rate_replay"
        if n_sizes > 1:
            return f"the runs have {n_sizes} model sizes, and this law knows none; use learning_rate_size"
        return None

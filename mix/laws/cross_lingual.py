"""Cross-lingual continued pre-training: the target language's loss from model size and tokens (arXiv 2407.02118)."""

from collections.abc import Mapping

from mix.laws.law import Evidence, Points
from mix.laws.terms import FittedTerms, Parameter, Term, TermLaw, log_of, powers


class CrossLingual(TermLaw):
    """L = E + A/N^alpha + B/(D^beta N^gamma): tokens help a larger base more, because it transfers more of the languages that it knows.

    Training from scratch has no N^gamma; the paper finds beta .20 and gamma .08 for models of 40M to 5.5B parameters. The law knows no shares: the paper
    sees no effect of 1 to 80% replay on the target's loss at equal compute, and advises 10 to 30% against forgetting.
    """

    name = "cross_lingual"
    reference = "cross-lingual continual pre-training, arXiv 2407.02118: L = E + A/N^alpha + B/(D^beta N^gamma)"
    needs_source = False
    coefficients = {"A": "parameters", "B": "tokens"}
    parameters = {
        "alpha": Parameter(0.01, 2.0, 0.34, "parameters", 3, "A"),
        "beta": Parameter(0.01, 2.0, 0.2, "tokens", 3, "B"),
        "gamma": Parameter(-0.5, 1.5, 0.08, "parameters", 2, "B"),
    }

    def terms(self, points: Points, source: str | None, scales: Mapping[str, float]) -> tuple[Term, ...]:
        """The terms of size and tokens."""
        size, tokens = log_of(points, "parameters", scales), log_of(points, "tokens", scales)
        return powers("A", alpha=-size), powers("B", beta=-tokens, gamma=-size)

    def signs(self, fitted: FittedTerms, evidence: Evidence) -> list[str]:
        """Whether tokens help a larger model less, which the paper never sees."""
        return ["gamma is not positive: here tokens help a larger base less"] if "B" in fitted.values and fitted.values["gamma"] <= 0 else []

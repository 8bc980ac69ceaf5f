"""D-CPT law for bases that were pre-trained for different numbers of tokens (the idea of arXiv 2510.23198; the form is ours)."""

from collections.abc import Mapping

from mix.laws.d_cpt import SHARE, SIZE, STEPS_NOTE, TOKENS, d_cpt_terms, sign_violations
from mix.laws.law import Evidence, Points
from mix.laws.terms import FittedTerms, Parameter, Term, TermLaw, log_of, powers


class DCPTPretraining(TermLaw):
    """L = E + A/N^alpha + G/P^kappa + B r^eta P^xi/D^beta + C/(r + epsilon)^gamma, with P the pre-training tokens per parameter of the base.

    arXiv 2510.23198 makes P a variable of the D-CPT law, so that runs from lightly trained bases predict those from fully trained ones; its formula was
    not at hand, so these two terms are ours. G lowers the floor of a base that was trained for longer, and P^xi says how much less (or more) it still
    learns from tokens of continued pre-training. P is divided by its geometric mean in the evidence, as N and D are.
    """

    name = "d_cpt_pretraining"
    reference = (
        "D-CPT law with pre-training tokens per parameter, after arXiv 2510.23198, the terms of P ours: "
        "L = E + A/N^alpha + G/P^kappa + B r^eta P^xi/D^beta + C/(r + epsilon)^gamma"
    )
    coefficients = {"A": "parameters", "G": "pretraining", "B": "tokens", "C": "share"}
    parameters = {
        **SIZE,
        "kappa": Parameter(0.01, 2.0, 0.3, "pretraining", 3, "G"),
        **TOKENS,
        "xi": Parameter(-1.0, 1.0, 0.0, "pretraining", 2, "B"),
        **SHARE,
    }

    def terms(self, points: Points, source: str | None, scales: Mapping[str, float]) -> tuple[Term, ...]:
        """The terms of size, pre-training, tokens and share."""
        pretraining = log_of(points, "pretraining", scales)
        size, tokens, share = d_cpt_terms(points, source, scales, xi=pretraining)
        return size, powers("G", kappa=-pretraining), tokens, share

    def problem(self, evidence: Evidence) -> str | None:
        """As for every sum of terms; and where pre-training never differs, which is the plain D-CPT law's case."""
        if "G" not in self._told(evidence)[0]:
            return f"{self.name} needs bases with different pre-training tokens per parameter; use d_cpt where they are the same or unknown"
        return super().problem(evidence)

    def signs(self, fitted: FittedTerms, evidence: Evidence) -> list[str]:
        """Where the loss rises with the share, and that steps should not be extrapolated."""
        return sign_violations(fitted, evidence) + ([STEPS_NOTE] if "B" in fitted.values else [])

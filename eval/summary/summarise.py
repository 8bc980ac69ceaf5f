"""Puts the figures of summary.json together."""

from collections.abc import Sequence
from typing import Any

from eval.recipe import EvaluateRecipe
from eval.summary.differences import differences, noise_rows
from eval.summary.documents import extremes
from eval.summary.noise import known_noise
from eval.summary.rows import Difference, Row, judge
from eval.summary.scored import ScoredDomain
from eval.summary.scores import score_rows
from eval.summary.slices import against_baseline, slice_differences
from eval.summary.transfer import transfer


def summarise(domains: Sequence[ScoredDomain], recipe: EvaluateRecipe, others: Sequence[Difference] = ()) -> tuple[dict[str, Any], list[Row]]:
    """The sections that follow from nats by document, and the rows of `others` with their verdicts: differences that stand in the same file, and are
    therefore corrected together with those between models. Slices and transfer are looked at on their own, and corrected on their own."""
    known = known_noise(recipe)
    main = differences(domains, recipe, known)
    judged = judge([*main, *others])
    scores = score_rows(domains, recipe)
    sections: dict[str, Any] = {
        "recipes": {name: list(models) for name, models in recipe.recipes.items()},
        "scores": scores,
        "differences": judged[: len(main)],
        "documents": [extremes(domain, pair) for pair in against_baseline(recipe) for domain in domains],
        "seed_noise": noise_rows(domains, recipe, known),
    }
    if recipe.slices:
        sections["slices"] = judge(slice_differences(domains, recipe, known))
    if recipe.chain:
        sections["transfer"] = transfer({domain.name: domain for domain in domains}, scores, recipe)
    return sections, judged[len(main) :]

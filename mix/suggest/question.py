"""From a suggest recipe to what is asked of the evidence, with everything refused that no ratio can answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mix.errors import MixError
from mix.runs.columns import nearest
from mix.suggest.known import Known, read_known
from mix.suggest.recipe import SuggestRecipe
from mix.suggest.request import Request
from mix.suggest.sizes import Sizes, read_sizes, refuse_other_content
from shards.record import json_hash


@dataclass(frozen=True)
class Question:
    """A recipe with what its fit and its sources hold, and the request that follows."""

    recipe: SuggestRecipe
    known: Known
    sizes: Sizes
    request: Request

    @property
    def hash(self) -> str:
        """xxh3-128 of the question: the recipe without paths, and the sizes of the sources. The evidence is not part of it."""
        return json_hash([self.recipe.model_dump(mode="json"), self.sizes.final_tokens, sorted(self.sizes.caps.items())])

    @property
    def at_tokens(self) -> int | None:
        """Tokens of the run whose losses are predicted, as asked for."""
        return self.recipe.predict.tokens


def read_question(recipe: SuggestRecipe) -> Question:
    """What a recipe asks. Raises MixError as `read_known`, `read_sizes` and `request_of`."""
    known, sizes = read_known(recipe.fit), read_sizes(recipe)
    return Question(recipe, known, sizes, request_of(recipe, known, sizes))


def request_of(recipe: SuggestRecipe, known: Known, sizes: Sizes) -> Request:
    """The request. Raises MixError for domains and sources that the evidence lacks, a budget without a base loss, sources whose content changed, and
    bounds and sizes that leave no ratio."""
    for name in recipe.target:
        known.refuse_unknown_domain(name, "target")
    units = {known.units[name] for name, weight in recipe.target.items() if weight > 0}
    if len(units) > 1:
        raise MixError(f"target: losses in {' and '.join(sorted(units))} can't be averaged; choose domains of one unit")
    _refuse_other_sources(recipe, known, sizes)
    if recipe.content == "refuse":
        refuse_other_content(sizes, known.contents)
    lower, upper = _bounds(recipe, known, sizes)
    total = sum(recipe.target.values())
    number = {name: np.nan if value is None else float(value) for name, value in dict(recipe.predict).items()}
    return Request(
        sources=known.sources,
        target={name: weight / total for name, weight in recipe.target.items() if weight > 0},
        budget=_budget(recipe, known),
        lower=lower,
        upper=upper,
        prior=_prior(recipe, known),
        prior_strength=None if recipe.prior_strength == "auto" else recipe.prior_strength,
        extrapolate=recipe.extrapolate,
        seed=recipe.seed,
        **number,
    )


def _budget(recipe: SuggestRecipe, known: Known) -> dict[str, float]:
    """Largest increase by domain."""
    general = recipe.budget.max_general_increase
    limits = {} if general is None else {name: general for name in known.evidence if not recipe.target.get(name)}
    if general is not None and not limits:
        raise MixError(
            f"budget.max_general_increase: every domain of the fit is in target ({', '.join(known.evidence)}), so it limits nothing; give `increase`"
        )
    for name in recipe.budget.increase:
        known.refuse_unknown_domain(name, "budget.increase")
    limits |= recipe.budget.increase
    without = [name for name in limits if known.evidence[name].base is None]
    if without:
        raise MixError(
            f"budget: the table of runs has no base loss of {', '.join(without)}, over which an increase is measured; "
            "add a row of kind base for the model that training starts from"
        )
    return limits


def _prior(recipe: SuggestRecipe, known: Known) -> np.ndarray | None:
    if recipe.prior is None:
        return None
    _refuse_unknown(recipe.prior, known.sources, "prior")
    shares = np.array([recipe.prior.get(name, 0.0) for name in known.sources], np.float64)
    return shares / shares.sum()


def _bounds(recipe: SuggestRecipe, known: Known, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """float64[k] lowest and highest shares, of bounds and sizes together."""
    _refuse_unknown(recipe.bounds, known.sources, "bounds")
    given = [recipe.bounds.get(name, (0.0, 1.0)) for name in known.sources]
    lower = np.array([low for low, _ in given], np.float64)
    wanted = np.array([high for _, high in given], np.float64)
    allowed = np.array([sizes.largest_share(name) for name in known.sources], np.float64)
    if lower.sum() > 1 + 1e-9:
        raise MixError(f"bounds exclude each other: their lower ends sum to {lower.sum():.4g}, and shares sum to 1; lower one of {_named(known, lower > 0)}")
    if wanted.sum() < 1 - 1e-9:
        raise MixError(f"bounds exclude each other: their upper ends sum to {wanted.sum():.4g}, and shares sum to 1; raise one of {_named(known, wanted < 1)}")
    for name, low, high in zip(known.sources, lower, allowed, strict=True):
        if low > high:
            raise MixError(
                f"bounds.{name}: at least {low:.2%} of {sizes.final_tokens:,} tokens, but {sizes.reasons[name]}; lower the bound, or raise its max_epochs"
            )
    upper = np.minimum(wanted, allowed)
    if upper.sum() < 1 - 1e-9:
        raise MixError(_too_small(known, sizes, upper, wanted))
    return lower, upper


def _too_small(known: Known, sizes: Sizes, upper: np.ndarray, wanted: np.ndarray) -> str:
    short = [
        f"{name} {share:.2%} ({sizes.reasons[name]})" if share < bound else f"{name} {share:.2%} (its bound)"
        for name, share, bound in zip(known.sources, upper, wanted, strict=True)
    ]
    assert sizes.final_tokens is not None
    return (
        f"the sources allow at most {upper.sum():.2%} of {sizes.final_tokens:,} tokens: {', '.join(short)}; "
        f"ask for at most {int(upper.sum() * sizes.final_tokens):,} tokens, or raise a max_epochs"
    )


def _refuse_other_sources(recipe: SuggestRecipe, known: Known, sizes: Sizes) -> None:
    """The evidence and the mix must be about the same sources."""
    where = "mix" if recipe.mix is not None else "sources"
    if recipe.mix is None:
        _refuse_unknown(recipe.sources, known.sources, where)
        return
    assert sizes.known is not None
    barred = {name for name, (_, high) in recipe.bounds.items() if high == 0}
    missing = [name for name in known.sources if name not in sizes.known and name not in barred]
    if missing:
        raise MixError(
            f"mix: {recipe.mix} has no source {', '.join(missing)}, which the runs were trained on{nearest(missing[0], sizes.known)}; add it, or set "
            f"bounds.{missing[0]} to [0, 0]"
        )


def _refuse_unknown(names: Iterable[str], known: Sequence[str], key: str) -> None:
    for name in names:
        if name not in known:
            raise MixError(f"{key}: no run of the fit has a source {name}{nearest(name, known)}")


def _named(known: Known, mask: np.ndarray) -> str:
    return ", ".join(name for name, chosen in zip(known.sources, mask.tolist(), strict=True) if chosen)

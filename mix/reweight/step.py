"""One step of re-weighting: a recipe and losses in, the next recipe out, with the step recorded in its history."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mix.errors import MixError
from mix.extend import ExtendedMix
from mix.open import open_sources, sizes_of
from mix.recipe import MixRecipe
from mix.reweight.losses import read_losses
from mix.reweight.rules import RULES, Array, Losses
from mix.stages import plan_stages
from shards.folder import write_page
from shards.recipe import build_recipe, load_recipe
from shards.yaml_text import dump_yaml, load_yaml


class Reweighted(NamedTuple):
    """Shares by source before and after, losses, and the new recipe as plain values."""

    sources: list[str]
    weights: list[float]
    next: list[float]
    losses: list[float]
    recipe: dict[str, Any]


class LossFiles(NamedTuple):
    """Loss files as `read_losses` takes them, the number of last steps to average, and the model or run whose losses are read from each."""

    now: Path
    before: Path | None = None
    last: int = 100
    model: str | None = None
    before_model: str | None = None


def reweight(
    path: Path, rule: str, files: LossFiles, *, tokens: str | None = None, options: Sequence[str] = (), extended: ExtendedMix | None = None
) -> Reweighted:
    """Weights after the last stage of the recipe at `path`, by a rule with `options` (key=value).

    With `tokens` the weights make a new stage of that length; otherwise they replace those of the last stage. With `extended`, a mix built from this
    recipe, they are the weights after its kept rows: the new recipe extends that mix by one stage, by default of the tokens that it has left. Raises
    MixError.
    """
    recipe = load_recipe(path, MixRecipe)
    if rule not in RULES:
        raise MixError(f"no rule {rule}; the rules are {', '.join(RULES)}")
    chosen = build_recipe({}, RULES[rule], f"rule {rule}", options)
    names, shares = _current(recipe) if extended is None else extended.shares_at_the_end
    steps, now = read_losses(files.now, names, files.last, files.model)
    before = read_losses(files.before, names, files.last, files.before_model or files.model)[1] if files.before else None
    result = chosen.rule(names)(Losses(steps, now, before), shares, _state(recipe, rule, names))
    weights, after = _rounded(shares), _rounded(result.weights)
    entry = {
        "rule": chosen.model_dump(mode="json"),
        "sources": names,
        "losses": now.tolist(),
        "before": None if before is None else before.tolist(),
        "weights": weights,
        "next": after,
        "state": result.state,
    }
    raw = load_yaml(Path(path).read_text(encoding="utf-8-sig"))
    new = _next_recipe(raw, recipe, dict(zip(names, after, strict=True)), tokens, extended) | {"history": [*recipe.history, entry]}
    build_recipe(new, MixRecipe, "the next recipe")
    return Reweighted(names, weights, after, now.tolist(), new)


def write_recipe(path: Path, recipe: dict[str, Any]) -> None:
    """Write a recipe as YAML."""
    write_page(path, dump_yaml(recipe, width=120).encode())


def _current(recipe: MixRecipe) -> tuple[list[str], Any]:
    """Sources that have a share at the end of the last stage, and their shares."""
    sources = open_sources(recipe)
    shares = plan_stages(recipe.stages, sizes_of(sources), recipe.row_tokens).shares.end[-1]
    drawn = np.flatnonzero(shares > 0)
    return [sources[index].name for index in drawn], shares[drawn]


def _rounded(weights: Array) -> list[float]:
    """Rounded for readers: the error is 1e-12 of the run."""
    return [round(weight, 12) for weight in weights.tolist()]


def _state(recipe: MixRecipe, rule: str, names: list[str]) -> dict[str, Any] | None:
    """The state that the rule returned when it was last used on these sources."""
    earlier = [entry for entry in recipe.history if entry["rule"]["name"] == rule and entry["sources"] == names]
    return earlier[-1]["state"] if earlier else None


def _next_recipe(raw: dict[str, Any], recipe: MixRecipe, weights: dict[str, float], tokens: str | None, extended: ExtendedMix | None) -> dict[str, Any]:
    stage_keys = ("tokens", "weights", "amounts", "temperature", "passes", "stages")
    stages = raw["stages"] if "stages" in raw else [{key: raw[key] for key in stage_keys if key in raw}]
    last_length = stages[-1].get("row_tokens") if extended is None else extended.row_tokens
    length = {} if last_length in (None, recipe.row_tokens) else {"row_tokens": last_length}
    new = {"name": f"reweighted {len(recipe.history) + 1}", "weights": weights} | length
    if extended is not None:
        stages = [new | {"tokens": tokens if tokens is not None else extended.tokens_left}]
        raw = raw | {"extends": {"mix": str(extended.folder), "rows": extended.rows}}
    elif tokens is not None:
        stages = [*stages, new | {"tokens": tokens}]
    else:
        last = recipe.stages[-1]
        if last.tokens is None:
            raise MixError(f"stage {last.name} takes its length from its amounts; give the length of a new stage with --tokens")
        kept = {key: stages[-1][key] for key in ("name", "tokens", "row_tokens", "passes") if key in stages[-1]}
        stages = [*stages[:-1], kept | {"weights": weights}]
    return {key: value for key, value in raw.items() if key not in stage_keys} | {"stages": stages}

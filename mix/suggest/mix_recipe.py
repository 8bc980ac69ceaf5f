"""The mix recipe with suggested shares, from the template of a suggest recipe."""

from pathlib import Path
from typing import Any

from mix.recipe import MixRecipe
from mix.suggest.record import SuggestionRecord
from mix.suggest.sizes import only_stage
from shards.recipe import build_recipe, load_recipe
from shards.yaml_text import load_yaml

_STAGE_KEYS = ("tokens", "weights", "amounts", "temperature", "passes", "stages")


def suggested_mix(path: Path, suggestion: SuggestionRecord) -> dict[str, Any]:
    """The recipe at `path` with the suggested weights in its only stage, and one more entry in `history`. Raises MixError, as `only_stage`.

    The stage has the tokens of the final run. Sources of share 0 have no weight, so that `mix build` does not draw them.
    """
    template = load_recipe(path, MixRecipe)
    only_stage(template, path)
    raw = load_yaml(path.read_text(encoding="utf-8-sig"))
    given = raw["stages"][0] if "stages" in raw else {}
    stage = {key: given[key] for key in ("name", "row_tokens") if key in given}
    weights = {name: share for name, share in suggestion.shares.items() if share > 0}
    new = {key: value for key, value in raw.items() if key not in _STAGE_KEYS}
    new["stages"] = [stage | {"tokens": suggestion.final_tokens, "weights": weights}]
    new["history"] = [*template.history, _entry(suggestion)]
    build_recipe(new, MixRecipe, "the suggested mix recipe")
    return new


def _entry(suggestion: SuggestionRecord) -> dict[str, Any]:
    """Where the weights came from, as the entries of `mix reweight`."""
    return {
        "rule": {"name": "suggest", "recipe_hash": suggestion.recipe_hash},
        "sources": list(suggestion.shares),
        "next": list(suggestion.shares.values()),
        "state": None,
        "status": suggestion.status,
        "evidence": {"table": suggestion.evidence.table, "runs": len(suggestion.evidence.runs)},
        "predicted": {
            domain.name: {"loss": domain.predicted.value, "low": domain.predicted.low, "high": domain.predicted.high, "unit": domain.unit}
            for domain in suggestion.domains
        },
    }

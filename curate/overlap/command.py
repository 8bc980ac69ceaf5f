"""The recipe that the arguments of `curate overlap` mean, and the tables that it prints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.overlap.recipe import OverlapRecipe
from curate.overlap.record import CONTAMINATED
from shards import console
from shards.recipe import build_recipe, load_recipe


def load_overlap_recipe(items: Sequence[str], against: Sequence[Path], overrides: Sequence[str] | None, options: Mapping[str, Any]) -> OverlapRecipe:
    """The recipe of a YAML file, or of paths of items and training sets; a set's name is that of its file or folder. Raises CurateError or RecipeError."""
    if len(items) == 1 and items[0].endswith((".yaml", ".yml")):
        return load_recipe(Path(items[0]), OverlapRecipe, overrides, {**options, "against": [str(path) for path in against]})
    names = [_name(path) for path in items]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise CurateError(f"two sets of items are called {repeated[0]}; write a recipe, in which each has a name")
    if not against:
        raise CurateError("no training set to compare with; give --against SET")
    if not options.get("out"):
        raise CurateError("no output folder; give --out FOLDER")
    values = {"items": dict(zip(names, items, strict=True)), "against": [str(path) for path in against]}
    return build_recipe(values, OverlapRecipe, "curate overlap", overrides, options)


def _name(path: str) -> str:
    parts = [part for part in Path(path).parts if not any(char in part for char in "*?[/") and part not in (".", "..")]
    useful = [part for part in parts if part not in ("held_out", "documents")] or parts or ["items"]
    return useful[-1].split(".")[0] or useful[-1]


def print_overlap(content: Mapping[str, Any], out: Path) -> None:
    """Print numbers of items by set and kind, and where the rows are."""
    kinds = (*CONTAMINATED, "touched", "too_short")
    rows = [[name, f"{facts['items']:,}", *(f"{facts[kind]:,}" for kind in kinds)] for name, facts in content["sets"].items()]
    console.print_table("Items that stand in training sets", ["items of", "checked", "exact", "near", "contained", "covered", "any n-gram", "too short"], rows)
    sizes = ", ".join(f"{one['folder']} ({one['documents']:,} documents)" for one in content["against"])
    console.summary(f"compared with {len(content['against'])} training sets", {"against": sizes, "a row for each item": out, "figures": out / "overlap.json"})

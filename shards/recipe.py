"""Recipes: YAML in, a frozen pydantic model out, or one message that lists every fault.

`${NAME}` and `${NAME:-default}` are replaced from the environment. Overrides are `key.subkey=value` strings whose values are YAML; list
items are addressed by their index, or by their name where they have one (`rules.fineweb.thresholds.X=0.1`). Paths are relative to the
current directory, as on a command line, and may begin with `~/`.
"""

import copy
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from shards.errors import RecipeError
from shards.home import with_home
from shards.overrides import apply_override, set_value
from shards.record import json_hash
from shards.yaml_text import YamlError, load_yaml

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_MAX_SHOWN = 60
_NUMBERS = (bool, int, float)


class Recipe(BaseModel):
    """Base of all recipe models: frozen, unknown keys refused, docstrings of fields are their documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


R = TypeVar("R", bound=Recipe)


def load_recipe(path: Path, model: type[R], overrides: Sequence[str] | None = (), options: Mapping[str, Any] | None = None) -> R:
    """Read a YAML recipe. Raises RecipeError with every fault: file, key, value, and the nearest key that exists.

    The command line overrides the file: first `overrides`, the values of `--set`, in their order; then `options`, the values of other options
    by the key that they replace (`out`, `workers`, `engine.kind`). None and empty lists are options that were not given.
    """
    return build_recipe(read_values(path), model, str(path), overrides, options)


def read_values(path: Path) -> dict[str, Any]:
    """The values of a YAML recipe with its variables filled in, before any model checks them. Raises RecipeError if the file can't be read."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; give the path of a YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot read the recipe ({error})") from None
    return _parse(path, _fill_variables(path, text))


def load_run_recipe(path: Path, model: type[R], overrides: Sequence[str] | None = (), options: Mapping[str, Any] | None = None) -> tuple[R, Path]:
    """As `load_recipe`, and the output folder. Raises RecipeError also if neither the recipe nor the command line names one."""
    recipe = load_recipe(path, model, overrides, options)
    out = getattr(recipe, "out", None)
    if not out:
        raise RecipeError(f"{path}: no output folder; set `out` or give --out DIR")
    return recipe, Path(out)


def build_recipe(raw: Mapping[str, Any], model: type[R], where: str, overrides: Sequence[str] | None = (), options: Mapping[str, Any] | None = None) -> R:
    """As `load_recipe`, from the parsed content; `where` begins error messages."""
    values = copy.deepcopy(dict(raw))  # callers compare `raw` with the result
    for override in overrides or ():
        apply_override(values, override, model)
    for key, value in (options or {}).items():
        if value is not None and value != [] and value != ():
            set_value(values, key.split("."), str(value) if isinstance(value, Path) else value, model, f"--{key}")
    try:
        return model.model_validate(with_home(values))
    except ValidationError as error:
        raise RecipeError(_describe(where, model, error)) from None


def recipe_hash(recipe: Recipe) -> str:
    """xxh3-128 of the recipe with all defaults; fields declared with `exclude=True` (paths, workers) do not count."""
    return json_hash(recipe.model_dump(mode="json"))


def _fill_variables(path: Path, text: str) -> str:
    def fill(match: re.Match[str]) -> str:
        value = os.environ.get(match[1], match[2])
        if value is None:
            raise RecipeError(f"{path}: ${{{match[1]}}} is not set; set it in the environment or write ${{{match[1]}:-default}}")
        return value

    return "\n".join(line if line.lstrip().startswith("#") else _VARIABLE.sub(fill, line) for line in text.split("\n"))


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        raw = load_yaml(text)
    except YamlError as error:
        raise RecipeError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        content = "nothing" if raw is None else "a list" if isinstance(raw, list) else "a plain value"
        raise RecipeError(f"{path}: a recipe is a mapping of keys to values, this file holds {content}")
    return raw


def _describe(where: str, model: type[BaseModel], error: ValidationError) -> str:
    faults = []
    located = [item["loc"] for item in error.errors()]
    for item in error.errors():
        if item["type"] == "too_short" and any(loc[: len(item["loc"])] == item["loc"] and loc != item["loc"] for loc in located):
            continue  # pydantic counts only valid items: a fault inside one would be reported as a short list, too
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            faults.append(f"{key}: unknown key{_nearest(model, item['loc'])}")
        elif item["type"] == "missing":
            faults.append(f"{key}: required, but not given")
        elif not item["loc"]:  # a check of the whole recipe; its message names the keys
            faults.append(item["msg"].removeprefix("Value error, "))
        else:
            shown = repr(item["input"])
            shown = shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "…"
            faults.append(f"{key}: {item['msg'].removeprefix('Value error, ')} (got {shown}){_hint(item['type'], item['input'])}")
    return f"{where}: " + "; ".join(faults)


def _hint(kind: str, value: Any) -> str:
    """Advice on a value that YAML read as another type than its author meant."""
    if kind in ("string_type", "literal_error") and isinstance(value, _NUMBERS):
        return "; put it in quotes if it is text"
    if kind in ("tuple_type", "list_type") and isinstance(value, str):
        return f"; write a list: [{value}]"
    return "; null switches it off" if kind.startswith("model") and value in (False, "no", "off", "none", "None") else ""


def _nearest(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    names = _fields_at(model, location[:-1])
    close = difflib.get_close_matches(str(location[-1]), names, n=1, cutoff=0.5)
    if close:
        return f", did you mean {close[0]}?"
    return f", known are {', '.join(sorted(names))}" if names else ""


def _fields_at(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """Field names of the models at `location`, followed through lists, mappings and unions by their types."""
    models = [model]
    for part in location:
        models = [inner for outer in models if part in outer.model_fields for inner in _models_in(outer.model_fields[part].annotation)] or models
    return sorted({name for known in models for name in known.model_fields})


def _models_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [nested for inner in get_args(annotation) for nested in _models_in(inner)]

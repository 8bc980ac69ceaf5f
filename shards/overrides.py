"""`--set key.subkey=value`: one value of a recipe changed on the command line."""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shards.errors import RecipeError
from shards.yaml_text import YamlError, load_yaml

_PART = re.compile(r'"[^"]*"|[^."]+')
_NAMES = ("name", "source")
"""Keys by whose values the entries of a list can be addressed."""


def apply_override(raw: dict[str, Any], override: str, model: type[BaseModel]) -> None:
    """Set one value of a recipe's raw content. Raises RecipeError, in one line, for a place or a value that cannot be.

    Entries of lists are addressed by number from 0, or by their name; a list that the recipe leaves out is the model's default. Keys that hold a
    dot stand in double quotes.
    """
    key, separator, text = override.partition("=")
    parts = _PART.findall(key)
    if not separator or not parts or ".".join(parts) != key:
        raise RecipeError(f"--set {override}: expected key.subkey=value")
    names = [part.strip('"') for part in parts]
    try:
        value = load_yaml(text)
    except YamlError as error:
        raise RecipeError(f"--set {override}: the value is not valid YAML: {error}") from None
    if len(names) > 1 and names[0] not in raw:
        _fill_default(raw, names[0], model)
    place: Any = raw
    for before, name in zip(["", *names], names[:-1], strict=False):
        place = _entry(place, name, override, "path" if before == "inputs" else "name")
    if isinstance(place, list):
        place[_index(place, names[-1], override)] = value
    else:
        place[names[-1]] = value


def _fill_default(raw: dict[str, Any], key: str, model: type[BaseModel]) -> None:
    """Write out a default list, so that one of its entries can be changed."""
    field = model.model_fields.get(key)
    if field is not None and isinstance(field.default, tuple):
        raw[key] = [entry.model_dump(mode="json", exclude_defaults=True) if isinstance(entry, BaseModel) else entry for entry in field.default]


def _entry(place: Any, name: str, override: str, short_for: str) -> Any:
    """What lies under `name`, a mapping or a list. An empty mapping is put there if there is nothing, and one with the key `short_for` for text."""
    key: Any = _index(place, name, override) if isinstance(place, list) else name
    found = place[key] if isinstance(place, list) else place.get(key)
    if found is None:
        found = place[key] = {}
    elif isinstance(found, str) and isinstance(place, list):
        found = place[key] = {short_for: found}
    if not isinstance(found, dict | list):
        raise RecipeError(f"--set {override}: {name} holds a plain value, not keys")
    return found


def _index(items: list[Any], name: str, override: str) -> int:
    """The index of the item that `name` means. Raises RecipeError if there is none, or more than one of that name."""
    names = [_name_of(item) for item in items]
    found = [index for index, one in enumerate(names) if one and name in (one, Path(one).stem)]  # a dot parts keys: `mine` is mine.yaml
    if not found and name.isdecimal() and len(name) < 10 and int(name) < len(items):
        return int(name)
    if len(found) == 1:
        return found[0]
    known = ", ".join(one for one in names if one) or f"items 0 to {len(items) - 1}" if items else "none"
    problem = f"{len(found)} items are called {name}; give the number" if found else f"the list has no item {name}; it has {known}"
    raise RecipeError(f"--set {override}: {problem}")


def _name_of(item: Any) -> str:
    """What an item of a list is called; "" if nothing."""
    names = [item.get(key) for key in _NAMES] if isinstance(item, dict) else [item]
    return next((name for name in names if isinstance(name, str)), "")

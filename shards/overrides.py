"""Values of a recipe changed on the command line: `--set key.subkey=value`, and options such as `--out` that have a key of their own."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shards.errors import RecipeError
from shards.yaml_text import YamlError, load_yaml

_PART = re.compile(r'"[^"]*"|[^."]+')
_NAMES = ("name", "source")
"""Keys whose values name the items of a list."""


def apply_override(raw: dict[str, Any], override: str, model: type[BaseModel]) -> None:
    """Apply `key.subkey=value`, whose value is YAML, to a recipe's raw content. Raises RecipeError, in one line, for a wrong key or value.

    List items are addressed by their index from 0 or by their name. Keys that contain a dot are written in double quotes.
    """
    key, separator, text = override.partition("=")
    parts = _PART.findall(key)
    if not separator or not parts or ".".join(parts) != key:
        raise RecipeError(f"--set {override}: expected key.subkey=value")
    try:
        value = load_yaml(text)
    except YamlError as error:
        raise RecipeError(f"--set {override}: the value is not valid YAML: {error}") from None
    set_value(raw, [part.strip('"') for part in parts], value, model, f"--set {override}")


def set_value(raw: dict[str, Any], keys: Sequence[str], value: Any, model: type[BaseModel], option: str) -> None:
    """Set the value that `keys` lead to. `option` begins error messages. Lists that the recipe leaves out start as the model's default."""
    if len(keys) > 1 and keys[0] not in raw:
        _fill_default(raw, keys[0], model)
    parent: Any = raw
    for before, key in zip(["", *keys], keys[:-1], strict=False):
        parent = _child(parent, key, option, "path" if before == "inputs" else "name")
    if isinstance(parent, list):
        parent[_index(parent, keys[-1], option)] = value
    else:
        parent[keys[-1]] = value


def _fill_default(raw: dict[str, Any], key: str, model: type[BaseModel]) -> None:
    """Write out a default list so that one of its items can be changed."""
    field = model.model_fields.get(key)
    if field is not None and isinstance(field.default, tuple):
        raw[key] = [entry.model_dump(mode="json", exclude_defaults=True) if isinstance(entry, BaseModel) else entry for entry in field.default]


def _child(parent: Any, name: str, option: str, short_for: str) -> Any:
    """The mapping or list under `name`. Nothing becomes an empty mapping, text in a list a mapping with the key `short_for`."""
    key: Any = _index(parent, name, option) if isinstance(parent, list) else name
    child = parent[key] if isinstance(parent, list) else parent.get(key)
    if child is None:
        child = parent[key] = {}
    elif isinstance(child, str) and isinstance(parent, list):
        child = parent[key] = {short_for: child}
    if not isinstance(child, dict | list):
        raise RecipeError(f"{option}: {name} holds a plain value, not keys")
    return child


def _index(items: list[Any], name: str, option: str) -> int:
    """The index of the item called `name`. Raises RecipeError unless there is exactly one."""
    names = [_name_of(item) for item in items]
    matches = [index for index, known in enumerate(names) if known and name in (known, Path(known).stem)]  # dots separate keys: `mine` is mine.yaml
    if not matches and name.isdecimal() and len(name) < 10 and int(name) < len(items):
        return int(name)
    if len(matches) == 1:
        return matches[0]
    listed = ", ".join(known for known in names if known) or f"items 0 to {len(items) - 1}" if items else "none"
    problem = f"{len(matches)} items are called {name}; give the index" if matches else f"the list has no item {name}; it has {listed}"
    raise RecipeError(f"{option}: {problem}")


def _name_of(item: Any) -> str:
    """The name of a list item, or ""."""
    names = [item.get(key) for key in _NAMES] if isinstance(item, dict) else [item]
    return next((name for name in names if isinstance(name, str)), "")

"""Recipe models to Markdown: a section for each model, a row for each key with its type, default and docstring."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from shards.amounts import Bytes, Tokens
from shards.recipe import Recipe

_AMOUNTS = {id(next(part for part in get_args(kind) if isinstance(part, BeforeValidator)).func): kind for kind in (Bytes, Tokens)}
_PLAIN = {str: "text", Path: "path", int: "whole number", float: "number", bool: "`true` or `false`", Any: "any value"}
_SINGULAR_BOUNDS = ("ge", "gt", "le", "lt")


@dataclass
class _Page:
    """Sections of one page; a model that several keys take is described at the first of them."""

    sections: list[str] = field(default_factory=list)
    titles: dict[type[BaseModel], str] = field(default_factory=dict)


def recipe_sections(model: type[BaseModel], title: str, level: int = 2) -> str:
    """Markdown of a recipe: the section `title` with its own keys, then one section for each model below it, titled by its path."""
    page = _Page()
    _add(page, model, title, "", level)
    return "\n\n".join(page.sections)


def slug(title: str) -> str:
    """The anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def escaped(text: str) -> str:
    """Prose for a table cell on one line: HTML and emphasis are shown as written, bars do not end the cell."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(_code(part[1:-1]) if part.startswith("`") and len(part) > 1 else _prose(part) for part in parts)


def _prose(text: str) -> str:
    return re.sub(r"([*\[\]])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;")).replace("|", "&#124;")


def _code(text: str) -> str:
    return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def _add(page: _Page, model: type[BaseModel], title: str, path: str, level: int) -> None:
    page.titles[model] = title
    below: list[tuple[type[BaseModel], str, str]] = []
    rows = [_row(page, name, info, path, below) for name, info in model.model_fields.items()]
    table = ["| key | value | meaning |", "|---|---|---|", *rows]
    page.sections.append("\n\n".join(part for part in (f"{'#' * level} {title}", _about(model), "\n".join(table)) if part))
    for inner, inner_title, inner_path in below:
        _add(page, inner, inner_title, inner_path, max(level, 3))


def _about(model: type[BaseModel]) -> str:
    return _prose_paragraphs(model.__doc__ or "") if "__doc__" in vars(model) else ""


def _prose_paragraphs(text: str) -> str:
    return "\n\n".join(escaped(paragraph).replace("&#124;", "|") for paragraph in re.split(r"\n\s*\n", text.strip()) if paragraph)


def _row(page: _Page, name: str, info: FieldInfo, path: str, below: list[tuple[type[BaseModel], str, str]]) -> str:
    name = info.alias or name
    key = f"{path}.{name}" if path else name
    for inner, inner_path, choice in _models(info.annotation, key):
        if inner not in page.titles:
            page.titles[inner] = f"`{inner_path}`{choice}"
            below.append((inner, page.titles[inner], inner_path))
    value = _type(page, info.annotation, tuple(info.metadata))
    default = "required" if info.is_required() else f"default {_default(info)}"
    mark = " °" if info.exclude else ""
    return f"| `{name}`{mark} | {value}; {default} | {escaped(info.description or _only_choice(info))} |"


def _only_choice(info: FieldInfo) -> str:
    return "Selects what this section describes." if get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1 else ""


def _models(annotation: Any, path: str) -> Iterator[tuple[type[BaseModel], str, str]]:
    """Each model that a value of this type may hold, its path, and what tells it from others of the same union."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, path, ""
    elif origin is Annotated:
        yield from _models(arguments[0], path)
    elif origin in (Union, UnionType):
        members = [found for inner in arguments for found in _models(inner, path)]
        yield from members if len(members) < 2 else ((model, where, f" {_choice(model)}") for model, where, _ in members)
    elif origin is dict:
        yield from _models(arguments[1], f"{path}.NAME")
    elif origin in (tuple, list):
        for inner in arguments:
            if inner is not Ellipsis:
                yield from _models(inner, path)


def _choice(model: type[BaseModel]) -> str:
    """What a recipe writes to mean this model of a union: its `kind`, or else its required keys."""
    kind = model.model_fields.get("kind")
    if kind is not None:
        return f"of kind `{get_args(kind.annotation)[0]}`"
    names = [f"`{info.alias or name}`" for name, info in model.model_fields.items() if info.is_required()]
    return f"with {' and '.join(names)}"


def _type(page: _Page, annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """A type in plain words; models are links to their sections."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(page, arguments[0], (*_flat(arguments[1:]), *metadata))
    if origin in (Union, UnionType, Literal):
        return _either(list(_alternatives(page, annotation, metadata)))
    if origin is dict:
        keys = "names" if arguments[0] is str else _plural(_type(page, arguments[0]))
        return f"mapping of {keys} to {_type(page, arguments[1])}"
    if origin in (tuple, list) and (origin is list or Ellipsis in arguments):
        return f"list of {_plural(_type(page, arguments[0]))}"
    if origin is tuple:
        return f"[{', '.join(_type(page, inner) for inner in arguments)}]"
    if annotation is NoneType:
        return "`null`"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        title = page.titles[annotation]
        return f"[{_link_text(title)}](#{slug(title)})"
    return _scalar(annotation, metadata)


def _alternatives(page: _Page, annotation: Any, metadata: tuple[Any, ...]) -> Iterator[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        yield from (f"`{value}`" for value in arguments)
    elif origin in (Union, UnionType):
        for inner in arguments:
            yield from _alternatives(page, inner, metadata)
    else:
        yield _type(page, annotation, () if origin in (dict, list, tuple) or annotation is NoneType else metadata)


def _link_text(title: str) -> str:
    path, _, choice = title.partition("` ")
    return choice.replace("`", "").replace("of kind", "kind").replace("with", "mapping with") if choice else f"keys of {path.strip('`')}"


def _flat(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for part in metadata:
        yield from part.metadata if isinstance(part, FieldInfo) else (part,)


def _scalar(annotation: Any, metadata: tuple[Any, ...]) -> str:
    flat = list(_flat(metadata))
    amount = next((_AMOUNTS[id(part.func)] for part in flat if isinstance(part, BeforeValidator) and id(part.func) in _AMOUNTS), None)
    if amount is not None:
        return "amount of bytes" if amount is Bytes else "amount of tokens"
    bounds = {name: getattr(part, name) for part in flat for name in _SINGULAR_BOUNDS if getattr(part, name, None) is not None}
    return _PLAIN[annotation] + _range(bounds)


def _range(bounds: dict[str, float]) -> str:
    low = f"from {bounds['ge']:,}" if "ge" in bounds else f"above {bounds['gt']:,}" if "gt" in bounds else ""
    high = f"to {bounds['le']:,}" if "le" in bounds else f"below {bounds['lt']:,}" if "lt" in bounds else ""
    return "".join(f" {part}" for part in (low, high) if part)


def _either(words: list[str]) -> str:
    words = list(dict.fromkeys(words))
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _plural(words: str) -> str:
    return re.sub(r"^(text|path|whole number|number|mapping|amount)\b", r"\1s", words)


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    amounts = [part for part in _flat(tuple(info.metadata)) if isinstance(part, BeforeValidator) and id(part.func) in _AMOUNTS]
    if isinstance(value, int) and not isinstance(value, bool) and amounts:
        return f"`{_amount(value)}`"
    return "empty" if value == "" else f"`{_yaml(value)}`"


def _amount(value: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("G", 10**9), ("M", 10**6)):
        if value >= 10_000 and value % size == 0:
            return f"{value // size}{unit}"
    return str(value)


def _yaml(value: Any) -> str:
    """A default as a recipe would say it, on one line."""
    if isinstance(value, Recipe):
        given = value.model_dump(mode="json", exclude_unset=True)
        return str(next(iter(given.values()))) if len(given) == 1 and next(iter(given)) in ("name", "by") else _flow(given)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return _flow(value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, float):
        return f"{value:g}" if value != int(value) or abs(value) >= 1e15 else f"{value:.1f}"
    if isinstance(value, str | Path) and re.fullmatch(r"[\w./:-]+", str(value)):
        return str(value)
    return json.dumps(value, ensure_ascii=False)

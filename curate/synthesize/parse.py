"""Parsers: a model's completion to items, or the reason why it has none."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import regex
from pydantic import Field, field_validator

from curate.errors import CurateError
from curate.synthesize.types import Item
from shards.recipe import Recipe

_PATTERN_SECONDS = 20.0
_REASONING = regex.compile(r"^\s*<think(?:ing)?>.*?(?:</think(?:ing)?>\s*|\Z)|^.*?</think(?:ing)?>\s*", regex.DOTALL)


class NotParsed(Exception):
    """A completion without usable items. The message is the name of the reason: empty, no_match, not_json, missing_field, not_a_choice, too_few."""


class _ParserRecipe(Recipe):
    keep_reasoning: bool = False
    """Keep <think> … </think>; by default it is removed before parsing."""
    min_items: Annotated[int, Field(ge=1)] = 1
    """A completion with fewer items is unusable (`too_few`)."""
    choices: dict[str, tuple[str, ...]] = {}
    """Field to its allowed values, compared case-insensitively; a completion with another value is unusable. For labels."""

    def parse(self, completion: str) -> list[Item]:
        """At least `min_items` items of a completion. Raises NotParsed with the reason."""
        text = (completion if self.keep_reasoning else _REASONING.sub("", completion, count=1)).strip()
        if not text:
            raise NotParsed("empty")
        items = [self._chosen(item) for item in self._items(text)]
        if len(items) < self.min_items:
            raise NotParsed("too_few")
        return items

    def _items(self, text: str) -> list[Item]:
        raise NotImplementedError

    def _chosen(self, item: Item) -> Item:
        chosen = dict(item)
        for field, values in self.choices.items():
            if field not in chosen:
                raise NotParsed("missing_field")
            same = [value for value in values if value.casefold() == str(chosen[field]).strip().casefold()]
            if not same:
                raise NotParsed("not_a_choice")
            chosen[field] = same[0]
        return chosen


class TextParserRecipe(_ParserRecipe):
    """The whole completion is one item with the field `text`."""

    kind: Literal["text"] = "text"
    drop_before: str | None = None
    """Pattern; its first match and the text before it are dropped, e.g. "Here is the paraphrase:"."""
    drop_after: str | None = None
    """Pattern; its first match and the text after it are dropped."""

    @field_validator("drop_before", "drop_after")
    @classmethod
    def _is_pattern(cls, value: str | None) -> str | None:
        return value if value is None else _checked(value)

    def _items(self, text: str) -> list[Item]:
        if self.drop_before and (match := _search(self.drop_before, text)):
            text = text[match.end() :]
        if self.drop_after and (match := _search(self.drop_after, text)):
            text = text[: match.start()]
        if not text.strip():
            raise NotParsed("empty")
        return [{"text": text.strip()}]

    def fields(self) -> set[str]:
        """Names of the fields that every item has."""
        return {"text"}


class RegexParserRecipe(_ParserRecipe):
    """Each match of a pattern is an item; its named groups are the fields. `.` matches line breaks; `^` and `$` match at line ends."""

    kind: Literal["regex"]
    pattern: str
    r"""With named groups: `Q: (?P<question>.+?)\s*A: (?P<answer>.+?)(?=\s*Q:|\Z)`."""

    @field_validator("pattern")
    @classmethod
    def _has_groups(cls, value: str) -> str:
        if not regex.compile(_checked(value)).groupindex:
            raise ValueError("it has no named group such as (?P<answer>.+), so items would have no fields")
        return value

    def _items(self, text: str) -> list[Item]:
        items = [{name: (value or "").strip() for name, value in match.groupdict().items()} for match in _matches(self.pattern, text)]
        if not items:
            raise NotParsed("no_match")
        return list(items)

    def fields(self) -> set[str]:
        """Names of the fields that every item has."""
        return set(regex.compile(self.pattern).groupindex)


class JsonParserRecipe(_ParserRecipe):
    """The first JSON object or list of items in the completion, in a code fence or between other text; each object in it is an item.

    Several objects in a row are items too, also those of a list that is not valid JSON as a whole (a trailing comma).
    """

    kind: Literal["json"]
    items: str | None = None
    """Key that holds the list of items in the object. null: the object, or each element of the list, is an item."""
    required: Annotated[tuple[str, ...], Field(min_length=1)]
    """Fields that every item must have, neither null nor blank."""

    def _items(self, text: str) -> list[Item]:
        values = list(_json_values(text))
        if not values:
            raise NotParsed("not_json")
        first = next((index for index, value in enumerate(values) if self._complete_items(value)), None)
        if first is None:
            raise NotParsed("missing_field")
        items = self._complete_items(values[first])
        for value in values[first + 1 :]:
            if not isinstance(value, Mapping) or not isinstance(values[first], Mapping):
                break
            items += self._complete_items(value)
        return items

    def _complete_items(self, value: Any) -> list[Item]:
        """The items of a JSON value; empty if one of them lacks a required field."""
        if self.items is not None and isinstance(value, Mapping):
            value = value.get(self.items)
        items = value if isinstance(value, list) else [value]
        return list(items) if all(self._has_all(item) for item in items) else []

    def _has_all(self, item: Any) -> bool:
        return isinstance(item, Mapping) and all(str(item.get(name) or "").strip() or item.get(name) in (0, False) for name in self.required)

    def fields(self) -> set[str]:
        """Names of the fields that every item has."""
        return set(self.required)


AnyParser = Annotated[TextParserRecipe | RegexParserRecipe | JsonParserRecipe, Field(discriminator="kind")]


def _json_values(text: str) -> Iterator[Any]:
    """Non-empty JSON objects and lists in a text, from left to right, outermost only."""
    decoder = json.JSONDecoder(strict=False)  # models put line breaks inside strings, and do not escape \( of mathematics
    text = regex.sub(r'\\\\|\\(?!["\\/bfnrtu])', r"\\\\", text)
    end = 0
    for match in regex.finditer(r"[\[{]", text):
        if match.start() < end:
            continue
        try:
            value, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if value:
            yield value


def _checked(pattern: str) -> str:
    try:
        regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"not a valid pattern ({error})") from None
    return pattern


def _matches(pattern: str, text: str) -> list[Any]:
    try:
        return list(regex.finditer(pattern, text, regex.DOTALL | regex.MULTILINE, timeout=_PATTERN_SECONDS))
    except TimeoutError:
        raise CurateError(f"parser: the pattern {pattern!r} takes over {_PATTERN_SECONDS:.0f} s on one completion; nest its repeats less") from None


def _search(pattern: str, text: str) -> Any:
    return regex.search(pattern, text, regex.DOTALL | regex.MULTILINE, timeout=_PATTERN_SECONDS)

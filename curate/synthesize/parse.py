"""Parsers: a model's completion to items, or the reason why there are none."""

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
    """A completion without items; the message is the reason's name: empty, no_match, not_json, missing_field, not_a_choice, too_few."""


class _Parser(Recipe):
    keep_reasoning: bool = False
    """Keep what stands in <think> … </think>; by default it is taken out before parsing."""
    min_items: Annotated[int, Field(ge=1)] = 1
    """Fewer items make the completion unusable (`too_few`)."""
    choices: dict[str, tuple[str, ...]] = {}
    """Field to its allowed values, compared without case; an item with another value makes the completion unusable. For labels."""

    def parse(self, completion: str) -> list[Item]:
        """Items of a completion, at least `min_items`. Raises NotParsed with the reason."""
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
        found = dict(item)
        for field, values in self.choices.items():
            if field not in found:
                raise NotParsed("missing_field")
            same = [value for value in values if value.casefold() == str(found[field]).strip().casefold()]
            if not same:
                raise NotParsed("not_a_choice")
            found[field] = same[0]
        return found


class TextParser(_Parser):
    """The whole completion is one item with the field `text`."""

    kind: Literal["text"] = "text"
    drop_before: str | None = None
    """Pattern; what stands before and in its first match is dropped, e.g. "Here is the paraphrase:"."""
    drop_after: str | None = None
    """Pattern; its first match and what follows are dropped."""

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
        """Names that items have."""
        return {"text"}


class RegexParser(_Parser):
    """Each match of a pattern is an item; its named groups are the fields. `.` matches line breaks, `^` and `$` match at lines."""

    kind: Literal["regex"]
    pattern: str
    r"""With named groups: `Q: (?P<question>.+?)\s*A: (?P<answer>.+?)(?=\s*Q:|\Z)`."""

    @field_validator("pattern")
    @classmethod
    def _has_groups(cls, value: str) -> str:
        if not regex.compile(_checked(value)).groupindex:
            raise ValueError("no named group such as (?P<answer>.+) in it, so that items would have no fields")
        return value

    def _items(self, text: str) -> list[Item]:
        items = [{name: (value or "").strip() for name, value in match.groupdict().items()} for match in _matches(self.pattern, text)]
        if not items:
            raise NotParsed("no_match")
        return list(items)

    def fields(self) -> set[str]:
        """Names that items have."""
        return set(regex.compile(self.pattern).groupindex)


class JsonParser(_Parser):
    """The first JSON object or list in the completion that holds items, in a code fence or among other words: each object in it is an item.

    Objects one after another, and those of a list that is no JSON as a whole (a comma
    too many), are items too.
    """

    kind: Literal["json"]
    items: str | None = None
    """Key of the object that holds the list of items. null: the object, or each element of the list, is one."""
    required: Annotated[tuple[str, ...], Field(min_length=1)]
    """Fields that every item must have, not null and not blank."""

    def _items(self, text: str) -> list[Item]:
        values = list(_json_values(text))
        if not values:
            raise NotParsed("not_json")
        first = next((index for index, value in enumerate(values) if self._whole(value)), None)
        if first is None:
            raise NotParsed("missing_field")
        found = self._whole(values[first])
        for value in values[first + 1 :]:
            if not isinstance(value, Mapping) or not isinstance(values[first], Mapping):
                break
            found += self._whole(value)
        return found

    def _whole(self, value: Any) -> list[Item]:
        """The items of a JSON value, none if one of them lacks a field."""
        if self.items is not None and isinstance(value, Mapping):
            value = value.get(self.items)
        items = value if isinstance(value, list) else [value]
        return list(items) if all(self._has_all(item) for item in items) else []

    def _has_all(self, item: Any) -> bool:
        return isinstance(item, Mapping) and all(str(item.get(name) or "").strip() or item.get(name) in (0, False) for name in self.required)

    def fields(self) -> set[str]:
        """Names that items have."""
        return set(self.required)


AnyParser = Annotated[TextParser | RegexParser | JsonParser, Field(discriminator="kind")]


def _json_values(text: str) -> Iterator[Any]:
    """JSON objects and lists in a text that are not empty, from left to right, none inside another."""
    decoder = json.JSONDecoder(strict=False)  # models break lines inside strings, and write \( of mathematics as it is
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
        raise CurateError(f"parser: the pattern {pattern!r} takes over {_PATTERN_SECONDS:.0f} s on one completion; make its repeats less nested") from None


def _search(pattern: str, text: str) -> Any:
    return regex.search(pattern, text, regex.DOTALL | regex.MULTILINE, timeout=_PATTERN_SECONDS)

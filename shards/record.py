"""Records: every JSON file that one command writes and another relies on (manifest, plan, preview, report, run record, …).

A record carries `checksum`, the xxh3-128 of the canonical JSON of everything else in it, and is read into a model whose types have bounds. The
checksum reveals damage and edits, and the bounds reject impossible values, whoever wrote them. Only `write_record` and `read_record` do both.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import xxhash
from pydantic import TypeAdapter, ValidationError

from shards.atomic import write_atomically
from shards.errors import CptkitError, ShardError

M = TypeVar("M")

CHECKSUM = "checksum"
RERUN = "rerun the command that made it"
_MAX_SHOWN = 60


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spare blanks: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def json_hash(value: Any) -> str:
    """xxh3-128 of `canonical_json(value)`, 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(canonical_json(value).encode())


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record atomically: `content`, in its order, and the checksum."""
    write_atomically(Path(path), sealed(content))


def sealed(content: Mapping[str, Any], *, allow_nan: bool = True) -> bytes:
    """The bytes of a record: indented JSON of `content` with its checksum last. Without `allow_nan`, raises ValueError for NaN and infinities."""
    plain = json.loads(json.dumps(content, ensure_ascii=False, default=str, allow_nan=allow_nan))  # as it will be read: tuples as lists, keys as text
    plain.pop(CHECKSUM, None)
    return (json.dumps(plain | {CHECKSUM: json_hash(plain)}, indent=1, ensure_ascii=False) + "\n").encode()


def read_record(path: Path, model: type[M], *, error: type[CptkitError] = ShardError, remedy: str = RERUN, version: tuple[str, int] | None = None) -> M:
    """The record at `path` as `model`, a pydantic model or dataclass, or `dict[str, Any]`.

    Raises FileNotFoundError if it does not exist, and `error`, which names the file, the fault and the `remedy`, if it is damaged, edited or out of
    bounds. `version`: key and number of the supported format; the message names the version if it differs.
    """
    try:
        data = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror or problem})") from None
    return parse_record(data, str(path), model, error=error, remedy=remedy, version=version)


def parse_record(data: bytes, where: str, model: type[M], *, error: type[CptkitError] = ShardError, remedy: str = RERUN, version: Any = None) -> M:
    """As `read_record`, from bytes; `where` begins messages."""
    content = _content(data)
    if version is not None and isinstance(content, dict) and type(content.get(version[0])) is int and content[version[0]] != version[1]:
        name, number = version
        raise error(f"{where}: {name.replace('_', ' ')} {content[name]}, this cptkit reads {number}; {remedy}, or install the cptkit version that wrote it")
    problem = _seal_problem(content)
    if problem:
        raise error(f"{where}: {problem}; {remedy}")
    assert isinstance(content, dict)
    try:
        plain = json.dumps({key: value for key, value in content.items() if key != CHECKSUM}, ensure_ascii=False)  # keeps the order of keys
        return _adapter(model).validate_json(plain, strict=True)  # type: ignore[arg-type]
    except (ValidationError, UnicodeEncodeError) as faults:
        raise error(f"{where}: {_described(faults)}; {remedy}") from None


def check_values(values: Any, model: Any, where: str, remedy: str = RERUN, *, error: type[CptkitError] = ShardError) -> None:
    """Raise `error`, beginning with `where`, unless parsed JSON matches `model`: for parts of records that only their reader knows."""
    try:
        _adapter(model).validate_json(json.dumps(values, ensure_ascii=False), strict=True)
    except ValidationError as faults:
        raise error(f"{where}: {_described(faults)}; {remedy}") from None


def _content(data: bytes) -> Any:
    """The parsed JSON, or the ValueError that parsing raised."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_without_twins)
    except RecursionError:
        return ValueError("nested too deeply")
    except ValueError as problem:
        return problem


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key appears twice in one object")
    return content


def _seal_problem(content: Any) -> str | None:
    if isinstance(content, ValueError):
        return f"not readable JSON ({content})"
    if not isinstance(content, dict):
        return f"a cptkit record is a JSON object, this is {type(content).__name__}"
    if CHECKSUM not in content:
        return f"has no {CHECKSUM}, which every record of this cptkit has: edited, damaged or of another version"
    try:
        actual = json_hash({key: value for key, value in content.items() if key != CHECKSUM})
    except UnicodeEncodeError:
        return "contains an unpaired surrogate"
    if content[CHECKSUM] != actual:
        return f"damaged or edited by hand: its content has checksum {actual}, but it states {str(content[CHECKSUM])[:_MAX_SHOWN]!r}"
    return None


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _described(faults: ValidationError | UnicodeEncodeError) -> str:
    """The first three faults: key, what is wrong, the value."""
    if isinstance(faults, UnicodeEncodeError):
        return "contains an unpaired surrogate"
    words = []
    for item in faults.errors()[:3]:
        key = ".".join(str(part) for part in item["loc"])
        shown = repr(item["input"])
        shown = shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "…"
        message = item["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        words.append(f"{key}: {message} (got {shown})" if key and item["type"] != "missing" else f"{key}: missing" if key else message)
    return "; ".join(words)

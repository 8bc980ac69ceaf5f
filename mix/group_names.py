"""Names of the sources that a split makes: a folder name for each value of a column, unique whatever text the values are.

A value that is a valid name stays as it is. Otherwise characters other than letters, digits and `. _ + -` become `_`, long values are cut, and a
hash of the value is appended, so that `sci/tech` and `sci tech` stay apart. A hash also separates values that some file systems treat as equal:
`EN` and `en`, or the same letters composed and decomposed. Documents without a value are `none`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import xxhash

NO_VALUE = "none"
_NOT_IN_NAMES = re.compile(r"[^\w.+-]")
_MOST_BYTES = 64
"""Bytes of a value kept in a name. With the source's name (`mix.recipe`) and a packing's hash the result stays below 255 bytes, the limit of file names."""


def group_names(source: str, values: Sequence[str]) -> list[str]:
    """`SOURCE.NAME` for each of the distinct `values`, in their order. Names stay distinct on file systems that ignore case or composition."""
    names = [_name(value) for value in values]
    n_alike = Counter(map(folded, names))
    return [f"{source}.{name if n_alike[folded(name)] == 1 or not value else _hashed(value, 32)}" for name, value in zip(names, values, strict=True)]


def folded(name: str) -> str:
    """A name in the form that a file system may compare: case and composition removed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _name(value: str) -> str:
    if not value:
        return NO_VALUE
    return value if _readable(value) == value else _hashed(value, 8)


def _hashed(value: str, n_digits: int) -> str:
    return f"{_readable(value)}-{xxhash.xxh3_128_hexdigest(value.encode())[:n_digits]}"


def _readable(value: str) -> str:
    text = _NOT_IN_NAMES.sub("_", unicodedata.normalize("NFC", value))
    return text.encode()[:_MOST_BYTES].decode(errors="ignore")

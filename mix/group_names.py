"""Names of the sources that a split makes: values of a column as names of folders, each value its own, whatever text it is.

A value that is a name already stays as it is. Otherwise characters other than letters, digits and `. _ + -` become `_`, long values are cut, and a hash
of the value follows, which keeps `sci/tech` and `sci tech` apart. So do values that some file systems take for one: `EN` and `en`, or the same letters
composed and decomposed. Documents without a value are `none`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import xxhash

NO_VALUE = "none"
_NOT_IN_NAMES = re.compile(r"[^\w.+-]")
_MOST_BYTES = 64
"""Of a value in a name: with the name of its source (`mix.recipe`) and the hash of a packing it stays below the 255 bytes of a file name."""


def group_names(source: str, values: Sequence[str]) -> list[str]:
    """`SOURCE.NAME` for each of the distinct `values`, in their order; all differ, whatever a file system makes of case and composition."""
    names = [_name(value) for value in values]
    n_alike = Counter(map(folded, names))
    return [f"{source}.{name if n_alike[folded(name)] == 1 or not value else _hashed(value, 32)}" for name, value in zip(names, values, strict=True)]


def folded(name: str) -> str:
    """What two names have in common that a file system may take for one."""
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

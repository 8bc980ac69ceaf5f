"""Whether a chunk is a URL by spaCy's expression, for chunks of ASCII; the rest is left to spaCy."""

from typing import Any

from curate.signals.chunk import CLASS, CODE, is_digit
from curate.signals.kernel import inlined, kernel
from curate.signals.marks import AT, COLON, DOT, HASH, HYPHEN, PLUS, QUESTION, SLASH, UNDERSCORE
from curate.signals.spacy_tables import LOWER


@kernel
def is_url(chunk: Any, low: int, high: int) -> int:
    """1 if characters low:high are a URL for spaCy, 0 if not, -1 if it takes spaCy to tell."""
    if not _may_be_url(chunk, low, high):
        return 0
    for i in range(low, high):
        if chunk[CODE, i] >= 0x80 or chunk[CODE, i] == AT:
            return -1
    host = _after_scheme(chunk, low, high)
    end = host
    while end < high and not (chunk[CODE, end] == COLON or chunk[CODE, end] == SLASH or chunk[CODE, end] == QUESTION or chunk[CODE, end] == HASH):
        end += 1
    dot = end - 1
    while dot >= host and chunk[CODE, dot] != DOT:
        dot -= 1
    if dot < host:
        return 0
    if is_digit(chunk[CODE, dot + 1]):
        return -1  # perhaps an IP address
    if not (_is_top_level(chunk, dot + 1, end) and _are_labels(chunk, host, dot)):
        return 0
    return 1 if _is_port_or_path(chunk, end, high) else 0


@inlined
def _is_alphanumeric(code: int) -> bool:
    return 48 <= code <= 57 or 65 <= code <= 90 or 97 <= code <= 122


@kernel
def _may_be_url(chunk: Any, low: int, high: int) -> bool:
    """A URL holds a full stop before two small letters, or the digits and full stops of an IP address."""
    n_dots_before_digits = 0
    for i in range(low + 1, high - 1):
        if chunk[CODE, i] == DOT:
            if i + 2 < high and chunk[CLASS, i + 1] & LOWER and chunk[CLASS, i + 2] & LOWER:
                return True
            n_dots_before_digits += is_digit(chunk[CODE, i + 1])
    return n_dots_before_digits >= 3


@kernel
def _after_scheme(chunk: Any, low: int, high: int) -> int:
    """First character after `scheme://`, or `low` if there is none."""
    i = low
    while i < high and (
        _is_alphanumeric(chunk[CODE, i]) or chunk[CODE, i] == UNDERSCORE or chunk[CODE, i] == PLUS or chunk[CODE, i] == HYPHEN or chunk[CODE, i] == DOT
    ):
        i += 1
    if i - low >= 2 and i + 2 < high and chunk[CODE, i] == COLON and chunk[CODE, i + 1] == SLASH and chunk[CODE, i + 2] == SLASH:
        return i + 3
    return low


@kernel
def _is_top_level(chunk: Any, low: int, high: int) -> bool:
    if not 2 <= high - low <= 63:
        return False
    for i in range(low, high):  # noqa: SIM110
        if not 97 <= chunk[CODE, i] <= 122:
            return False
    return True


@kernel
def _are_labels(chunk: Any, low: int, high: int) -> bool:
    """Labels of 1 to 64 characters between full stops; `-` and `_` only inside them."""
    start = low
    for i in range(low, high + 1):
        if i < high and chunk[CODE, i] != DOT:
            if not (_is_alphanumeric(chunk[CODE, i]) or chunk[CODE, i] == HYPHEN or chunk[CODE, i] == UNDERSCORE):
                return False
            continue
        if not 1 <= i - start <= 64 or not _is_alphanumeric(chunk[CODE, start]) or not _is_alphanumeric(chunk[CODE, i - 1]):
            return False
        start = i + 1
    return True


@kernel
def _is_port_or_path(chunk: Any, i: int, high: int) -> bool:
    if i < high and chunk[CODE, i] == COLON:
        start = i + 1
        i = start
        while i < high and is_digit(chunk[CODE, i]):
            i += 1
        if not 2 <= i - start <= 5:
            return False
    return i == high or chunk[CODE, i] == SLASH or chunk[CODE, i] == QUESTION or chunk[CODE, i] == HASH

"""Whether a chunk is a URL by spaCy's expression, for chunks of ASCII; the rest is left to spaCy."""

from typing import Any

from curate.signals.kernel import kernel
from curate.signals.marks import AT, COLON, DOT, HASH, HYPHEN, PLUS, QUESTION, SLASH, UNDERSCORE
from curate.signals.spacy_tables import LOWER


@kernel
def is_url(codes: Any, classes: Any, low: int, high: int) -> int:
    """1 if characters low:high are a URL for spaCy, 0 if not, -1 if it takes spaCy to tell."""
    if not _may_be_url(codes, classes, low, high):
        return 0
    for i in range(low, high):
        if codes[i] >= 0x80 or codes[i] == AT:
            return -1
    host = _after_scheme(codes, low, high)
    end = host
    while end < high and not (codes[end] == COLON or codes[end] == SLASH or codes[end] == QUESTION or codes[end] == HASH):
        end += 1
    dot = end - 1
    while dot >= host and codes[dot] != DOT:
        dot -= 1
    if dot < host:
        return 0
    if _is_digit(codes[dot + 1]):
        return -1  # perhaps an IP address
    if not (_is_top_level(codes, dot + 1, end) and _are_labels(codes, host, dot)):
        return 0
    return 1 if _is_port_or_path(codes, end, high) else 0


@kernel
def _is_digit(code: int) -> bool:
    return 48 <= code <= 57


@kernel
def _is_alphanumeric(code: int) -> bool:
    return 48 <= code <= 57 or 65 <= code <= 90 or 97 <= code <= 122


@kernel
def _may_be_url(codes: Any, classes: Any, low: int, high: int) -> bool:
    """A URL holds a full stop before two small letters, or the digits and full stops of an IP address."""
    n_dots_before_digits = 0
    for i in range(low + 1, high - 1):
        if codes[i] == DOT:
            if i + 2 < high and classes[i + 1] & LOWER and classes[i + 2] & LOWER:
                return True
            n_dots_before_digits += _is_digit(codes[i + 1])
    return n_dots_before_digits >= 3


@kernel
def _after_scheme(codes: Any, low: int, high: int) -> int:
    """First character after `scheme://`, or `low` if there is none."""
    i = low
    while i < high and (_is_alphanumeric(codes[i]) or codes[i] == UNDERSCORE or codes[i] == PLUS or codes[i] == HYPHEN or codes[i] == DOT):
        i += 1
    if i - low >= 2 and i + 2 < high and codes[i] == COLON and codes[i + 1] == SLASH and codes[i + 2] == SLASH:
        return i + 3
    return low


@kernel
def _is_top_level(codes: Any, low: int, high: int) -> bool:
    if not 2 <= high - low <= 63:
        return False
    for i in range(low, high):  # noqa: SIM110
        if not 97 <= codes[i] <= 122:
            return False
    return True


@kernel
def _are_labels(codes: Any, low: int, high: int) -> bool:
    """Labels of 1 to 64 characters between full stops; `-` and `_` only inside them."""
    start = low
    for i in range(low, high + 1):
        if i < high and codes[i] != DOT:
            if not (_is_alphanumeric(codes[i]) or codes[i] == HYPHEN or codes[i] == UNDERSCORE):
                return False
            continue
        if not 1 <= i - start <= 64 or not _is_alphanumeric(codes[start]) or not _is_alphanumeric(codes[i - 1]):
            return False
        start = i + 1
    return True


@kernel
def _is_port_or_path(codes: Any, i: int, high: int) -> bool:
    if i < high and codes[i] == COLON:
        start = i + 1
        i = start
        while i < high and _is_digit(codes[i]):
            i += 1
        if not 2 <= i - start <= 5:
            return False
    return i == high or codes[i] == SLASH or codes[i] == QUESTION or codes[i] == HASH

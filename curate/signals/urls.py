"""Whether a chunk is a URL or an e-mail address by spaCy's expression; IP addresses are left to spaCy."""

from typing import Any

from curate.signals.characters import ALPHA
from curate.signals.chunk import CLASS, CODE, KIND, is_digit
from curate.signals.kernel import inlined, kernel
from curate.signals.marks import AT, COLON, DOT, HASH, HYPHEN, PLUS, QUESTION, SLASH, UNDERSCORE
from curate.signals.spacy_tables import LOWER


@kernel
def is_url(chunk: Any, low: int, high: int) -> int:
    """1 if characters low:high are a URL for spaCy, 0 if not, -1 if it takes spaCy to tell.

    [scheme://][anything@]host[:port][/path], the scheme part of the anything where both are there.
    """
    if not _may_be_url(chunk, low, high):
        return 0
    answer = _is_address(chunk, _after_scheme(chunk, low, high), high)
    for i in range(low + 1, high - 1):
        if answer == 0 and chunk[CODE, i] == AT:
            answer = _is_address(chunk, i + 1, high)
    return answer


@kernel
def _is_address(chunk: Any, host: int, high: int) -> int:
    """Like `is_url`, for host[:port][/path] alone."""
    end, dot, n_digits_and_dots = host, -1, 0
    while end < high and not _ends_host(chunk[CODE, end]):
        if chunk[CODE, end] == DOT:
            dot = end
        n_digits_and_dots += is_digit(chunk[CODE, end]) or dot == end
        end += 1
    if dot < 0:
        return 0
    if n_digits_and_dots == end - host:
        return -1
    if not (_is_top_level(chunk, dot + 1, end) and _are_labels(chunk, host, dot)):
        return 0
    return _is_port_or_path(chunk, end, high)


@inlined
def _ends_host(code: int) -> bool:
    return (code == COLON) | (code == SLASH) | (code == QUESTION) | (code == HASH)


@inlined
def _is_label_character(code: int) -> bool:
    return 48 <= code <= 57 or 65 <= code <= 90 or 97 <= code <= 122 or 0xA1 <= code <= 0xFFFF


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
    while i < high and _is_scheme_character(chunk[CODE, i], chunk[KIND, i]):
        i += 1
    if i - low >= 2 and i + 2 < high and chunk[CODE, i] == COLON and chunk[CODE, i + 1] == SLASH and chunk[CODE, i + 2] == SLASH:
        return i + 3
    return low


@inlined
def _is_scheme_character(code: int, kind: int) -> bool:
    return is_digit(code) or kind & ALPHA != 0 or (code == UNDERSCORE) | (code == PLUS) | (code == HYPHEN) | (code == DOT)


@kernel
def _is_top_level(chunk: Any, low: int, high: int) -> bool:
    if not 2 <= high - low <= 63:
        return False
    for i in range(low, high):  # noqa: SIM110 (kernels have no generators)
        if not chunk[CLASS, i] & LOWER:
            return False
    return True


@kernel
def _are_labels(chunk: Any, low: int, high: int) -> bool:
    """Labels of 1 to 64 characters between full stops; `-` and `_` only inside them."""
    start = low
    for i in range(low, high + 1):
        if i < high and chunk[CODE, i] != DOT:
            if not (_is_label_character(chunk[CODE, i]) or chunk[CODE, i] == HYPHEN or chunk[CODE, i] == UNDERSCORE):
                return False
            continue
        if not 1 <= i - start <= 64 or not _is_label_character(chunk[CODE, start]) or not _is_label_character(chunk[CODE, i - 1]):
            return False
        start = i + 1
    return True


@kernel
def _is_port_or_path(chunk: Any, i: int, high: int) -> int:
    """1 if `:` and two to five digits, or nothing, lead to a path or the end at `high`."""
    if i < high and chunk[CODE, i] == COLON:
        start = i + 1
        i = start
        while i < high and is_digit(chunk[CODE, i]):
            i += 1
        if i < high and chunk[CODE, i] >= 0x80:
            return -1  # perhaps a digit of another script
        if not 2 <= i - start <= 5:
            return 0
    return 1 if i == high or (_ends_host(chunk[CODE, i]) and chunk[CODE, i] != COLON) else 0

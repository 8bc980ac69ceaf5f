"""Whether a chunk is a URL or an e-mail address by spaCy's expression, in linear time."""

from typing import Any

from curate.kernels.characters import ALNUM, DECIMAL
from curate.kernels.kernel import inlined, kernel
from curate.kernels.marks import AT, COLON, DOT, HASH, HYPHEN, PLUS, QUESTION, SLASH, UNDERSCORE
from curate.words.chunk import CLASS, CODE, KIND, is_digit
from curate.words.spacy_tables import LOWER


@kernel
def is_url(chunk: Any, low: int, high: int) -> bool:
    """Whether characters low:high are a URL for spaCy.

    The form is [scheme://][anything@]host[:port][/path]; if both are present, the scheme is part of `anything`. A host contains no `@`, so only
    the last `@` before each `: / ? #` or the end can precede one.
    """
    if not _may_be_url(chunk, low, high):
        return False
    if _is_address(chunk, _after_scheme(chunk, low, high), high):
        return True
    before_host = False
    for i in range(high - 1, low, -1):
        code = chunk[CODE, i]
        if code == AT and not before_host and _is_address(chunk, i + 1, high):
            return True
        before_host = code == AT or (before_host and not _ends_host(code))
    return False


@kernel
def _is_address(chunk: Any, host: int, high: int) -> bool:
    """Like `is_url`, for host[:port][/path] only."""
    end, dot, n_digits_and_dots = host, -1, 0
    while end < high and not _ends_host(chunk[CODE, end]):
        if chunk[CODE, end] == DOT:
            dot = end
        n_digits_and_dots += dot == end or chunk[KIND, end] & DECIMAL != 0
        end += 1
    if dot < 0:
        return False
    if n_digits_and_dots == end - host:
        return _is_ip(chunk, host, end) and _is_port_or_path(chunk, end, high)
    return _is_top_level(chunk, dot + 1, end) and _are_labels(chunk, host, dot) and _is_port_or_path(chunk, end, high)


@inlined
def _ends_host(code: int) -> bool:
    return (code == COLON) | (code == SLASH) | (code == QUESTION) | (code == HASH)


@inlined
def _is_label_character(code: int) -> bool:
    return 48 <= code <= 57 or 65 <= code <= 90 or 97 <= code <= 122 or 0xA1 <= code <= 0xFFFF


@kernel
def _may_be_url(chunk: Any, low: int, high: int) -> bool:
    """A quick test: a URL has a full stop before two small letters, or the digits and full stops of an IP address."""
    n_dots_before_digits = 0
    for i in range(low + 1, high - 1):
        if chunk[CODE, i] == DOT:
            if i + 2 < high and chunk[CLASS, i + 1] & LOWER and chunk[CLASS, i + 2] & LOWER:
                return True
            n_dots_before_digits += chunk[KIND, i + 1] & DECIMAL != 0
    return n_dots_before_digits >= 3


@kernel
def _after_scheme(chunk: Any, low: int, high: int) -> int:
    """Position of the first character after `scheme://`, or `low`."""
    i = low
    while i < high and _is_scheme_character(chunk[CODE, i], chunk[KIND, i]):
        i += 1
    if i - low >= 2 and i + 2 < high and chunk[CODE, i] == COLON and chunk[CODE, i + 1] == SLASH and chunk[CODE, i + 2] == SLASH:
        return i + 3
    return low


@inlined
def _is_scheme_character(code: int, kind: int) -> bool:
    return kind & ALNUM != 0 or (code == UNDERSCORE) | (code == PLUS) | (code == HYPHEN) | (code == DOT)


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
    """Whether characters are labels of 1 to 64 characters between full stops, with `-` and `_` only inside."""
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
def _is_port_or_path(chunk: Any, i: int, high: int) -> bool:
    """Whether an optional port, `:` and two to five digits of any script, is followed by a path or the end at `high`."""
    if i < high and chunk[CODE, i] == COLON:
        start = i + 1
        i = start
        while i < high and chunk[KIND, i] & DECIMAL:
            i += 1
        if not 2 <= i - start <= 5:
            return False
    return i == high or (_ends_host(chunk[CODE, i]) and chunk[CODE, i] != COLON)


@kernel
def _is_ip(chunk: Any, low: int, high: int) -> bool:
    r"""Whether characters low:high, decimals and full stops, are a public IPv4 address by spaCy's expression.

    Where that says `[0-9]` only digits of ASCII count, where it says `\d` those of any script do.
    """
    n, start, second = 0, low, low
    for i in range(low, high + 1):
        if i < high and chunk[CODE, i] != DOT:
            continue
        n += 1
        if n > 4 or not _is_octet(chunk, start, i, 223 if n == 1 else 254 if n == 4 else 255):
            return False
        if n == 1:
            second = i + 1
        if n == 2 and _is_private(chunk, low, second, i):
            return False
        start = i + 1
    return n == 4


@inlined
def _is_octet(chunk: Any, low: int, high: int, most: int) -> bool:
    """Whether these decimals are at most `most`; leading zeros are allowed only if that is 255."""
    n, first = high - low, chunk[CODE, low]
    if n == 1 or n == 2:
        return most == 255 or 49 <= first <= 57
    if n != 3 or first == 49:
        return n == 3
    second, tens = chunk[CODE, low + 1], 48 + most // 10 % 10
    return first == 50 and is_digit(second) and (second < tens or (second == tens and 48 <= chunk[CODE, low + 2] <= 48 + most % 10))


@inlined
def _is_private(chunk: Any, low: int, second: int, high: int) -> bool:
    """Whether an address is private or local by its octets low:second - 1 and second:high."""
    one, two = _number(chunk, low, second - 1), _number(chunk, second, high)
    if one == 172 and high - second == 2 and chunk[CODE, second] == 50:  # 2 and a digit of any script
        return True
    return one == 10 or one == 127 or (one == 169 and two == 254) or (one == 192 and two == 168) or (one == 172 and 16 <= two <= 31)


@inlined
def _number(chunk: Any, low: int, high: int) -> int:
    """The number that these decimals spell in ASCII without leading zeros, or -1."""
    value = 0
    for i in range(low, high):
        if not is_digit(chunk[CODE, i]) or (i == low and high - low > 1 and chunk[CODE, i] == 48):
            return -1
        value = value * 10 + chunk[CODE, i] - 48
    return value

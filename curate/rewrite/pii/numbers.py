"""Find cards, social security numbers, IPv4 addresses and candidate phone numbers in runs of digit groups."""

from typing import Any

import numpy as np

from curate.kernels.kernel import inlined, kernel
from curate.rewrite.pii.byte_classes import ALNUM, CARD, IP, PHONE, SSN, has_class, is_digit, put

MAX_GROUPS = 64
"""Upper limit of groups in a run; a longer series of numbers is read as several runs."""
MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 7, 15
"""ITU E.164 allows 15 digits; seven are the shortest subscriber numbers in common use."""
MAX_TRUNK_DIGITS = 4
"""Upper limit of digits of an international prefix before those."""


@kernel
def _separator_width(utf8: Any, at: int, stop: int) -> Any:
    """Bytes of a separator allowed inside a number: space . - ( ) / no-break space, hyphens and dashes of U+2010–U+2015; 0 if there is none."""
    byte = utf8[at]
    if byte in (32, 45, 46, 40, 41, 47):
        return 1
    if byte == 0xC2 and at + 1 < stop and utf8[at + 1] == 0xA0:
        return 2
    if byte == 0xE2 and at + 2 < stop and utf8[at + 1] == 0x80 and (0x90 <= utf8[at + 2] <= 0x95 or utf8[at + 2] == 0xAF):
        return 3
    return 0


@kernel
def number_run(utf8: Any, start: int, stop: int, groups: Any) -> Any:
    """Digit groups with at most three separators between neighbours; fills `groups` (starts, ends) and returns their number."""
    n, at = 0, start
    while True:
        groups[0, n] = at
        while at < stop and is_digit(utf8[at]):
            at += 1
        groups[1, n] = at
        n += 1
        if n == MAX_GROUPS:
            return n
        for _ in range(3):
            width = _separator_width(utf8, at, stop) if at < stop else 0
            if width == 0:
                break
            at += width
        if at >= stop or at == groups[1, n - 1] or not is_digit(utf8[at]):
            return n


@kernel
def numbers(utf8: Any, first: int, stop: int, classes: Any, cards: Any, groups: Any, n_groups: int, out: Any, doc: int, n: int) -> Any:
    """Cards, social security numbers, IPv4 and phone candidates in one run of digit groups. Returns the new count."""
    glued_before = has_class(classes, utf8, first, groups[0, 0] - 1, stop, ALNUM) or (groups[0, 0] > first and utf8[groups[0, 0] - 1] == 95)
    for g in range(1 if glued_before else 0, n_groups):
        n_card = _card(utf8, first, stop, classes, cards, groups, n_groups, g)
        if n_card:
            n = put(out, n, doc, groups[0, g], groups[1, g + n_card - 1], CARD)
        if _joined(utf8, groups, n_groups, g, 4, 46) and _is_ipv4(utf8, groups, g):
            n = put(out, n, doc, groups[0, g], groups[1, g + 3], IP)
        if g + 3 <= n_groups and _is_ssn(utf8, groups, n_groups, g):
            n = put(out, n, doc, groups[0, g], groups[1, g + 2], SSN)
    return _phones(utf8, first, stop, classes, groups, n_groups, 1 if glued_before else 0, out, doc, n)


@kernel
def _joined(utf8: Any, groups: Any, n_groups: int, g: int, n: int, mark: int) -> Any:
    """Whether groups g … g+n-1 are joined by the single byte `mark`, and no group before or after is joined to them by it."""
    if g + n > n_groups:
        return False
    for k in range(g, g + n - 1):
        if groups[0, k + 1] - groups[1, k] != 1 or utf8[groups[1, k]] != mark:
            return False
    if g > 0 and groups[0, g] - groups[1, g - 1] == 1 and utf8[groups[1, g - 1]] == mark:
        return False
    last = g + n - 1
    return last + 1 >= n_groups or groups[0, last + 1] - groups[1, last] != 1 or utf8[groups[1, last]] != mark


@kernel
def _is_ipv4(utf8: Any, groups: Any, g: int) -> Any:
    for k in range(g, g + 4):
        value, width = 0, groups[1, k] - groups[0, k]
        if width > 3 or (width > 1 and utf8[groups[0, k]] == 48):
            return False
        for i in range(groups[0, k], groups[1, k]):
            value = value * 10 + utf8[i] - 48
        if value > 255:
            return False
    return True


@kernel
def _is_ssn(utf8: Any, groups: Any, n_groups: int, g: int) -> Any:
    """AAA-GG-SSSS with hyphens; area not 000, 666 or 9xx, group not 00, serial not 0000 (Social Security Administration, since 2011)."""
    if not _joined(utf8, groups, n_groups, g, 3, 45):
        return False
    widths = (groups[1, g] - groups[0, g], groups[1, g + 1] - groups[0, g + 1], groups[1, g + 2] - groups[0, g + 2])
    if widths != (3, 2, 4):
        return False
    area = _value(utf8, groups, g)
    return area not in (0, 666) and area < 900 and _value(utf8, groups, g + 1) > 0 and _value(utf8, groups, g + 2) > 0


@inlined
def _value(utf8: Any, groups: Any, g: int) -> Any:
    value = np.int64(0)
    for i in range(groups[0, g], groups[1, g]):
        value = value * 10 + utf8[i] - 48
    return value


@kernel
def _card(utf8: Any, first: int, stop: int, classes: Any, cards: Any, groups: Any, n_groups: int, g: int) -> Any:
    """Number of groups of a card number that starts at group g, or 0: 12–19 digits together, or 4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4 with one separator."""
    width = groups[1, g] - groups[0, g]
    n = 0
    if 12 <= width <= 19:
        n = 1 if _joined(utf8, groups, n_groups, g, 1, 45) and _joined(utf8, groups, n_groups, g, 1, 46) else 0
    elif width == 4 and g + 2 < n_groups:
        mark = utf8[groups[1, g]]
        if mark == 32 or mark == 45:
            n = _card_groups(utf8, groups, n_groups, g, mark)
    if n == 0 or has_class(classes, utf8, first, groups[1, g + n - 1], stop, ALNUM) or not _may_be_card(utf8, cards, groups, g, n):
        return 0
    return 0 if _inside_token(utf8, first, groups[0, g], classes) else n


@kernel
def _card_groups(utf8: Any, groups: Any, n_groups: int, g: int, mark: int) -> Any:
    second, third = groups[1, g + 1] - groups[0, g + 1], groups[1, g + 2] - groups[0, g + 2]
    if second == 6 and (third == 5 or third == 4) and _joined(utf8, groups, n_groups, g, 3, mark):
        return 3
    if second != 4 or third != 4 or g + 3 >= n_groups or groups[1, g + 3] - groups[0, g + 3] != 4:
        return 0
    if _joined(utf8, groups, n_groups, g, 4, mark):
        return 4
    has_fifth = g + 4 < n_groups and groups[1, g + 4] - groups[0, g + 4] == 3
    return 5 if has_fifth and _joined(utf8, groups, n_groups, g, 5, mark) else 0


@kernel
def _may_be_card(utf8: Any, cards: Any, groups: Any, g: int, n: int) -> Any:
    """Whether the digits are in an issuer's range with its length, and Luhn's check digit is right (ISO/IEC 7812-1)."""
    n_digits, total, prefix, seen = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for k in range(g, g + n):
        n_digits += groups[1, k] - groups[0, k]
    for k in range(g, g + n):
        for i in range(groups[0, k], groups[1, k]):
            digit = np.int64(utf8[i] - 48)
            if seen < 4:
                prefix = prefix * 10 + digit
            doubled = digit * 2 if (n_digits - seen) % 2 == 0 else digit
            total += doubled - 9 if doubled > 9 else doubled
            seen += 1
    if total % 10 != 0:
        return False
    n_fitting = 0
    for r in range(len(cards)):
        n_fitting += cards[r, 0] <= prefix <= cards[r, 1] and cards[r, 2] >> n_digits & 1
    return n_fitting > 0


@kernel
def _inside_token(utf8: Any, first: int, start: int, classes: Any) -> Any:
    """Whether a number is part of a URL, path, file name or identifier."""
    if start > first:
        before = utf8[start - 1]
        if before in (47, 95, 46, 37, 38, 35, 36, 61) or (before == 45 and has_class(classes, utf8, first, start - 2, start, ALNUM)):
            return True
    at = start
    while at > first and start - at < 256 and utf8[at - 1] > 32:
        at -= 1
        if utf8[at] == 58 and at + 2 < start and utf8[at + 1] == 47 and utf8[at + 2] == 47:
            return True
    return False


@kernel
def _phones(utf8: Any, first: int, stop: int, classes: Any, groups: Any, n_groups: int, g: int, out: Any, doc: int, n: int) -> Any:
    """Candidates of 7–15 digits; a new one starts after a slash and after separators of more than two bytes."""
    while g < n_groups:
        last, n_digits = g, groups[1, g] - groups[0, g]
        while last + 1 < n_groups and not _breaks(utf8, groups, last):
            last += 1
            n_digits += groups[1, last] - groups[0, last]
        if MIN_PHONE_DIGITS <= n_digits <= MAX_PHONE_DIGITS + MAX_TRUNK_DIGITS and not _is_measure(utf8, first, stop, classes, groups, g, last):
            start = groups[0, g]
            if start > first and utf8[start - 1] == 40 and _closes(utf8, start, groups[1, last]):
                start -= 1
            if start > first and utf8[start - 1] == 43:
                start -= 1
            if not _inside_token(utf8, first, start, classes):
                n = put(out, n, doc, start, groups[1, last], PHONE)
        g = last + 1
    return n


@inlined
def _closes(utf8: Any, start: int, end: int) -> Any:
    """Whether the first bracket in the range is a closing one."""
    for i in range(start, end):
        if utf8[i] == 40:
            return False
        if utf8[i] == 41:
            return True
    return False


@kernel
def _breaks(utf8: Any, groups: Any, g: int) -> Any:
    width = groups[0, g + 1] - groups[1, g]
    for i in range(groups[1, g], groups[0, g + 1]):
        if utf8[i] == 47:
            return True
        if utf8[i] >= 0x80:
            width -= 1
    return width > 2


@kernel
def _is_measure(utf8: Any, first: int, stop: int, classes: Any, groups: Any, g: int, last: int) -> Any:
    """Whether a run is a date, a decimal, a number with thousands separators, or is followed by letters other than x (an extension)."""
    end = groups[1, last]
    if end < stop and ((classes[utf8[end]] & ALNUM and utf8[end] | 32 != 120) or utf8[end] == 95 or utf8[end] == 37):
        return True
    if end + 1 < stop and utf8[end] == 44 and is_digit(utf8[end + 1]):
        return True
    if groups[0, g] > first + 1 and utf8[groups[0, g] - 1] == 44 and is_digit(utf8[groups[0, g] - 2]):
        return True
    n = last - g + 1
    if n == 2 and utf8[groups[1, g]] == 46 and groups[0, last] - groups[1, g] == 1:
        return True
    after_plus = groups[0, g] > first and utf8[groups[0, g] - 1] == 43
    return (n == 3 or n == 4) and not after_plus and _is_date(utf8, groups, g, n)


@kernel
def _is_date(utf8: Any, groups: Any, g: int, n: int) -> Any:
    """Whether groups are year-month-day, possibly with an hour, or day-month-year; the year begins with 1 or 2."""
    a, b, c = groups[1, g] - groups[0, g], groups[1, g + 1] - groups[0, g + 1], groups[1, g + 2] - groups[0, g + 2]
    if n == 4:
        return a == 4 and b <= 2 and c <= 2 and utf8[groups[1, g]] != 32 and 49 <= utf8[groups[0, g]] <= 50
    year = groups[0, g] if a == 4 else groups[0, g + 2]
    return b <= 2 and ((a == 4 and c <= 2) or (a <= 2 and c == 4)) and 49 <= utf8[year] <= 50

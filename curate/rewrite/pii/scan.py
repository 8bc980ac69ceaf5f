"""Find candidates of personal data in one pass over bytes: mail addresses, IBANs, cards, social security numbers, IP addresses, phone numbers.

IP addresses and phone numbers need a check by `curate.rewrite.pii.checks`; all others are final. A byte that is not a digit, `@` or `:` costs one table
lookup.
"""

from typing import Any

import numpy as np

from curate.kernels.hashing import BASE, set_slot
from curate.kernels.kernel import inlined, kernel
from curate.rewrite.pii.byte_classes import ALNUM, CLASSES, DOMAIN, EMAIL, HEX, IBAN, IP, LETTER, LOCAL, Candidates, has_class, is_digit, put
from curate.rewrite.pii.numbers import MAX_GROUPS, MIN_PHONE_DIGITS, number_run, numbers
from curate.rewrite.pii.tables import CARD_RANGES, IBAN_LENGTHS, top_level_domains

_PLAIN, _DIGIT, _AT, _COLON = 0, 1, 2, 3


def _triggers() -> np.ndarray:
    table = np.zeros(256, np.uint8)
    table[48:58] = _DIGIT
    table[ord("@")] = _AT
    table[ord(":")] = _COLON
    return table


TRIGGERS = _triggers()


def scan(utf8: np.ndarray, offsets: np.ndarray) -> Candidates:
    """All candidates in the documents utf8[offsets[d] : offsets[d + 1]], read-only (n_bytes,) uint8 and (n_docs + 1,) int64. `kind` is an index in SCANNED."""
    groups = np.zeros((2, MAX_GROUPS + 1), np.int64)
    n_room = max(1024, int(offsets[-1] - offsets[0]) // 64)
    while True:
        candidates = Candidates(*(np.empty(n_room, kind) for kind in (np.int64, np.int64, np.int64, np.uint8)))
        n = _scan(utf8, offsets, TRIGGERS, CLASSES, top_level_domains(), IBAN_LENGTHS, CARD_RANGES, groups, candidates)
        if n <= n_room:
            return Candidates(*(column[:n] for column in candidates))
        n_room = n


@kernel
def _scan(utf8: Any, offsets: Any, triggers: Any, classes: Any, tlds: Any, iban_lengths: Any, cards: Any, groups: Any, out: Any) -> Any:
    n = 0
    for doc in range(len(offsets) - 1):
        first, stop = offsets[doc], offsets[doc + 1]
        i = first
        while i < stop:
            trigger = triggers[utf8[i]]
            if trigger == _PLAIN:
                i += 1
            elif trigger == _DIGIT:
                n = _iban(utf8, first, i, stop, classes, iban_lengths, out, doc, n)
                n_groups = number_run(utf8, i, stop, groups)
                end = groups[1, n_groups - 1]
                if end - i >= MIN_PHONE_DIGITS:
                    n = numbers(utf8, first, stop, classes, cards, groups, n_groups, out, doc, n)
                i = end
            elif trigger == _AT:
                n = _email(utf8, first, i, stop, classes, tlds, out, doc, n)
                i += 1
            else:
                i, n = _ipv6(utf8, first, i, stop, classes, out, doc, n)
    return n


@kernel
def _iban(utf8: Any, first: int, at: int, stop: int, classes: Any, lengths: Any, out: Any, doc: int, n: int) -> Any:
    """An IBAN (ISO 13616) whose check digits start at `at`: a country, its length, remainder 1 modulo 97; spaces only after each four characters."""
    start = at - 2
    if not (has_class(classes, utf8, first, start, stop, LETTER) and has_class(classes, utf8, first, at - 1, stop, LETTER)):
        return n
    if has_class(classes, utf8, first, start - 1, stop, ALNUM) or not (at + 1 < stop and is_digit(utf8[at + 1])):
        return n
    length = lengths[(utf8[start] | 32) - 97, (utf8[start + 1] | 32) - 97]
    remainder, seen, i = np.int64(0), 4, at + 2
    while seen < length:
        if i < stop and utf8[i] == 32 and seen % 4 == 0:
            i += 1
        if not has_class(classes, utf8, first, i, stop, ALNUM):
            return n
        remainder = _mod97(remainder, utf8[i])
        seen += 1
        i += 1
    if length == 0 or has_class(classes, utf8, first, i, stop, ALNUM):
        return n
    for k in range(start, start + 4):
        remainder = _mod97(remainder, utf8[k])
    return put(out, n, doc, start, i, IBAN) if remainder == 1 else n


@inlined
def _mod97(remainder: Any, byte: Any) -> Any:
    if is_digit(byte):
        return (remainder * 10 + byte - 48) % 97
    return (remainder * 100 + (byte | 32) - 87) % 97


@kernel
def _email(utf8: Any, first: int, at: int, stop: int, classes: Any, tlds: Any, out: Any, doc: int, n: int) -> Any:
    """The mail address around an `@`: as much local part and domain as the definition in `curate.rewrite.pii.find` allows."""
    start = at
    while start > first and at - start < 64 and classes[utf8[start - 1]] & LOCAL and not (utf8[start - 1] == 46 and (start == at or utf8[start] == 46)):
        start -= 1
    while start < at and (not (classes[utf8[start]] & ALNUM or utf8[start] == 95 or utf8[start] >= 0xC0)):
        start += 1
    end = _domain_end(utf8, at + 1, stop, classes, tlds) if start < at else -1
    return put(out, n, doc, start, end, EMAIL) if end > 0 else n


@kernel
def _domain_end(utf8: Any, begin: int, stop: int, classes: Any, tlds: Any) -> Any:
    """Where a domain ends that starts at `begin`, after the last label that is a top-level domain; -1 if there is none."""
    end, label, at, n_labels = -1, begin, begin, 0
    hashed = np.uint64(0)
    while at < stop and at - begin < 253:
        hashed = np.uint64(0)
        while at < stop and classes[utf8[at]] & DOMAIN and utf8[at] != 46:
            byte = utf8[at] | 32 if classes[utf8[at]] & LETTER else utf8[at]
            hashed = hashed * BASE + np.uint64(byte + 1)
            at += 1
        width = at - label
        if width == 0 or width > 63 or utf8[label] == 45 or utf8[at - 1] == 45:
            return end
        n_labels += 1
        if n_labels > 1 and set_slot(tlds, hashed) >= 0:
            end = at
        if at >= stop or utf8[at] != 46:
            return end
        at += 1
        label = at
    return end


@kernel
def _ipv6(utf8: Any, first: int, at: int, stop: int, classes: Any, out: Any, doc: int, n: int) -> Any:
    """Candidate IPv6 address: a run of hexadecimal digits and colons around a colon, with eight groups or `::`. Returns where to continue, and the count."""
    start, end, n_colons, doubled = at, at, 0, False
    while start > first and classes[utf8[start - 1]] & HEX and at - start < 5:
        start -= 1
    while end < stop and (classes[utf8[end]] & HEX or utf8[end] == 58):
        if utf8[end] == 58:
            n_colons += 1
            doubled |= end > start and utf8[end - 1] == 58
        end += 1
    glued = has_class(classes, utf8, first, start - 1, stop, ALNUM) or has_class(classes, utf8, first, end, stop, ALNUM)
    stripped = end - 1 if utf8[end - 1] == 58 and not (end - 2 >= start and utf8[end - 2] == 58) else end
    if not glued and 2 <= n_colons <= 8 and (doubled or n_colons >= 7) and stripped - start >= 4:
        n = put(out, n, doc, start, stripped, IP)
    return max(end, at + 1), n

"""Compares addresses with lists: whether the host, the whole address, or words in it are listed."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.kernel import inlined, kernel
from curate.lists.files import url_entries
from curate.lists.hashes import WordSet, extended, has, string_set, word_set
from curate.lists.recipe import UrlListsRecipe
from curate.lists.suffixes import suffix_rules

SIGNALS = ("url_domain_blocked", "url_host_blocked", "url_parent_blocked", "url_blocked", "n_url_hard_words", "n_url_soft_words", "n_url_subwords")
"""1 or 0: the registrable domain (`example.co.uk`), the whole host, a domain between them (`b.example.co.uk` of `a.b.example.co.uk`), or the whole
address is listed; then counts of distinct listed words, and of positions where a listed subword occurs. Null for documents without address."""
_MAX_HOST = 253
_MAX_LABELS = 127
_DOT = 46


class Suffixes(NamedTuple):
    """Tables of the Public Suffix List: plain rules, wildcard rules without `*.`, and exceptions without `!`."""

    rules: np.ndarray
    wildcards: np.ndarray
    exceptions: np.ndarray


class UrlLists(NamedTuple):
    """Hash tables of all entries by kind."""

    hosts: np.ndarray
    urls: np.ndarray
    hard_words: np.ndarray
    soft_words: np.ndarray
    subwords: WordSet
    suffixes: Suffixes


def load_url_lists(recipe: UrlListsRecipe) -> UrlLists:
    """Read all lists. Raises CurateError for a file that cannot be read or has no entries."""
    entries: dict[str, list[str]] = {kind: [] for kind in ("domains", "urls", "adblock", "hard_words", "soft_words", "subwords")}
    for url_list in recipe.lists:
        entries[url_list.kind] += url_entries(url_list.path, url_list.kind)
    return UrlLists(
        string_set(entries["domains"] + entries["adblock"]),
        string_set(entries["urls"]),
        string_set(entries["hard_words"]),
        string_set(entries["soft_words"]),
        word_set(entries["subwords"]),
        suffixes(recipe.private_suffixes),
    )


@cache
def suffixes(private: bool) -> Suffixes:
    """The Public Suffix List as tables."""
    rules = suffix_rules(private)
    return Suffixes(
        string_set([rule for rule in rules if rule[0] not in "*!"]),
        string_set([rule[2:] for rule in rules if rule.startswith("*.")]),
        string_set([rule[1:] for rule in rules if rule.startswith("!")]),
    )


def measure_urls(urls: pa.Array, lists: UrlLists) -> dict[str, pa.Array]:
    """SIGNALS of each address, (n,) int64; `urls` (n,) strings or nulls. Hosts and words are compared in lower case; datatrove's URLFilter
    does not lower-case them, so that words with capitals never match its lists."""
    utf8, offsets = (frozen(array) for array in text_buffers(urls))
    values = np.zeros((len(SIGNALS), len(urls)), np.int64)
    scratch = np.empty(max(_MAX_LABELS + 1, int(np.diff(offsets).max(initial=0)) + 1), np.int64)
    seen = np.empty(len(scratch), np.uint64)
    _measure(utf8, offsets, lists, scratch, seen, values)
    absent = np.diff(offsets) == 0
    return {name: pa.array(column, mask=absent) for name, column in zip(SIGNALS, values, strict=True)}


@kernel
def _measure(utf8: Any, offsets: Any, lists: Any, scratch: Any, seen: Any, values: Any) -> None:
    for doc in range(len(offsets) - 1):
        first, stop = offsets[doc], offsets[doc + 1]
        start, end = _host(utf8, first, stop)
        if 0 < end - start <= _MAX_HOST:
            values[0, doc], values[1, doc], values[2, doc] = _listed_parts(utf8, start, end, lists, scratch)
        whole = np.uint64(0)
        for i in range(first, stop):
            whole = extended(whole, utf8[i])
        values[3, doc] = has(lists.urls, whole)
        values[4, doc] = _listed_words(utf8, first, stop, lists.hard_words, seen)
        values[5, doc] = _listed_words(utf8, first, stop, lists.soft_words, seen)
        values[6, doc] = _listed_subwords(utf8, first, stop, lists.subwords, scratch)


@inlined
def _small(byte: Any) -> Any:
    """An ASCII byte in lower case."""
    return byte | 32 if 65 <= byte <= 90 else byte


@inlined
def _is_alnum(byte: Any) -> Any:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122


@kernel
def _host(utf8: Any, first: int, stop: int) -> Any:
    """Start and end of the host of an address: after an optional scheme, `//` and user, before port, path and query."""
    start = first
    while start < stop and (_is_alnum(utf8[start]) or utf8[start] in (43, 45, 46)):
        start += 1
    if start < stop and utf8[start] == 58:
        start += 1
    elif start > first:
        start = stop
    start = start + 2 if start + 1 < stop and utf8[start] == 47 and utf8[start + 1] == 47 else first
    end = start
    while end < stop and utf8[end] not in (47, 63, 35):
        end += 1
    for i in range(start, end):
        if utf8[i] == 64:
            start = i + 1
    if start < end and utf8[start] == 91:
        close = start
        while close < end and utf8[close] != 93:
            close += 1
        return start, min(close + 1, end)
    for i in range(start, end):
        if utf8[i] == 58:
            end = i
            break
    while end > start and utf8[end - 1] == _DOT:
        end -= 1
    return start, end


@kernel
def _listed_parts(utf8: Any, start: int, end: int, lists: Any, labels: Any) -> Any:
    """Whether the registrable domain, the host, and a domain between them are listed. A public suffix alone never counts."""
    n = 0
    for i in range(start, end):
        if (i == start or utf8[i - 1] == _DOT) and n < _MAX_LABELS:
            labels[n] = i
            n += 1
    domain = _registrable(utf8, end, lists.suffixes, labels, n)
    host = has(lists.hosts, _hash(utf8, start, end)) and (domain >= 0 or not _is_suffix(utf8, start, end, lists.suffixes))
    between = False
    for k in range(1, max(domain, 0)):
        between |= has(lists.hosts, _hash(utf8, labels[k], end))
    return domain >= 0 and has(lists.hosts, _hash(utf8, labels[domain], end)), host, between


@kernel
def _registrable(utf8: Any, end: int, rules: Any, labels: Any, n: int) -> Any:
    """Index of the label that begins the registrable domain (https://publicsuffix.org/list/, section Algorithm).

    -1 for a host without a known suffix, such as an IP address.
    """
    for k in range(n):
        value = _hash(utf8, labels[k], end)
        if has(rules.exceptions, value):
            return k
        if has(rules.rules, value) or (k + 1 < n and has(rules.wildcards, _hash(utf8, labels[k + 1], end))):
            return k - 1
    return -1


@inlined
def _is_suffix(utf8: Any, start: int, end: int, rules: Any) -> Any:
    return has(rules.rules, _hash(utf8, start, end))


@inlined
def _hash(utf8: Any, start: int, end: int) -> Any:
    value = np.uint64(0)
    for i in range(start, end):
        value = extended(value, _small(utf8[i]))
    return value


@kernel
def _listed_words(utf8: Any, first: int, stop: int, words: Any, seen: Any) -> Any:
    """Number of distinct listed words; words are runs of ASCII letters and digits."""
    n, at = 0, first
    while at < stop:
        end = at
        while end < stop and _is_alnum(utf8[end]):
            end += 1
        if end > at:
            value = _hash(utf8, at, end)
            is_new = has(words, value)
            for k in range(n):
                is_new &= seen[k] != value
            if is_new:
                seen[n] = value
                n += 1
        at = end + 1
    return n


@kernel
def _listed_subwords(utf8: Any, first: int, stop: int, words: Any, letters: Any) -> Any:
    """Number of positions in the joined letters and digits of an address at which a listed string begins."""
    n, count = 0, 0
    for i in range(first, stop):
        if _is_alnum(utf8[i]):
            letters[n] = _small(utf8[i])
            n += 1
    for begin in range(n):
        value = np.uint64(0)
        for i in range(begin, n):
            value = extended(value, letters[i])
            if not has(words.beginnings, value):
                break
            if has(words.words, value):
                count += 1
                break
    return count

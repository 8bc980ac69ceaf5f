r"""C4's line rules (Raffel et al. 2020, arXiv 1910.10683, section 2.2) as C4QualityFilter of datatrove 0.10 reads them.

They change the text: lines that do not read like sentences are dropped, and citation marks are removed. Two rules concern the whole document (lorem ipsum,
curly bracket); they only set a flag, and a rule set decides on it. Each line of `str.splitlines` is stripped and passes the rules in this order, so only a
line that passed the rules before sets a flag: long word, citations, end mark, number of words, lorem ipsum, JavaScript, curly bracket, policy phrases.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.characters import character_table
from curate.kernels.kernel import inlined, kernel
from curate.kernels.lines import strip_end, strip_start
from curate.kernels.marks import NEWLINE
from curate.rewrite.c4.phrases import HAS_BRACKET, HAS_CURLY, JAVASCRIPT, LOREM, POLICY, byte_kinds, digit_table
from curate.rewrite.c4.scan import after_break, ends_sentence, has_long_word, has_words, scan_line, without_citations

COLUMNS = (
    "c4_dropped_too_long_word",
    "c4_dropped_no_terminal_punct",
    "c4_dropped_too_few_words",
    "c4_dropped_javascript",
    "c4_dropped_policy",
    "c4_removed_citations",
    "c4_lorem_ipsum",
    "c4_curly_bracket",
)
"""Lines dropped by each rule (the first that drops them); citation marks removed from kept lines; and the flags, 0 or 1."""

_LONG_WORD, _NO_END, _FEW_WORDS, _JAVASCRIPT, _POLICY, _CITATIONS, _LOREM, _CURLY = range(len(COLUMNS))
_KEPT = -1
_NO_LIMIT = np.iinfo(np.int64).max


class C4Rules(NamedTuple):
    """Which rules are applied; names and defaults are those of datatrove's parameters."""

    remove_citations: bool = True
    filter_no_terminal_punct: bool = True
    min_words_per_line: int = 3
    """0 drops none."""
    max_word_length: int | None = 1000
    """In characters; None: no limit."""
    filter_lorem_ipsum: bool = True
    filter_javascript: bool = True
    filter_curly_bracket: bool = True
    filter_policy: bool = True


ALL_RULES = C4Rules()


class C4Lines(NamedTuple):
    """The remaining texts of some documents, and their counts."""

    texts: pa.Array
    """(n_docs,) large_string: kept lines, joined by newlines, stripped. The input array itself if nothing changed."""
    changed: np.ndarray
    """(n_docs,) bool."""
    columns: dict[str, np.ndarray]
    """Name → (n_docs,) int64, see COLUMNS."""


class _Lines(NamedTuple):
    """Kept lines of one document: utf8[starts:ends], or clean[starts:ends] if citations were removed."""

    starts: np.ndarray
    ends: np.ndarray
    is_clean: np.ndarray
    clean: np.ndarray


def c4_lines(texts: pa.Array, rules: C4Rules = ALL_RULES) -> C4Lines:
    """Apply the line rules to `texts`, an Arrow string or large_string array (n_docs,); a null counts as an empty text.

    For documents that datatrove keeps, the text equals datatrove's. At most one of the two flags is set, by the first line that sets one. Datatrove stops
    there; here the document's other lines are cleaned too, and the line with the flag stays. Nothing is copied if no document changes. Raises CurateError
    if `texts` does not contain strings.
    """
    utf8, offsets = (frozen(array) for array in text_buffers(texts))
    n_docs, longest = len(offsets) - 1, int(np.max(np.diff(offsets), initial=0))
    counts, changed = np.zeros((len(COLUMNS), n_docs), np.int64), np.zeros(n_docs, bool)
    # The system provides memory only for the part that is written: as many lines as a document has.
    lines = _Lines(np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64), np.empty(longest + 1, bool), np.empty(longest, np.uint8))
    out, out_offsets = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.zeros(n_docs + 1, np.int64)
    limit = _NO_LIMIT if rules.max_word_length is None else rules.max_word_length
    tables = (byte_kinds(), character_table(), digit_table())
    if _rewrite(utf8, offsets, *tables, rules._replace(max_word_length=limit), lines, counts, changed, out, out_offsets):
        texts = pa.LargeStringArray.from_buffers(n_docs, pa.py_buffer(out_offsets), pa.py_buffer(out[: out_offsets[-1]]))
    return C4Lines(texts, changed, dict(zip(COLUMNS, counts, strict=True)))


@kernel
def _rewrite(utf8: Any, offsets: Any, kinds: Any, characters: Any, digits: Any, rules: Any, lines: Any, counts: Any, changed: Any, out: Any, to: Any) -> bool:
    """Write all documents to `out` and their ends to `to`, unless none changes. Consecutive unchanged documents are copied at once."""
    waiting, n = offsets[0], 0
    for doc in range(len(offsets) - 1):
        start, end = offsets[doc], offsets[doc + 1]
        n_lines = _kept_lines(utf8, start, end, kinds, characters, digits, rules, lines, counts, doc)
        if n_lines >= 0:
            changed[doc] = True
            n = _copy(utf8, waiting, start, out, n)
            n = _write_lines(utf8, lines, n_lines, characters, out, n)
            waiting = end
        to[doc + 1] = n + end - waiting
    if waiting == offsets[0] and not np.any(changed):
        return False
    _copy(utf8, waiting, offsets[-1], out, n)
    return True


@inlined
def _copy(source: Any, start: int, end: int, out: Any, n: int) -> int:
    for i in range(end - start):
        out[n + i] = source[start + i]
    return n + end - start


@kernel
def _kept_lines(utf8: Any, start: int, end: int, kinds: Any, characters: Any, digits: Any, rules: Any, lines: Any, counts: Any, doc: int) -> int:
    """Collect the document's kept lines → their number, or -1 if the document does not change."""
    i, n, n_clean = start, 0, 0
    same, ends_with_break = True, False
    while i < end:
        line = i
        stop, seen = scan_line(utf8, line, end, kinds, characters)
        i = after_break(utf8, stop, end)
        first = strip_start(utf8, line, stop, characters)
        last = strip_end(utf8, first, stop, characters)
        n_citations = 0
        if rules.remove_citations and seen & HAS_BRACKET:
            n_citations, clean_end = without_citations(utf8, first, last, digits, lines.clean, n_clean)
        if n_citations:
            seen = scan_line(lines.clean, n_clean, clean_end, kinds, characters)[1]
            is_end = ends_sentence(lines.clean, n_clean, clean_end)
            lines.starts[n], lines.ends[n] = n_clean, clean_end
        else:
            is_end = ends_sentence(utf8, first, last)
            lines.starts[n], lines.ends[n] = first, last
        lines.is_clean[n] = n_citations > 0
        fate = _fate(utf8, first, last, is_end, seen, characters, rules, counts, doc)
        ends_with_break = stop < i
        is_newline = not ends_with_break or (i == stop + 1 and utf8[stop] == NEWLINE)
        same = same and fate == _KEPT and n_citations == 0 and first == line and last == stop and is_newline
        if fate != _KEPT:
            counts[fate, doc] += 1
            continue
        counts[_CITATIONS, doc] += n_citations
        n_clean = lines.ends[n] if n_citations else n_clean
        n += 1
    if same and not ends_with_break and (n == 0 or lines.starts[0] < lines.ends[0]):
        return -1
    return n


@inlined
def _fate(utf8: Any, first: int, last: int, is_end: bool, seen: int, characters: Any, rules: Any, counts: Any, doc: int) -> int:
    """The rule that drops the line with the words utf8[first:last], or _KEPT; sets the document's flags."""
    if has_long_word(utf8, first, last, rules.max_word_length, characters):
        return _LONG_WORD
    if rules.filter_no_terminal_punct and not is_end:
        return _NO_END
    if not has_words(utf8, first, last, rules.min_words_per_line, characters):
        return _FEW_WORDS
    if rules.filter_lorem_ipsum and seen & LOREM and not counts[_CURLY, doc]:
        counts[_LOREM, doc] = 1
    if rules.filter_javascript and seen & JAVASCRIPT:
        return _JAVASCRIPT
    if rules.filter_curly_bracket and seen & HAS_CURLY and not counts[_LOREM, doc]:
        counts[_CURLY, doc] = 1
    return _POLICY if rules.filter_policy and seen & POLICY else _KEPT


@kernel
def _write_lines(utf8: Any, lines: Any, n_lines: int, characters: Any, out: Any, n: int) -> int:
    """Join the lines from out[n] on and strip the result → its end."""
    first = n
    for line in range(n_lines):
        if line > 0:
            out[n] = NEWLINE
            n += 1
        if lines.is_clean[line]:
            n = _copy(lines.clean, lines.starts[line], lines.ends[line], out, n)
        else:
            n = _copy(utf8, lines.starts[line], lines.ends[line], out, n)
    end = strip_end(out, first, n, characters)
    start = strip_start(out, first, end, characters)
    return first + end - start if start == first else _copy(out, start, end, out, first)

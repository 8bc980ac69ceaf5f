r"""Unicode repair: ftfy's `fix_text` (Robyn Speer, https://ftfy.readthedocs.io), called only on the lines that need it.

There are two modes. FIX repairs what is broken: mojibake, HTML entities, control characters, terminal escapes, line breaks. These are datatrove's
settings of ftfy, plus \n for other line breaks. NORMALIZE does everything that ftfy can: also straight quotes, half-width forms, no ligatures, normal form C.
That unifies English text but is wrong for Chinese and Japanese, whose punctuation is full-width.

ftfy works line by line at about 1.5 MB/s, and most lines need no repair, or only other quotes and line breaks. A kernel therefore skips lines of plain
ASCII. A compiled pattern, run by polars over the other lines, finds those that ftfy could change; the rest are changed by simple replacements with the same
result. The pattern may match too many lines but never misses one: its mojibake part is ftfy's own expression.

ftfy runs until nothing changes, one pass for each level of `&amp;amp;amp;`, and sorts combining marks by insertion. Both take quadratic time on hostile
lines, so here entities are decoded at most MOST_LEVELS deep and marks are sorted in pieces (`normal_forms`).
"""

import re
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from ftfy import TextFixerConfig, chardata, fix_text
from ftfy.badness import BADNESS_RE
from ftfy.fixes import unescape_html

from curate.kernels.buffers import text_buffers
from curate.kernels.kernel import kernel
from curate.kernels.normal_forms import is_normal_form, pieces_of_marks

_STRAIGHT_QUOTES = {"‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "‟": '"'}
_LINE_BREAKS = {"\r": "\n"}

_SUSPECT = np.zeros(256, np.bool_)
_SUSPECT[128:] = True
_SUSPECT[: ord(" ")] = True
_SUSPECT[[ord("\t"), ord("\n")]] = False
_SUSPECT[[ord("&"), 127]] = True

MOST_LEVELS = 16
"""Upper limit of decoded levels of nested HTML entities; ordinary text has one or two."""
_MAY_NEST = re.compile("[&＆][^ &＆]*[;；]")
"""Matches a decoded line that may still contain entities once other faults are repaired."""


class Mode(NamedTuple):
    """What is repaired: ftfy's configuration, and simple replacements that equal it on lines that `needs_ftfy` does not match."""

    config: TextFixerConfig
    simple: dict[str, str]
    needs_ftfy: str
    """Pattern for the Rust regex engine; matches lines in which ftfy may do more than `simple`."""


def fix_unicode(texts: pa.Array, mode: Mode) -> tuple[pa.Array, np.ndarray]:
    """Texts (n_docs,) large_string, no nulls → repaired texts, and whether each changed, (n_docs,) bool.

    Equals `ftfy.fix_text(text, mode.config)` on each text whose entities nest at most MOST_LEVELS deep and whose runs of combining marks are not longer than
    `normal_forms` sorts together.
    """
    where, is_nfc = _faulty(texts, mode)
    if not len(where):
        return texts, np.zeros(len(texts), dtype=bool)
    before = pl.Series("text", texts)
    after = before.clone().scatter(where, _fix(before.gather(where), pl.Series(~is_nfc), mode))
    return after.to_arrow(compat_level=pl.CompatLevel.oldest()), (after != before).to_numpy()


class Suspects(NamedTuple):
    """Lines that may need repair: `docs` (n_lines,) int64 ascending, and `lines` (n_lines,) large_string with their final line feeds."""

    docs: np.ndarray
    lines: pa.Array


def suspect_lines(texts: pa.Array) -> Suspects:
    r"""The lines of texts (n_docs,) large_string that contain bytes other than tabs and printable ASCII without `&`. Lines end at \n."""
    utf8, offsets = text_buffers(texts)
    nothing = np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
    n_lines, n_bytes = _collect(utf8, offsets, _SUSPECT, *nothing, False)
    copied, docs, ends = np.empty(n_bytes, np.uint8), np.empty(n_lines, np.int64), np.empty(n_lines, np.int64)
    _collect(utf8, offsets, _SUSPECT, copied, docs, ends, True)
    line_offsets = np.concatenate([np.zeros(1, np.int64), ends])
    return Suspects(docs, pa.LargeStringArray.from_buffers(n_lines, pa.py_buffer(line_offsets), pa.py_buffer(copied)))


@kernel
def _collect(utf8: Any, offsets: Any, suspect: Any, copied: Any, docs: Any, ends: Any, copy: bool) -> Any:
    """Count suspect lines and their bytes, and with `copy` also copy them. Two passes cost less than memory for all text if few lines are suspect."""
    n_lines = n_bytes = 0
    for doc in range(len(offsets) - 1):
        at, stop = offsets[doc], offsets[doc + 1]
        start = at
        while at < stop:
            byte = utf8[at]
            at += 1
            if byte == 10:
                start = at
            elif suspect[byte]:
                while at < stop and utf8[at - 1] != 10:
                    at += 1
                if copy:
                    for offset in range(at - start):
                        copied[n_bytes + offset] = utf8[start + offset]
                n_bytes += at - start
                if copy:
                    docs[n_lines], ends[n_lines] = doc, n_bytes
                n_lines += 1
                start = at
    return n_lines, n_bytes


def _faulty(texts: pa.Array, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
    """Documents that the mode may change, (n,) int64 ascending, and whether each is in normal form C; all True if the mode does not normalize."""
    suspects = suspect_lines(texts)
    lines = pl.Series(suspects.lines)
    is_nfc = _is_nfc(lines) if mode.config.normalization else pl.repeat(True, len(lines), dtype=pl.Boolean, eager=True)
    faulty = (lines.str.contains(mode.needs_ftfy) | lines.str.contains("[" + "".join(mode.simple) + "]") | ~is_nfc).to_numpy()
    where, index = np.unique(suspects.docs[faulty], return_inverse=True)
    all_nfc = np.ones(len(where), dtype=bool)
    np.logical_and.at(all_nfc, index, is_nfc.to_numpy()[faulty])
    return where, all_nfc


def _fix(texts: pl.Series, not_nfc: pl.Series, mode: Mode) -> pl.Series:
    r"""Split into lines, repair each by ftfy or by simple replacements, join. Lines end at \n only, as in ftfy, so a lone \r stays inside."""
    lines = pl.DataFrame({"line": texts.str.replace_all("\r\n", "\n", literal=True).str.split("\n"), "not_nfc": not_nfc})
    lines = lines.with_row_index("doc").with_columns(pl.col("doc").cast(pl.Int64)).explode("line")
    is_last = pl.col("doc") != pl.col("doc").shift(-1, fill_value=-1)
    # ftfy sees a line with its final line feed, which can be the white space that some mojibake ends with.
    lines = lines.with_columns(is_last=is_last, end=pl.when(is_last).then(pl.lit("")).otherwise(pl.lit("\n")))
    where = ((lines["line"] + lines["end"]).str.contains(mode.needs_ftfy) | lines["not_nfc"]).arg_true()
    # ftfy stops unescaping HTML entities at the first line with a "<", because the text may be intentional HTML from there on.
    html = pl.col("line").str.contains("<", literal=True).cum_max().over("doc")
    chosen = lines.select("line", "is_last", "end", is_html=html)[where]
    result = _simple(lines["line"], mode).scatter(where, _fix_lines(chosen, mode))
    return lines.select("doc", line=result).group_by("doc", maintain_order=True).agg(pl.col("line").str.join("\n"))["line"]


def _fix_lines(chosen: pl.DataFrame, mode: Mode) -> pl.Series:
    """Repair lines by ftfy. Most have only HTML entities, which ftfy decodes first; only lines with other faults are passed to ftfy."""
    decoded = pl.Series([line if is_html else unescape_html(line) for line, is_html in chosen.select("line", "is_html").iter_rows()], dtype=pl.String)
    where = ((decoded + chosen["end"]).str.contains(mode.needs_ftfy) | (~_is_nfc(decoded) if mode.config.normalization else False)).arg_true()
    fixed = pl.Series(
        [_fix_line(line, is_html, is_last, mode.config) for line, is_html, is_last in chosen[where].select("line", "is_html", "is_last").iter_rows()],
        dtype=pl.String,
    )
    return _simple(decoded, mode).scatter(where, fixed)


def _simple(lines: pl.Series, mode: Mode) -> pl.Series:
    return lines.str.replace_many(list(mode.simple), list(mode.simple.values()))


def _fix_line(line: str, is_html: bool, is_last: bool, config: TextFixerConfig) -> str:
    r"""Repair a line as ftfy does, which sees it with its \n. Each \r before the \n is a separate line break here; ftfy would merge them."""
    body = line.rstrip("\r")
    n_breaks = len(line) - len(body)
    if is_html:
        config = config._replace(unescape_html=False)
    return _fix_pieces(body, config) if is_last and not n_breaks else _fix_pieces(body + "\n", config)[:-1] + "\n" * n_breaks


def _fix_pieces(line: str, config: TextFixerConfig) -> str:
    """ftfy's `fix_text` of a line, in linear time."""
    pieces = pieces_of_marks(line) if config.normalization else [line]
    return "".join(_fix_levels(piece, config) for piece in pieces)


def _fix_levels(line: str, config: TextFixerConfig) -> str:
    """`fix_text` with at most MOST_LEVELS passes over entities; deeper ones stay encoded."""
    if not config.unescape_html or line.count(";") <= MOST_LEVELS or not _MAY_NEST.search(unescape_html(line)):
        return fix_text(line, config)
    once, fixed = config._replace(unescape_html=False), line
    for _ in range(MOST_LEVELS):
        before, fixed = fixed, fix_text(unescape_html(fixed), once)
        if fixed == before:
            return fix_text(line, config)
    return fixed


def _is_nfc(texts: pl.Series) -> pl.Series:
    return pl.Series([is_normal_form("NFC", text) for text in texts], dtype=pl.Boolean)


def _needs_ftfy(changed: list[int]) -> str:
    """A pattern for the Rust regex engine that matches every line which ftfy repairs, or in which it changes one of the code points."""
    plain = "".join(f"\\x{{{code:x}}}" for code in sorted(set(changed) - {ord(" ")}))
    entity = "&[#0-9A-Za-z]+;"
    return f"[{plain}\\x1b\\x{{80}}-\\x{{9f}}\\u2028\\u2029]|{entity}|(?mx:{_for_rust(BADNESS_RE.pattern)})"


def _for_rust(pattern: str) -> str:
    r"""ftfy's verbose pattern in Rust's dialect: spaces and operators inside classes escaped, \w replaced by a wider class than either engine's."""
    out, in_class, in_comment = [], False, False
    for index, char in enumerate(pattern):
        if in_comment:
            in_comment = char != "\n"
        elif in_class:
            in_class = char != "]" or pattern[index - 1] == "["
            out.append(f"\\x{{{ord(char):x}}}" if char in " #&~" else char)
        elif char == "#":
            in_comment = True
        else:
            in_class = char == "["
            out.append(char)
    return "".join(out).replace("\\w", "\\S").rstrip(" |\n")


FIX = Mode(
    TextFixerConfig(explain=False, fix_latin_ligatures=False, fix_character_width=False, uncurl_quotes=False, normalization=None),
    _LINE_BREAKS,
    _needs_ftfy([*chardata.CONTROL_CHARS]),
)
NORMALIZE = Mode(
    TextFixerConfig(explain=False),
    _LINE_BREAKS | _STRAIGHT_QUOTES,
    _needs_ftfy([*chardata.CONTROL_CHARS, *chardata.LIGATURES, *chardata.WIDTH_MAP]),
)
MODES = {"fix": FIX, "normalize": NORMALIZE}

r"""Unicode repair: ftfy's `fix_text` (Robyn Speer, https://ftfy.readthedocs.io), called only on the lines that need it.

Two modes. FIX repairs what is broken: mojibake, HTML entities, control characters, terminal escapes, line breaks; these are
datatrove's settings of ftfy, and \n for other line breaks. NORMALIZE is all of ftfy: also straight quotes for curly ones, half-width forms,
no ligatures, normal form C. That unifies English text, and is wrong for Chinese and Japanese, whose punctuation is full-width.

ftfy works line by line at about 1.5 MB/s, and most lines need nothing, or only other quotes and line breaks. So a kernel passes over lines
of plain ASCII, and one compiled pattern, run by polars over the others, finds those that ftfy could change; the rest takes a short way whose
result is the same. The pattern may find too much, never too little: its mojibake part is ftfy's own expression.

ftfy repeats itself until nothing changes, a pass for each level of `&amp;amp;amp;`, and sorts combining marks by insertion: both take time
that grows with the square of a hostile line. Here entities are decoded MOST_LEVELS deep, and marks in pieces (`normal_forms`).
"""

import re
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from ftfy import TextFixerConfig, chardata, fix_text
from ftfy.badness import BADNESS_RE
from ftfy.fixes import unescape_html

from curate.kernels.normal_forms import is_normal_form, pieces_of_marks
from curate.rewrite.suspects import suspect_lines

_STRAIGHT_QUOTES = {"‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "‟": '"'}
_LINE_BREAKS = {"\r": "\n"}

MOST_LEVELS = 16
"""Levels of HTML entities within HTML entities that are decoded; ordinary text has one or two."""
_MAY_NEST = re.compile("[&＆][^ &＆]*[;；]")
"""What a decoded line may still have encoded, once other faults are repaired."""


class Mode(NamedTuple):
    """What is repaired: ftfy's configuration, and the short way that equals it on lines where `needs_ftfy` finds nothing."""

    config: TextFixerConfig
    simple: dict[str, str]
    needs_ftfy: str
    """Pattern of lines in which ftfy may do more than `simple`, for the Rust regex engine."""


def fix_unicode(texts: pa.Array, mode: Mode) -> tuple[pa.Array, np.ndarray]:
    """Texts (n_docs,) large_string without nulls → repaired texts, and which ones changed, (n_docs,) bool.

    Equals `ftfy.fix_text(text, mode.config)` on each text whose entities nest no deeper than MOST_LEVELS, and whose runs of combining marks are
    no longer than `normal_forms` sorts together.
    """
    where, is_nfc = _faulty(texts, mode)
    if not len(where):
        return texts, np.zeros(len(texts), dtype=bool)
    before = pl.Series("text", texts)
    after = before.clone().scatter(where, _fix(before.gather(where), pl.Series(~is_nfc), mode))
    return after.to_arrow(compat_level=pl.CompatLevel.oldest()), (after != before).to_numpy()


def _faulty(texts: pa.Array, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
    """Documents in which the mode may change something, (n,) int64 ascending, and whether each is in normal form C, if the mode asks for it."""
    suspects = suspect_lines(texts)
    lines = pl.Series(suspects.lines)
    is_nfc = _is_nfc(lines) if mode.config.normalization else pl.repeat(True, len(lines), dtype=pl.Boolean, eager=True)
    faulty = (lines.str.contains(mode.needs_ftfy) | lines.str.contains("[" + "".join(mode.simple) + "]") | ~is_nfc).to_numpy()
    where, index = np.unique(suspects.docs[faulty], return_inverse=True)
    all_nfc = np.ones(len(where), dtype=bool)
    np.logical_and.at(all_nfc, index, is_nfc.to_numpy()[faulty])
    return where, all_nfc


def _fix(texts: pl.Series, not_nfc: pl.Series, mode: Mode) -> pl.Series:
    r"""Split into lines, take each by its way, join. Lines end at \n only, as in ftfy, so lone \r stay inside them."""
    lines = pl.DataFrame({"line": texts.str.replace_all("\r\n", "\n", literal=True).str.split("\n"), "not_nfc": not_nfc})
    lines = lines.with_row_index("doc").with_columns(pl.col("doc").cast(pl.Int64)).explode("line")
    is_last = pl.col("doc") != pl.col("doc").shift(-1, fill_value=-1)
    # ftfy sees a line with the line feed that ends it, which can be the blank that some mojibake is followed by.
    lines = lines.with_columns(is_last=is_last, end=pl.when(is_last).then(pl.lit("")).otherwise(pl.lit("\n")))
    where = ((lines["line"] + lines["end"]).str.contains(mode.needs_ftfy) | lines["not_nfc"]).arg_true()
    # ftfy stops unescaping HTML entities at the first line with a "<": from there on the text may be HTML on purpose.
    html = pl.col("line").str.contains("<", literal=True).cum_max().over("doc")
    chosen = lines.select("line", "is_last", "end", is_html=html)[where]
    result = _simply(lines["line"], mode).scatter(where, _fix_lines(chosen, mode))
    return lines.select("doc", line=result).group_by("doc", maintain_order=True).agg(pl.col("line").str.join("\n"))["line"]


def _fix_lines(chosen: pl.DataFrame, mode: Mode) -> pl.Series:
    """Most lines have nothing but HTML entities. ftfy decodes those first, so where nothing else is left then, that was all."""
    decoded = pl.Series([line if is_html else unescape_html(line) for line, is_html in chosen.select("line", "is_html").iter_rows()], dtype=pl.String)
    where = ((decoded + chosen["end"]).str.contains(mode.needs_ftfy) | (~_is_nfc(decoded) if mode.config.normalization else False)).arg_true()
    fixed = pl.Series(
        [_fix_line(line, is_html, is_last, mode.config) for line, is_html, is_last in chosen[where].select("line", "is_html", "is_last").iter_rows()],
        dtype=pl.String,
    )
    return _simply(decoded, mode).scatter(where, fixed)


def _simply(lines: pl.Series, mode: Mode) -> pl.Series:
    return lines.str.replace_many(list(mode.simple), list(mode.simple.values()))


def _fix_line(line: str, is_html: bool, is_last: bool, config: TextFixerConfig) -> str:
    r"""ftfy sees the line with its \n; a \r before that would be taken for half of one line break, but is one of its own."""
    body = line.rstrip("\r")
    n_breaks = len(line) - len(body)
    if is_html:
        config = config._replace(unescape_html=False)
    return _fix_pieces(body, config) if is_last and not n_breaks else _fix_pieces(body + "\n", config)[:-1] + "\n" * n_breaks


def _fix_pieces(line: str, config: TextFixerConfig) -> str:
    """ftfy's `fix_text` of a line in linear time."""
    pieces = pieces_of_marks(line) if config.normalization else [line]
    return "".join(_fix_levels(piece, config) for piece in pieces)


def _fix_levels(line: str, config: TextFixerConfig) -> str:
    """`fix_text`, but what remains encoded after MOST_LEVELS passes stays so."""
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
    """A pattern for the Rust regex engine that finds every line in which ftfy repairs something, or changes one of the code points."""
    plain = "".join(f"\\x{{{code:x}}}" for code in sorted(set(changed) - {ord(" ")}))
    entity = "&[#0-9A-Za-z]+;"
    return f"[{plain}\\x1b\\x{{80}}-\\x{{9f}}\\u2028\\u2029]|{entity}|(?mx:{_for_rust(BADNESS_RE.pattern)})"


def _for_rust(pattern: str) -> str:
    r"""ftfy's verbose pattern in Rust's dialect: blanks and operators inside classes escaped, \w made wider than either engine's."""
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

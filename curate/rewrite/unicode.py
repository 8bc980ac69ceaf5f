r"""Unicode repair: ftfy's `fix_text` (Robyn Speer, https://ftfy.readthedocs.io), called only on the lines that need it.

ftfy repairs mojibake, HTML entities, ligatures, full-width Latin, curly quotes, line breaks, control characters and normal
form C, line by line, at about 1.5 MB/s. Most lines need nothing, or only straight quotes and \n for \r\n. So one compiled
pattern, run by polars over whole columns, finds the lines that ftfy could change; the others take a short way whose result
is the same. The pattern may find too much, never too little: its mojibake part is ftfy's own expression.
"""

import unicodedata

import numpy as np
import polars as pl
import pyarrow as pa
from ftfy import TextFixerConfig, chardata, fix_text
from ftfy.badness import BADNESS_RE

_SIMPLE = {"‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "‟": '"', "\r": "\n"}
_IS_SIMPLE = "[" + "".join(_SIMPLE) + "]"
_CONFIG = TextFixerConfig(explain=False)
_NO_ENTITIES = _CONFIG._replace(unescape_html=False)


def fix_unicode(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Texts (n_docs,) large_string without nulls → repaired texts, and which ones changed, (n_docs,) bool.

    Equals `ftfy.fix_text` on each text.
    """
    before = pl.Series("text", texts)
    not_nfc = ~_is_nfc(before)
    where = (before.str.contains(_NEEDS_FTFY) | before.str.contains(_IS_SIMPLE) | not_nfc).arg_true()
    if where.is_empty():
        return texts, np.zeros(len(texts), dtype=bool)
    after = before.clone().scatter(where, _fix(before.gather(where), not_nfc.gather(where)))
    return after.to_arrow(compat_level=pl.CompatLevel.oldest()), (after != before).to_numpy()


def _fix(texts: pl.Series, not_nfc: pl.Series) -> pl.Series:
    r"""Split into lines, take each by its way, join. Lines end at \n only, as in ftfy, so lone \r stay inside them."""
    lines = pl.DataFrame({"line": texts.str.replace_all("\r\n", "\n", literal=True).str.split("\n"), "not_nfc": not_nfc})
    lines = lines.with_row_index("doc").with_columns(pl.col("doc").cast(pl.Int64)).explode("line")
    where = (lines["line"].str.contains(_NEEDS_FTFY) | lines["not_nfc"]).arg_true()
    # ftfy stops unescaping HTML entities at the first line with a "<": from there on the text may be HTML on purpose.
    is_html = pl.col("line").str.contains("<", literal=True).cum_max().over("doc")
    chosen = lines.select("line", is_html=is_html, is_last=pl.col("doc") != pl.col("doc").shift(-1, fill_value=-1))[where]
    fixed = pl.Series([_fix_line(*row) for row in chosen.iter_rows()], dtype=pl.String)
    result = lines["line"].str.replace_many(list(_SIMPLE), list(_SIMPLE.values())).scatter(where, fixed)
    return lines.select("doc", line=result).group_by("doc", maintain_order=True).agg(pl.col("line").str.join("\n"))["line"]


def _fix_line(line: str, is_html: bool, is_last: bool) -> str:
    r"""ftfy sees the line with its \n; a \r before that would be taken for half of one line break, but is one of its own."""
    body = line.rstrip("\r")
    n_breaks = len(line) - len(body)
    config = _NO_ENTITIES if is_html else _CONFIG
    return fix_text(body, config) if is_last and not n_breaks else fix_text(body + "\n", config)[:-1] + "\n" * n_breaks


def _is_nfc(texts: pl.Series) -> pl.Series:
    return pl.Series([unicodedata.is_normalized("NFC", text) for text in texts], dtype=pl.Boolean)


def _needs_ftfy() -> str:
    """A pattern for the Rust regex engine that finds every line in which ftfy may do more than `_SIMPLE`."""
    changed = [chr(code) for code in chardata.LIGATURES] + [chr(code) for code in chardata.WIDTH_MAP] + [chr(code) for code in chardata.CONTROL_CHARS]
    plain = "".join(f"\\x{{{ord(char):x}}}" for char in sorted(set(changed) - {" "}))
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


_NEEDS_FTFY = _needs_ftfy()

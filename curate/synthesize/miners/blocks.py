"""A text split into blocks: headings, paragraphs and list items, without markup, code or tables.

Miners read blocks because position decides whether a sentence can be understood alone: in a statute, "(2) Fails to pay a fee." begins with a
capital and ends with a period, but is the end of "The Board may fine a person who:".
"""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import regex

_FENCE = regex.compile(r"^\s*(```|~~~)")
_NUMBER = regex.compile(
    r"^(?P<number>(?:\((?:\d{1,3}|\p{L}{1,2}|[ivxlc]{1,6}|[IVXLC]{1,6}|\d{1,2}[A-Z]?|[a-z]-\d)(?:-\d)?\)\s?)+|"
    r"(?:\d{1,3}(?:\.\d{1,3})+\.?|\d{1,3}[.)]|[A-Za-z][.)]|[ivxIVX]{1,5}[.)])(?=\s)|§+\s?[\w–.:\-]+?\.?(?=\s))\s*"
)
_BULLET = regex.compile(r"^(?P<bullet>[-*+•·▪‣–—])\s+")
_ATX = regex.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*$")
_UNDERLINE = regex.compile(r"^([=\-~^\"'`*+#.:_])\1{2,}\s*$")
_TABLE = regex.compile(r"^\s*\||\|\s*$|\S\s*\|\s*\S.*\|\s*\S|^\s*[+|][-=+|]{3,}|^\s*={3,}\s+={3,}|\S(?:\t|\s{4,})\S.*\S(?:\t|\s{4,})\S")
_DIRECTIVE = regex.compile(r"^\s*(?:\.\.(?:\s|$)|:[A-Za-z-]+:(?:\s|$)|\{[{%<]|<!--|</?\w+[^>]*>\s*$|\$\$|!\[|\[[^\]]+\]:\s)|^[A-Z][A-Za-z-]+: \S.{0,80}$")
_MARKUP = (
    (regex.compile(r"!\[[^\]]*\]\([^)]*\)|\{[{%<].*?[>%}]\}|<!--.*?-->"), ""),
    (regex.compile(r"\[([^\[\]]+)\](?:\([^()\s]*(?:\([^()]*\))?[^()]*\)|\[[^\]]*\])"), r"\1"),
    (regex.compile(r"\s*\[(?:#[\w-]*|\d{1,3}|[a-z])\]_?(?!\w)"), ""),
    (regex.compile(r":[a-zA-Z:+-]+:`+([^`<]+?)(?:\s*<[^>]*>)?`+"), r"\1"),
    (regex.compile(r"`+([^`<\n]+?)\s*(?:<[^>`]*>)?`+_{0,2}"), r"\1"),
    (regex.compile(r"(?<![A-Za-z0-9*])\*{1,3}(?=\S)([^*\n]+?)(?<=\S)\*{1,3}(?![A-Za-z0-9*])"), r"\1"),
    (regex.compile(r"(?<![\w_])_{1,3}(?=\S)([^_\n]+?)(?<=\S)_{1,3}(?![\w_])"), r"\1"),
    (regex.compile(r"</?[A-Za-z][^<>]{0,200}>"), ""),
    (regex.compile(r"(?<=\w)\s*\[\^?\d+\]"), ""),
    (regex.compile(r"\\([\\`*_{}\[\]()#+\-.!<>|~'\"])"), r"\1"),
    (regex.compile(r"\s+"), " "),
)
_WRAP_CHARS = 110
_SENTENCE_END = regex.compile(r"[.!?。！？][\"”’»」』)\]]*$")
_OPENS_LIST = regex.compile(r"(?:[:：—]|[;,]|\b(?:and|or))$")


@dataclass(frozen=True)
class TextBlock:
    """`text` is one line. `goes_on`: its beginning continues an earlier block. `leads`: later blocks may continue its end."""

    kind: Literal["heading", "paragraph", "item"]
    text: str
    number: str = ""
    goes_on: bool = False
    leads: bool = False


def blocks(text: str) -> list[TextBlock]:
    """The blocks of a text in order. Code, tables, directives and images are left out."""
    text_blocks: list[TextBlock] = []
    open_lists = _OpenLists()
    for kind, raw in _raw_blocks(text):
        number = _NUMBER.match(raw)
        bullet = _BULLET.match(raw) if number is None else None
        mark = number or bullet
        body = plain(raw[mark.end() :] if mark else raw)
        if not body:
            continue
        label = mark[1].strip() if mark else ""
        if kind == "heading" or (number and label.startswith("§")):
            open_lists.clear()
            text_blocks.append(TextBlock("heading", body, label))
            continue
        goes_on = open_lists.enter(_style(label, text_blocks), body)
        text_blocks.append(TextBlock("item" if label else "paragraph", body, label, goes_on, bool(_OPENS_LIST.search(body))))
    return text_blocks


def plain(text: str) -> str:
    """The text without Markdown, reStructuredText and HTML markup; runs of blanks become one."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return html.unescape(text).strip()


class _OpenLists:
    """Number styles of the blocks that end by opening a list, outermost first."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._goes_on = False

    def clear(self) -> None:
        self._open, self._goes_on = [], False

    def enter(self, style: str, body: str) -> bool:
        """Whether a block of this style continues an earlier block. Call for each block in order."""
        if style in self._open:
            self._open = self._open[: self._open.index(style)]
        elif not style:
            self._open = []
        goes_on = bool(self._open) or (self._goes_on and bool(style)) or body[0].islower()
        if body.endswith((":", "：", "—")):
            self._open.append(style)
        self._goes_on = bool(_OPENS_LIST.search(body))
        return goes_on


def _style(label: str, earlier: list[TextBlock]) -> str:
    """Style of a number: lower, upper, digit, roman, ROMAN, bullet, or "" for none. (i) is roman unless (h) came before."""
    if not label:
        return ""
    if _BULLET.match(label + " "):
        return "bullet"
    last = regex.sub(r"[^\p{L}\p{N}.]", "", regex.split(r"(?<=\))\s*(?=\()", label)[-1]).rstrip(".")
    if last[:1].isdigit():
        return "digit"
    if regex.fullmatch(r"[ivxlcIVXLC]+", last) and not (len(last) == 1 and any(_before(last) in block.number for block in earlier[-40:])):
        return "roman" if last.islower() else "ROMAN"
    return "lower" if last.islower() else "upper"


def _before(letter: str) -> str:
    return f"({chr(ord(letter) - 1)})"


def _raw_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield ("heading" or "text", the joined lines of a block)."""
    for lines in _stretches(text):
        if len(lines) >= 2 and _UNDERLINE.match(lines[1]) and not _UNDERLINE.match(lines[0]):
            yield "heading", lines[0].strip()
            lines = lines[2:]
        yield from _parts(lines)


def _stretches(text: str) -> Iterator[list[str]]:
    """Runs of non-blank lines, without code, tables and directives."""
    run: list[str] = []
    fenced = literal = False
    for line in [*text.split("\n"), ""]:
        if _FENCE.match(line):
            fenced = not fenced
            line = ""
        if literal and line.strip() and line[:1] not in " \t":
            literal = False
        if fenced or literal or not line.strip():
            if run:
                literal = run[-1].rstrip().endswith("::")
                yield [run_line for run_line in run if not _is_noise(run_line)]
                run = []
        elif not (line.startswith(("    ", "\t", "  >>>", ">>>")) and not run and not _NUMBER.match(line.strip()) and not _BULLET.match(line.strip())):
            run.append(line.expandtabs())


def _is_noise(line: str) -> bool:
    return bool(_TABLE.search(line) or _DIRECTIVE.match(line)) and not _ATX.match(line)


def _parts(lines: list[str]) -> Iterator[tuple[str, str]]:
    """A run of lines split at headings, list items, and line ends that end a paragraph."""
    is_wrapped = bool(lines) and max(len(line) for line in lines) <= _WRAP_CHARS
    waiting: list[str] = []
    for line in lines:
        stripped = line.strip().removeprefix(">").strip()
        heading = _ATX.match(stripped)
        is_start = heading or _BULLET.match(stripped) or (_NUMBER.match(stripped) and _starts_item(waiting))
        if waiting and (is_start or not is_wrapped):
            yield _joined(waiting)
            waiting = []
        if heading:
            yield "heading", heading["text"]
        elif stripped and not _UNDERLINE.match(stripped):
            waiting.append(stripped)
    if waiting:
        yield _joined(waiting)


def _starts_item(before: list[str]) -> bool:
    """Whether a line that begins with a number may start an item, rather than continue a wrapped sentence."""
    return not before or bool(_SENTENCE_END.search(before[-1]) or _OPENS_LIST.search(before[-1]))


def _joined(lines: list[str]) -> tuple[str, str]:
    text = " ".join(lines)
    bare = _NUMBER.sub("", text)
    is_short = len(lines) == 1 and len(bare) <= 90 and bare[:1].isupper() and not text.startswith("(")
    is_heading = is_short and not regex.search(r"[.!?。！？;]$", bare) and not _OPENS_LIST.search(bare) and not _BULLET.match(text)
    return ("heading" if is_heading else "text"), text

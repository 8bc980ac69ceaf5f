"""Texts labelled with languages, from a folder of folders or of files that are named by language codes."""

import re
from collections import defaultdict
from functools import cache
from html import unescape
from pathlib import Path

from curate.languages.table import full_code, language_table

# Codes of one language: macro-languages and members, variants that share a written standard.
SAME = {
    "nn": "no",
    "nb": "no",
    "fil": "tl",
    "prs": "fa",
    "pes": "fa",
    "uzs": "uz",
    "als": "sq",
    "plt": "mg",
    "ydd": "yi",
    "khk": "mn",
    "gug": "gn",
    "pnb": "pa",
    "yue": "zh",
    "wuu": "zh",
}

_PREFIX = re.compile(r"^(udhr_|pages\.)")
_TAG = re.compile(r"<[^>]+>")
_LINE_SUFFIXES = {".tsv", ".jsonl"}


@cache
def same(code: str) -> str:
    """One code for a language under all its names: ISO 639-1 if it has one, else 639-3, without script."""
    plain = code.replace("-", "_").lower().split("_")[0]
    full = full_code(plain)
    two = _two_letters().get(full, "")
    return SAME.get(plain, SAME.get(two, two or full.split("_")[0]))


@cache
def _two_letters() -> dict[str, str]:
    table = language_table()
    return dict(zip(table["language"].to_list(), table["code_2"].to_list(), strict=True))


def declarations(folder: Path) -> list[tuple[str, str]]:
    """The versions that an `index.xml` of the Universal Declaration of Human Rights names, with their codes; a line a paragraph or title."""
    found = []
    for index in sorted(folder.rglob("index.xml")):
        for file, code in re.findall(r"<udhr f='(\w+)'\s+iso639-3='(\w+)'", index.read_text(encoding="utf-8")):
            path = index.parent / f"udhr_{file}.xml"
            if code != "und" and path.exists():
                paragraphs = re.findall(r"<(?:para|title)>(.*?)</(?:para|title)>", path.read_text(errors="replace"), re.DOTALL)
                found.append((same(code), "\n".join(" ".join(unescape(_TAG.sub(" ", one)).split()) for one in paragraphs)))
    return found


def labelled_texts(folder: Path) -> dict[str, list[str]]:
    """Texts by code: `declarations` where there are any. Else markup is taken out of .xml files, each line of .tsv and .jsonl files is a text,
    and names with digits are no codes.
    """
    texts: dict[str, list[str]] = defaultdict(list)
    for code, text in declarations(folder):
        texts[code].append(text)
    if texts:
        return dict(texts)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        inside = path.relative_to(folder)
        name = _PREFIX.sub("", inside.parts[0] if len(inside.parts) > 1 else path.stem)
        if re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z0-9]+)*", name):
            texts[same(name)] += _texts_of(path)
    return dict(texts)


def _texts_of(path: Path) -> list[str]:
    text = path.read_text(errors="replace")
    if path.suffix == ".xml":
        return [" ".join(unescape(_TAG.sub(" ", text)).split())]
    return [line for line in text.split("\n") if line.strip()] if path.suffix in _LINE_SUFFIXES else [text]

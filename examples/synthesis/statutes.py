"""Sections of the D.C. Code as plain text: a heading line, then a line for each paragraph with its number.

    python -m examples.synthesis.statutes FOLDER... --out FILE.jsonl

FOLDER is a checkout of DCCouncil/law-xml-codified, or a folder of it such as us/dc/council/code/titles/28 (edicts of government, published as public domain).
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

_NAMESPACE = "{https://code.dccouncil.us/schemas/dc-library}"
_LEAST_CHARS = 200


def main() -> None:
    """Write one JSON line for each section that holds text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", encoding="utf-8") as file:
        for path in sorted(path for folder in arguments.folders for path in folder.rglob("*.xml")):
            section = section_text(path)
            if section and len(section["text"]) >= _LEAST_CHARS:
                file.write(json.dumps(section, ensure_ascii=False) + "\n")


def section_text(path: Path) -> dict[str, str] | None:
    """`text`, `title` and `number` of a section's file; None for a file of another kind."""
    root = ElementTree.parse(path).getroot()
    if root.tag != f"{_NAMESPACE}section":
        return None
    title = _words(root.find(f"{_NAMESPACE}heading"))
    number = _words(root.find(f"{_NAMESPACE}num"))
    paragraphs = [paragraph for child in root for paragraph in _paragraphs(child, "")]
    return {"text": "\n\n".join([f"§ {number}. {title}", *paragraphs]), "title": title.rstrip("."), "number": number}


def _paragraphs(element: ElementTree.Element, numbers: str) -> Iterator[str]:
    """Paragraphs in order; a number without text of its own precedes that of its first part: (a)(1)."""
    name = element.tag.removeprefix(_NAMESPACE)
    if name == "text":
        yield f"{numbers} {_words(element)}".strip()
    elif name == "para":
        prefix = numbers + _words(element.find(f"{_NAMESPACE}num"))
        for child in element:
            for paragraph in _paragraphs(child, prefix):
                yield paragraph
                prefix = ""
    elif name in ("include", "aftertext"):
        for child in element:
            yield from _paragraphs(child, "")


def _words(element: ElementTree.Element | None) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


if __name__ == "__main__":
    main()

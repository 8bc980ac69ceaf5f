"""Main content of gold pages: F1 and pages a second of each extractor.

    python -m benchmarks.extract --input FOLDER [--input FOLDER …] [--extractors NAME …]

A folder is laid out as scrapinghub's article-extraction-benchmark (`ground-truth.json`, `html/ID.html.gz`) or as mozilla/readability
(`test-pages/NAME/source.html`, `expected.html`, whose text is the gold). Shingle F1 is the former's measure: 4-grams of words as multisets,
precision and recall averaged over pages; word F1 is the same with single words. For the second kind pages in English and in other languages
are told apart by `expected-metadata.json`. All on one core, CPU time, decoding included. Ours is the default, Resiliparse; the peer is trafilatura; they agree
on a page where their shingle F1 against each other is at least 0.99.
"""

import argparse
import gzip
import json
import re
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import print_result, timed, use_one_core
from curate.extract.html import decode_page, load_extractor

EXTRACTORS = ("resiliparse", "trafilatura", "readability", "justext", "all_text")
SHINGLE = 4
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Page:
    """A page and the text of its article."""

    group: str
    html: bytes
    gold: str


def main() -> None:
    """Extract all pages by each extractor, score, print; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, action="append", help="folder of gold pages; may be given several times")
    parser.add_argument("--extractors", nargs="+", default=EXTRACTORS, choices=EXTRACTORS)
    options = parser.parse_args()
    use_one_core()
    pages = [page for folder in options.input for page in read_gold(folder)]
    texts, results = {}, {}
    for name in options.extractors:
        texts[name], seconds = timed_extraction(name, pages)
        results[name] = {"pages_per_s": len(pages) / seconds, **scores(pages, texts[name])}
        print(f"{name:12} {results[name]['pages_per_s']:8.1f} pages/s", *(f"{key} {value:.3f}" for key, value in results[name].items() if key != "pages_per_s"))
    ours, peer = results.get("resiliparse", {}), results.get("trafilatura", {})
    print_result(
        {
            "ours": ours,
            "peer": peer,
            "ratio": ours["pages_per_s"] / peer["pages_per_s"] if ours and peer else None,
            "agreement": agreement(texts["resiliparse"], texts["trafilatura"]) if ours and peer else None,
            "pages": dict(Counter(page.group for page in pages)),
            "extractors": results,
        }
    )


def read_gold(folder: Path) -> list[Page]:
    """All pages of a folder of either layout."""
    if (folder / "ground-truth.json").exists():
        gold = json.loads((folder / "ground-truth.json").read_text())
        return [Page("articles", gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()), gold[name]["articleBody"]) for name in sorted(gold)]
    to_text = load_extractor("all_text")
    pages = []
    for expected in sorted(folder.rglob("expected.html")):
        metadata = json.loads((expected.parent / "expected-metadata.json").read_text())
        language = (metadata.get("lang") or "en")[:2].lower()
        group = "readability" if language == "en" else "readability, not English"
        pages.append(Page(group, (expected.parent / "source.html").read_bytes(), to_text(expected.read_text())))
    return pages


def timed_extraction(name: str, pages: list[Page]) -> tuple[list[str], float]:
    """Text of each page, and CPU seconds. A page on which the extractor raises gives no text."""
    extract = load_extractor(name)
    attempt(extract, pages[0].html)
    return timed(lambda: [attempt(extract, page.html) for page in pages])


def attempt(extract: Callable[[str], str], html: bytes) -> str:
    """The page's text, or "" if it cannot be extracted."""
    try:
        return extract(decode_page(html))
    except Exception:
        return ""


def scores(pages: list[Page], texts: list[str]) -> dict[str, float]:
    """F1 by shingles and words of each group of pages."""
    found: dict[str, float] = {}
    for group in dict.fromkeys(page.group for page in pages):
        pairs = [(page.gold, text) for page, text in zip(pages, texts, strict=True) if page.group == group]
        found[f"{group}: shingle F1"] = f1([counts(gold, text, SHINGLE) for gold, text in pairs])
        found[f"{group}: word F1"] = f1([counts(gold, text, 1) for gold, text in pairs])
    return found


def counts(gold: str, text: str, size: int) -> tuple[float, float, float]:
    """True positives, false positives, false negatives among the text's shingles, as shares of all, so that every page counts the same."""
    true, predicted = shingles(gold, size), shingles(text, size)
    hits = sum((true & predicted).values())
    total = max(sum((true | predicted).values()), 1)
    return hits / total, (sum(predicted.values()) - hits) / total, (sum(true.values()) - hits) / total


def shingles(text: str, size: int) -> Counter[tuple[str, ...]]:
    """The multiset of runs of `size` words; a shorter text is one run."""
    words = _WORD.findall(text)
    return Counter(tuple(words[start : start + size]) for start in range(max(1, len(words) - size + 1))) if words else Counter()


def f1(pages: list[tuple[float, float, float]]) -> float:
    """F1 of the mean precision and mean recall of pages (true positives, false positives, false negatives)."""
    precision = statistics.mean([true / (true + wrong) for true, wrong, _ in pages if true + wrong > 0] or [0.0])
    recall = statistics.mean([true / (true + missed) for true, _, missed in pages if true + missed > 0] or [0.0])
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def agreement(some: list[str], others: list[str]) -> float:
    """Share of pages on which two extractors give the same text, but for a hundredth of its shingles."""
    same: list[Any] = [f1([counts(one, other, SHINGLE)]) >= 0.99 or one == other for one, other in zip(some, others, strict=True)]
    return sum(same) / max(len(same), 1)


if __name__ == "__main__":
    main()

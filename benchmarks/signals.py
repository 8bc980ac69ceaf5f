"""C4, Gopher repetition, Gopher quality and FineWeb quality on one core: ours against datatrove's filters on the same documents.

    python -m benchmarks.signals --input FILE.jsonl[.gz|.zst] [--limit DOCUMENTS] [--profile]

Ours is timed from an Arrow array of strings to the first reason of each document: C4's line rules, words, all signals, all rules of the
four sets. datatrove's four filters run on `Document` objects, each document up to its first failing filter, sharing words through
datatrove's own cache; C4 comes first, as in our pipeline, and without its rule on end marks, as in datatrove's FineWeb example. Both are
warmed up on other text: kernels compiled or loaded, spaCy loaded; our tables of chunks are empty at the start, spaCy's caches are as the
warm-up left them. A document on which datatrove raises counts under "error". With --profile ours runs alone and prints what each step takes.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

from benchmarks.harness import print_result, read_texts, timed, use_one_core
from benchmarks.signals_profile import print_profile
from curate.rewrite.c4.lines import C4Rules, c4_lines
from curate.rules.decide import RuleSet, decide, first_reason, load_rules
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter

RULE_SETS = ("c4", "gopher_repetition", "gopher_quality", "fineweb")
LINE_RULES = C4Rules(filter_no_terminal_punct=False)
KEPT = "kept"
# Of every shape, so that no kernel is compiled while the clock runs; `): D` is one that only spaCy itself decides.
WARM_UP = ["The warm-up text isn't from the input: it has 3 lines, a URL (https://example.org/a-b?c=d) and “marks” (e.g.): D…\n\n- one\n- two\n" * 20] * 20
N_SHOWN = 10


def main() -> None:
    """Time both, compare the reasons, print; the last line is one JSON object, speeds in MB (10^6 bytes) of UTF-8 text a second of CPU time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="JSONL with a `text` field, plain, .gz or .zst")
    parser.add_argument("--limit", type=int, help="documents to take")
    parser.add_argument("--profile", action="store_true", help="time the steps of ours instead")
    options = parser.parse_args()
    use_one_core()
    texts = read_texts(options.input, options.limit)
    if options.profile:
        print_profile(texts, [load_rules(name) for name in RULE_SETS], LINE_RULES, WARM_UP)
        return
    n_megabytes = sum(len(text.encode()) for text in texts) / 1e6
    ours, our_seconds = timed_ours(texts)
    peers, peer_seconds = timed_peer(texts)
    different = [row for row in range(len(texts)) if ours[row] != peers[row]]
    print(f"{len(texts)} documents, {n_megabytes:.1f} MB, {sum(reason == KEPT for reason in peers)} kept by datatrove")
    for (mine, theirs), number in Counter((ours[row], peers[row]) for row in different).most_common():
        print(f"{number} documents: ours {mine}, datatrove {theirs}")
    print(f"ours      {n_megabytes / our_seconds:8.2f} MB/s")
    print(f"datatrove {n_megabytes / peer_seconds:8.2f} MB/s")
    print_result(
        {
            "ours": {"mb_per_s": n_megabytes / our_seconds, "docs_per_s": len(texts) / our_seconds},
            "peer": {"mb_per_s": n_megabytes / peer_seconds, "docs_per_s": len(texts) / peer_seconds},
            "ratio": peer_seconds / our_seconds,
            "agreement": 1 - len(different) / max(len(texts), 1),
            "documents": len(texts),
            "disagreements": [{"document": row, "ours": ours[row], "peer": peers[row]} for row in different[:N_SHOWN]],
        }
    )


def timed_ours(texts: list[str]) -> tuple[list[str], float]:
    """The first reason of each document, and CPU seconds; the splitter starts with an empty table."""
    rules = [load_rules(name) for name in RULE_SETS]
    our_reasons(pa.array(WARM_UP, pa.large_string()), WordSplitter(), rules)
    column, splitter = pa.array(texts, pa.large_string()), WordSplitter()
    return timed(lambda: our_reasons(column, splitter, rules))


def our_reasons(texts: pa.Array, splitter: WordSplitter, rules: list[RuleSet]) -> list[str]:
    """`set/rule` of the first rule in order that drops the document, or "kept"."""
    lines = c4_lines(texts, LINE_RULES)
    signals = pl.DataFrame(measure(lines.texts, splitter)).with_columns(pl.Series(name, column) for name, column in lines.columns.items())
    verdicts = pl.concat([decide(signals, one) for one in rules]).sort("row", maintain_order=True)
    return first_reason(verdicts, len(texts)).fill_null(KEPT).to_list()


def timed_peer(texts: list[str]) -> tuple[list[str], float]:
    """datatrove's reason for each document, and CPU seconds."""
    filters = dict(
        zip(RULE_SETS, (C4QualityFilter(filter_no_terminal_punct=False), GopherRepetitionFilter(), GopherQualityFilter(), FineWebQualityFilter()), strict=True)
    )
    documents = [Document(text=text, id=str(row)) for row, text in enumerate(texts)]
    for text in WARM_UP:
        peer_reason(filters, Document(text=text, id=""))
    return timed(lambda: [peer_reason(filters, document) for document in documents])


def peer_reason(filters: dict[str, Any], document: Document) -> str:
    """`set/rule` of the first filter that fails, "kept", or "error" where a filter divides by zero, as on an empty text."""
    for name, one in filters.items():
        try:
            verdict = one.filter(document)
        except ZeroDivisionError:
            return "error"
        if verdict is not True:
            return f"{name}/{verdict[1]}"
    return KEPT


if __name__ == "__main__":
    main()

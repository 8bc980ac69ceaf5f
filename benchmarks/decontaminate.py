"""Evaluation items planted in text: which documents are found, how fast, against datatrove's n-gram decontamination.

    python -m benchmarks.decontaminate --input FILE.jsonl[.gz|.zst] --eval FILE_OR_FOLDER [--eval …] [--columns a,b] [--no-header] [--rephrased FILE.jsonl …]

One equal definition for both: n-grams of 13 words of an item's whole text, one is enough, no boilerplate; items shorter than that are left to
ours alone. In every fifth document one item is planted, in the order of the documents. Agreement is the share of documents with the same
verdict; what differs is shown: words are spaCy's there, and ours leaves out n-grams of numbers and few other words. Times include
simplifying and looking up, not building the index. `--rephrased`: texts that say the same in other words or languages; the share that is found.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter, NGramsDecontIndexer

from benchmarks.harness import print_result, read_texts, timed, use_one_core
from curate.decontaminate.evals import EvalItem, read_items
from curate.decontaminate.index import Index, build_index
from curate.decontaminate.match import Matcher
from curate.decontaminate.recipe import EvalRecipe
from curate.decontaminate.words import hashed_words
from curate.kernels.buffers import frozen, text_buffers

NGRAM, MIN_WORDS = 13, 8
EVERY = 5
N_SHOWN = 8


def main() -> None:
    """Plant, look up with both, compare, print; the last line is one JSON object, speeds in MB (10^6 bytes) of UTF-8 a second of CPU time."""
    options = _options()
    use_one_core()
    evals = [EvalRecipe(path=path, name=path, columns=options.columns, header=not options.no_header, lines=options.lines) for path in options.eval]
    items = [EvalItem(item.place, ["\n".join(item.texts)]) for one in evals for item in read_items(one)]
    texts, planted = plant(read_texts(options.input, options.limit), items)
    n_megabytes = sum(len(text.encode()) for text in texts) / 1e6
    (index, names), build_seconds = timed(lambda: build_index([("eval", items)], NGRAM, MIN_WORDS))
    find_ours(texts[:2], index)
    ours, our_seconds = timed(lambda: find_ours(texts, index))
    peer = datatrove_filter(items)
    peers, peer_seconds = timed(lambda: [peer.filter(Document(text=text, id="")) is not True for text in texts])
    findable = np.array([item >= 0 and bool(index.item_grams[item]) for item in planted])
    clean = planted < 0
    result = {
        "ours": {"mb_per_s": n_megabytes / our_seconds, "recall": float(ours[findable].mean()), "found_unplanted": int(ours[clean].sum())},
        "peer": {
            "mb_per_s": n_megabytes / peer_seconds,
            "recall": float(np.array(peers)[findable].mean()),
            "found_unplanted": int(np.array(peers)[clean].sum()),
        },
        "ratio": peer_seconds / our_seconds,
        "agreement": float((ours == np.array(peers)).mean()),
        "index": {"items": len(items), "ngrams": len(index.keys), "too_short": int((index.item_grams == 0).sum()), "build_seconds": build_seconds},
        "rephrased": {path: rephrased(Path(path), index) for path in options.rephrased},
    }
    print(f"{len(texts)} documents, {n_megabytes:.1f} MB, {int(findable.sum())} with a planted item")
    for row in np.flatnonzero(ours != np.array(peers))[:N_SHOWN]:
        what = f"planted {names.places[planted[row]]}" if planted[row] >= 0 else "nothing planted"
        print(f"document {row}: ours {bool(ours[row])}, datatrove {peers[row]}; {what}")
    print_result(result)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="JSONL with a `text` field, plain, .gz or .zst")
    parser.add_argument("--limit", type=int, help="documents to take")
    parser.add_argument("--eval", action="append", required=True, help="evaluation files")
    parser.add_argument("--columns", type=lambda text: tuple(text.split(",")), default=(), help="columns of the items' text")
    parser.add_argument("--no-header", action="store_true", help="CSV without names of columns")
    parser.add_argument("--lines", type=int, default=1, help="lines of an item in a text file")
    parser.add_argument("--rephrased", action="append", default=[], help="JSONL with a `text` field")
    return parser.parse_args()


def plant(texts: list[str], items: list[EvalItem]) -> tuple[list[str], np.ndarray]:
    """Texts with an item between two words in the middle of every fifth, and which item, (n,) int64, -1 for none."""
    planted = np.full(len(texts), -1)
    for number, row in enumerate(range(0, len(texts), EVERY)):
        item = number * 7919 % len(items)
        middle = texts[row].find(" ", len(texts[row]) // 2) + 1
        texts[row] = f"{texts[row][:middle]}\n{items[item].texts[0]}\n{texts[row][middle:]}"
        planted[row] = item
    return texts, planted


def find_ours(texts: list[str], index: Index) -> np.ndarray:
    """Whether each text has an n-gram of the index, (n,) bool."""
    utf8, offsets = (frozen(array) for array in text_buffers(pa.array(texts, pa.large_string())))
    found = np.zeros(len(texts), bool)
    matcher = Matcher(index)
    for first in range(0, len(texts), 1000):
        hits = matcher.match(hashed_words(utf8, offsets[first : first + 1001]))
        found[first + hits.doc] = True
    return found


def datatrove_filter(items: list[EvalItem]) -> Any:
    """Its filter with an index of the n-grams of all items, without the detour over lighteval that its indexing takes."""
    peer = NGramsDecontFilter(".", NGramsDecontConfig(n_grams=NGRAM))
    indexer = SimpleNamespace(
        config=peer.config if hasattr(peer, "config") else NGramsDecontConfig(n_grams=NGRAM), tokenizer=peer.tokenizer, hash_func=peer.hash_func
    )
    peer.config = indexer.config
    peer._index_hashes = {value: "eval" for item in items for value in NGramsDecontIndexer.compute_hashes(indexer, item.texts[0])}
    return peer


def rephrased(path: Path, index: Index) -> dict[str, float]:
    """Texts of a file, and the share that holds an n-gram of the index."""
    texts = [text for text in read_texts(path) if text.strip()]
    return {"texts": len(texts), "found": float(find_ours(texts, index).mean()) if texts else 0.0}


if __name__ == "__main__":
    main()

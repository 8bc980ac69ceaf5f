"""A fastText classifier on one core: our kernel over Arrow's buffers against the library's `predict`, called once per document.

    python -m benchmarks.classify --input FILE.jsonl[.gz|.zst] [--model MODEL] [--limit DOCUMENTS]

Without --model, one is trained on the input: first halves of documents against second halves, with words and bigrams of 100 dimensions, like
DCLM's. Ours is timed from an Arrow array of strings to the probability of one label, text preparation included. The library gets each text as one
line, as from datatrove's filter; its Python layer is left out, which makes it faster than users see. Both are warmed up. Agreement: share of
documents whose probabilities differ by less than 0.0001.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa

from benchmarks.harness import print_result, read_texts, timed, use_one_core
from curate.models.classifier import Classifier, load_classifier, model_file

N_WARM = 20
TOLERANCE = 1e-4


def main() -> None:
    """Time both, compare, print; the last line is one JSON object, speeds in MB (10^6 bytes) of UTF-8 text a second of CPU time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="JSONL with a `text` field, plain, .gz or .zst")
    parser.add_argument("--model", help="a folder of `curate fit-classifier`, a .bin or .ftz file")
    parser.add_argument("--limit", type=int, help="documents to take")
    options = parser.parse_args()
    use_one_core()
    texts = read_texts(options.input, options.limit)
    n_megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory() as scratch:
        path = options.model or train(texts, Path(scratch))
        ours, our_seconds = timed_ours(texts, load_classifier(str(path)))
        peer, peer_seconds = timed_peer(texts, fasttext.load_model(str(model_file(str(path)))), load_classifier(str(path)).labels[0])
    difference = np.abs(ours - peer)
    print(f"{len(texts)} documents, {n_megabytes:.1f} MB; largest difference {difference.max():.2g}")
    print(f"ours     {n_megabytes / our_seconds:8.2f} MB/s")
    print(f"fasttext {n_megabytes / peer_seconds:8.2f} MB/s")
    print_result(
        {
            "ours": {"mb_per_s": n_megabytes / our_seconds, "docs_per_s": len(texts) / our_seconds},
            "peer": {"mb_per_s": n_megabytes / peer_seconds, "docs_per_s": len(texts) / peer_seconds},
            "ratio": peer_seconds / our_seconds,
            "agreement": float((difference < TOLERANCE).mean()),
            "largest_difference": float(difference.max()),
            "documents": len(texts),
        }
    )


def train(texts: list[str], folder: Path) -> Path:
    """A model of the usual size; what it learns does not matter to its speed."""
    halves = [(label, part) for text in texts[:2000] for label, part in (("first", text[: len(text) // 2]), ("second", text[len(text) // 2 :]))]
    lines = [f"__label__{label} {' '.join(part.split())}\n" for label, part in halves]
    (folder / "train.txt").write_text("".join(lines), encoding="utf-8")
    model = fasttext.train_supervised(str(folder / "train.txt"), dim=100, wordNgrams=2, bucket=1 << 18, epoch=1, thread=1, verbose=0)
    model.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def timed_ours(texts: list[str], classifier: Classifier) -> tuple[np.ndarray, float]:
    """Probability of the first label, (n_docs,) float32, and CPU seconds."""
    column, label = pa.array(texts, pa.large_string()), classifier.labels[0]
    classifier.probability(column[:N_WARM], label)
    return timed(lambda: classifier.probability(column, label))


def timed_peer(texts: list[str], model: Any, label: str) -> tuple[np.ndarray, float]:
    """The library's probability of the label for each document, (n_docs,) float64, and CPU seconds."""
    predict, n_labels, wanted = model.f.predict, len(model.get_labels()), f"__label__{label}"

    def all_texts() -> np.ndarray:
        found = [{name: score for score, name in predict(text.replace("\n", " ") + "\n", n_labels, 0.0, "strict")} for text in texts]
        return np.array([min(scores.get(wanted, 0.0), 1.0) for scores in found])

    for text in texts[:N_WARM]:
        predict(text.replace("\n", " ") + "\n", n_labels, 0.0, "strict")
    return timed(all_texts)


if __name__ == "__main__":
    main()

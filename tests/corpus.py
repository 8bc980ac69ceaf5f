"""Generated text for tests: words from a seeded Zipf-like vocabulary in sentences and paragraphs, with some bad documents."""

import gzip
import json
import random
from pathlib import Path

COMMON = ["the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not", "have"]
CONSONANTS, VOWELS = "bcdfghjklmnprstvw", "aeiou"


def vocabulary(seed: int, size: int = 1500) -> list[str]:
    """Pronounceable words; different seeds give different domains."""
    rng = random.Random(seed)
    return ["".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.randint(1, 4))) for _ in range(size)]


def document(rng: random.Random, words: list[str], n_sentences: int) -> str:
    """Prose that passes the usual quality rules."""
    sentences = []
    for _ in range(n_sentences):
        length = rng.randint(6, 18)
        chosen = [rng.choice(COMMON) if rng.random() < 0.45 else words[int(len(words) * rng.random() ** 2)] for _ in range(length)]
        sentences.append(" ".join(chosen).capitalize() + ".")
    return "\n\n".join(" ".join(sentences[start : start + 5]) for start in range(0, n_sentences, 5))


def write_corpus(folder: Path, seed: int, n_documents: int, n_files: int = 4) -> Path:
    """JSONL.gz files of documents with some duplicates, near duplicates, and documents that rules drop."""
    rng = random.Random(seed)
    words = vocabulary(seed)
    texts: list[str] = []
    for _ in range(n_documents):
        kind = rng.random()
        if kind < 0.05 and texts:
            texts.append(rng.choice(texts))
        elif kind < 0.10 and texts:
            texts.append(rng.choice(texts) + " One more sentence at the end.")
        elif kind < 0.15:
            texts.append("buy now! " * rng.randint(5, 60))
        else:
            texts.append(document(rng, words, rng.randint(8, 60)))
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_files):
        with gzip.GzipFile(folder / f"{number:02d}.jsonl.gz", "wb", mtime=0) as handle:
            for text in texts[number::n_files]:
                handle.write((json.dumps({"text": text}) + "\n").encode())
    return folder

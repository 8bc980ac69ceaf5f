"""Documents to token shards on one core: the whole of `tokenize run` against Hugging Face tokenizers' encoding alone.

    python -m benchmarks.tokenize --input FILE.jsonl.zst --tokenizer DIR [--backend auto] [--limit DOCUMENTS]

Ours is timed from the documents set on disk to the committed tokens set: start-up self-check against the reference, checksums,
reading, encoding, writing. The peer is timed for `encode_batch_fast` on texts already in memory, and writes nothing.
"""

import argparse
import os
import tempfile
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np
import pyarrow as pa
import xxhash
from tokenizers import Encoding, Tokenizer

from benchmarks.harness import print_result, read_texts, timed, use_one_core
from shards.manifest import Manifest
from shards.read import ShardSet
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tokenize_tools.definition import read_definition
from tokenize_tools.recipe import TokenizeRecipe
from tokenize_tools.run import tokenize

BATCH = 1000


def main() -> None:
    """Print what was measured; the last line is one JSON object, figures in MB of UTF-8 text per second."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="JSONL with `text` (.gz, .zst or plain), or a documents set")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--limit", type=int, help="documents to take")
    options = parser.parse_args()
    use_one_core()
    texts = texts_of_set(options.input)[: options.limit] if options.input.is_dir() else read_texts(options.input, options.limit)
    n_megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        documents = write_documents(texts, Path(folder) / "documents")
        tokens = Path(folder) / "tokens"
        recipe = TokenizeRecipe(documents=[documents], tokenizer=options.tokenizer, out=tokens, backend=options.backend, bos=False, eos=False)
        manifest, seconds = timed(lambda: tokenize(recipe))
        expected, peer_seconds = encode_by_peer(texts, options.tokenizer)
        agreement = agreeing(tokens, expected)
    report(manifest, n_megabytes, seconds, peer_seconds, agreement)


def texts_of_set(folder: Path) -> list[str]:
    """Texts of a documents set."""
    return [text for batch in ShardSet(folder, "documents").batches(["text"]) for text in batch.column("text").to_pylist()]


def write_documents(texts: list[str], folder: Path) -> Path:
    """The texts as a documents set."""
    write_set(folder, "documents", DOCUMENTS, (batch_of(texts[start : start + BATCH], start) for start in range(0, len(texts), BATCH)))
    return folder


def batch_of(texts: list[str], first: int) -> pa.RecordBatch:
    """One record batch of the documents schema."""
    blank = [""] * len(texts)
    ids = [xxhash.xxh3_128_digest(text) for text in texts]
    columns = [ids, texts, blank, blank, blank, blank, blank, range(first, first + len(texts))]
    return pa.record_batch([pa.array(column, field.type) for column, field in zip(columns, DOCUMENTS, strict=True)], schema=DOCUMENTS)


def encode_by_peer(texts: list[str], path: Path) -> tuple[list[list[int]], float]:
    """Ids by Hugging Face tokenizers in batches, and the seconds it took."""
    tokenizer = Tokenizer.from_str(read_definition(path).json_text)
    tokenizer.encode_special_tokens = True
    tokenizer.encode_batch_fast(texts[:1], add_special_tokens=False)

    def encode() -> list[Encoding]:
        batches = (texts[first : first + BATCH] for first in range(0, len(texts), BATCH))
        return [one for batch in batches for one in tokenizer.encode_batch_fast(batch, add_special_tokens=False)]

    encodings, seconds = timed(encode)
    return [one.ids for one in encodings], seconds


def agreeing(folder: Path, expected: list[list[int]]) -> float:
    """Share of documents whose ids in the tokens set are the expected ones."""
    rows = (row for batch in ShardSet(folder, "tokens").batches(["tokens"]) for row in batch.column("tokens"))
    return float(np.mean([np.array_equal(row.values.to_numpy(), ids) for row, ids in zip(rows, expected, strict=True)]))


def report(manifest: Manifest, n_megabytes: float, seconds: float, peer_seconds: float, agreement: float) -> None:
    """A line of words and the JSON object."""
    print(f"{manifest.n_rows:,} documents, {n_megabytes:.1f} MB, {manifest.n_tokens:,} tokens by {manifest.info['backend']} on one core")
    ours, peer = n_megabytes / seconds, n_megabytes / peer_seconds
    print_result({"ours": round(ours, 2), "peer": round(peer, 2), "ratio": round(ours / peer, 2), "agreement": agreement})


if __name__ == "__main__":
    main()

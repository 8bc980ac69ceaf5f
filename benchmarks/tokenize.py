"""Documents to token shards on one core: the whole of `tokenize run` against Hugging Face tokenizers' encoding alone.

    python -m benchmarks.tokenize --input FILE.jsonl.zst --tokenizer DIR [--backend auto] [--limit DOCUMENTS]

Ours is timed from the documents set on disk to the committed tokens set: loading the tokenizer, the self-check against the
reference, checksums, reading, encoding, writing. `startup_seconds` is what a set of one document takes, `ratio_after_startup` the ratio
without it. The peer is timed for `encode_batch_fast` on texts already in memory, by a tokenizer already loaded, and writes nothing;
`peer.mb_per_s_threads` is by the clock on the wall with a thread for each core. Ids are compared on the documents, on texts made to trip
a tokenizer, and on every Unicode scalar, alone and in runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np
import pyarrow as pa
import xxhash
from tokenizers import Encoding, Tokenizer

from benchmarks.harness import print_result, read_texts, timed, use_one_core
from shards.read import ShardSet
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tokenize_tools.backends import REFERENCE, build
from tokenize_tools.definition import read_definition, reference_tokenizer
from tokenize_tools.recipe import TokenizeRecipe
from tokenize_tools.round_trip import scalars
from tokenize_tools.run import tokenize
from tokenize_tools.selfcheck import differences, traps
from tokenize_tools.texts import strings

BATCH = 1000


def main() -> None:
    """Print what was measured; the last line is one JSON object, figures in MB of UTF-8 text per second."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="JSONL with `text` (.gz, .zst or plain), or a documents set")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--limit", type=int, help="documents to take")
    options = parser.parse_args()
    texts = texts_of_set(options.input)[: options.limit] if options.input.is_dir() else read_texts(options.input, options.limit)
    n_megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        documents = write_documents(texts, Path(folder) / "documents")
        tokens = Path(folder) / "tokens"
        recipe = TokenizeRecipe(documents=[documents], tokenizer=options.tokenizer, out=tokens, backend=options.backend, bos=False, eos=False)
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        use_one_core()
        manifest, seconds = timed(lambda: tokenize(recipe))
        startup = startup_seconds(recipe, Path(folder))
        expected, peer_seconds = encode_by_peer(texts, options.tokenizer)
        differing = differing_documents(tokens, expected)
    odd, odd_differing = compare_odd_texts(options.tokenizer, manifest.info["backend"].split()[0])
    if cores:
        os.sched_setaffinity(0, cores)
    threaded = threaded_peer(texts, options.tokenizer)
    print(f"{manifest.n_rows:,} documents, {n_megabytes:.1f} MB, {manifest.n_tokens:,} tokens by {manifest.info['backend']} on one core")
    print(f"{differing:,} of {manifest.n_rows:,} documents and {odd_differing:,} of {odd:,} odd texts and characters differ")
    ours, peer = n_megabytes / seconds, n_megabytes / peer_seconds
    print_result(
        {
            "ours": {"mb_per_s": round(ours, 2), "startup_seconds": round(startup, 3)},
            "peer": {"mb_per_s": round(peer, 2), "mb_per_s_threads": threaded},
            "ratio": round(ours / peer, 2),
            "ratio_after_startup": round(peer_seconds / max(seconds - startup, 1e-9), 2),
            "agreement": 1 - (differing + odd_differing) / (manifest.n_rows + odd),
        }
    )


def startup_seconds(recipe: TokenizeRecipe, folder: Path) -> float:
    """CPU seconds of the same run on one document, with nothing kept in memory from before."""
    build.cache_clear()
    reference_tokenizer.cache_clear()
    one = recipe.model_copy(update={"documents": [write_documents(["A single document."], folder / "one")], "out": folder / "one-token"})
    return timed(lambda: tokenize(one))[1]


def compare_odd_texts(path: Path, backend: str) -> tuple[int, int]:
    """How many traps, scalars alone between letters, and runs of 16 scalars there are, and on how many the backend's ids differ."""
    definition = read_definition(path)
    points = scalars()
    runs = ["".join(points[start : start + 16]) for start in range(0, len(points), 16)]
    texts = strings([*traps(definition), *(f"a{point}b" for point in points), *runs])
    pieces = [texts.slice(start, 50_000) for start in range(0, len(texts), 50_000)]
    found = [differences(build(backend, definition).encode(piece), build(REFERENCE, definition).encode(piece)) for piece in pieces]
    return len(texts), sum(map(len, found))


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


def differing_documents(folder: Path, expected: list[list[int]]) -> int:
    """Documents whose ids in the tokens set are not the expected ones."""
    rows = (row for batch in ShardSet(folder, "tokens").batches(["tokens"]) for row in batch.column("tokens"))
    return sum(not np.array_equal(row.values.to_numpy(), ids) for row, ids in zip(rows, expected, strict=True))


def threaded_peer(texts: list[str], path: Path) -> float:
    """MB/s by the clock on the wall of `encode_batch_fast` with all cores, in a process of its own: threads are set once a process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(texts))
        environment = {name: value for name, value in os.environ.items() if name != "RAYON_NUM_THREADS"}
        done = subprocess.run([sys.executable, "-c", _THREADED, str(file), str(path)], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return round(sum(len(text.encode()) for text in texts) / 1e6 / float(done.stdout), 2)


_THREADED = """
import json, sys, time
from pathlib import Path
from tokenizers import Tokenizer
texts, path = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
tokenizer = Tokenizer.from_file(str(path / "tokenizer.json" if path.is_dir() else path))
tokenizer.encode_special_tokens = True
start = time.monotonic()
for first in range(0, len(texts), 1000):
    tokenizer.encode_batch_fast(texts[first : first + 1000], add_special_tokens=False)
print(time.monotonic() - start)
"""


if __name__ == "__main__":
    main()

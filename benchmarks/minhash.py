"""MinHash: signatures against rensa, datatrove and datasketch on the same texts, datatrove's clusters, and any number of planted duplicates.

python -m benchmarks.minhash --input FILE [--limit N]    signatures; clusters of datatrove's own stages 1 to 4
python -m benchmarks.minhash --synthetic 2000000         from text to survivors, with near-duplicates planted
"""

import argparse
import resource
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.harness import print_result, read_texts, timed, use_one_core
from benchmarks.near_duplicates import make_batch, vocabulary
from curate.dedup.bands import agreement
from curate.dedup.clusters import roots_by_size
from curate.dedup.keep import members, survivors
from curate.dedup.lsh import datatrove_pairs, near_clusters
from curate.dedup.minhash import MinHashParams, signatures
from curate.dedup.shingles import shingles
from curate.dedup.signatures import signer
from curate.dedup.sketch import sketch_shingles
from curate.dedup.store import SignatureStore, bands_batch, bands_schema, signatures_batch, signatures_schema
from curate.kernels.buffers import text_buffers
from curate.words.spacy_words import WordSplitter
from shards.stages import Stage

PARAMS = MinHashParams()
N_VALUES = PARAMS.n_permutations
_BATCH, _TASK_BATCHES = 8192, 16
_PEER_DOCUMENTS = 300
_WIDTH = 0.05


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, help="JSONL with a text field, plain, .gz or .zst; without it, generated text")
    parser.add_argument("--limit", type=int, default=3000, help="documents of the input; datatrove signs some 100 a second")
    parser.add_argument("--synthetic", type=int, help="number of generated documents to find near-duplicates in")
    arguments = parser.parse_args()
    use_one_core()
    if arguments.synthetic:
        print_result(synthetic(arguments.synthetic))
        return
    texts = read_texts(arguments.input, arguments.limit) if arguments.input else generated(arguments.limit)
    print_result(compare(texts))


def generated(n_docs: int) -> list[str]:
    """Generated texts with planted duplicates."""
    return make_batch(0, n_docs, vocabulary())[0].to_pylist()


def compare(texts: list[str]) -> dict[str, Any]:
    """Signatures of the same texts by all; agreement: datatrove's values bit for bit, its clusters and survivors."""
    column = pa.array(texts, pa.large_string())
    n_bytes = int(text_buffers(column)[1][-1])
    sign, splitter = signer("fast", "", PARAMS), WordSplitter("spacy:en")
    sign(column[:200])
    signatures(column[:200], splitter, PARAMS)
    _, ours = best(lambda: sign(column))
    (sig, exists), exact = best(lambda: signatures(column, splitter, PARAMS), 1)
    from_shingles = against_rensa(column)
    (theirs, signed), peer = timed(lambda: datatrove_signatures(texts))
    equal = bool(np.array_equal(signed, exists)) and all(np.array_equal(mine, other) for mine, other in zip(sig[exists], theirs, strict=True))
    clusters = datatrove_agreement(texts, sig, exists)
    return {
        "ours": {"seconds": ours, "MB_per_second": n_bytes / ours / 1e6},
        "peer": {"datatrove_seconds": peer, "MB_per_second": n_bytes / peer / 1e6},
        "ratio": peer / ours,
        "ratio_datatrove_mode": peer / exact,
        "from_shingles": from_shingles,
        "from_text": from_text(column, texts, ours),
        "agreement": {"datatrove_values_equal": equal, **clusters},
        "documents": len(texts),
        "megabytes": n_bytes / 1e6,
    }


def best(function: Any, times: int = 5) -> tuple[Any, float]:
    """A function's result and its lowest CPU seconds; other processes can only slow it down."""
    found, seconds = timed(function)
    for _ in range(times - 1):
        seconds = min(seconds, timed(function)[1])
    return found, seconds


def against_rensa(column: pa.Array) -> dict[str, Any]:
    """Signatures of the same shingle hashes; how far estimates are from the truth on pairs of neighbours whose sets differ."""
    from rensa import CMinHash, RMinHash

    values, offsets = shingles(*text_buffers(column), PARAMS.ngram)
    wide, starts = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), offsets.astype(np.uint64)
    sets = [wide[start:stop].tolist() for start, stop in pairwise(offsets)]
    sig, ours = best(lambda: sketch_shingles(values, offsets, N_VALUES))
    _, r_minhash = best(lambda: RMinHash.digest_matrix_from_flat_token_hashes(wide, starts, N_VALUES, 1))
    _, c_minhash = best(lambda: CMinHash.digests64_from_token_hash_sets(sets, N_VALUES, 1), 1)
    return {
        "ours_ns_per_shingle": ours / len(values) * 1e9,
        "ratio_rensa_r_minhash": r_minhash / ours,
        "ratio_rensa_c_minhash": c_minhash / ours,
        "estimate_bias": estimate_bias(sig, values, offsets),
    }


def estimate_bias(sig: np.ndarray, values: np.ndarray, offsets: np.ndarray) -> float:
    """Mean of estimated less true Jaccard similarity over pairs of each set and a half of it with as many shingles of the next."""
    left, right, true = [], [], []
    for doc in range(len(sig) - 1):
        own, following = values[offsets[doc] : offsets[doc + 1]], values[offsets[doc + 1] : offsets[doc + 2]]
        mixed = np.concatenate([own[: len(own) // 2], following[: len(own) // 2]])
        if len(mixed) and len(own):
            left.append(doc)
            right.append(mixed)
            true.append(len(np.intersect1d(own, mixed)) / len(np.union1d(own, mixed)))
    mixed_sig = sketch_shingles(np.concatenate(right), np.cumsum([0, *map(len, right)]), N_VALUES)
    return float((agreement(sig[left], mixed_sig) - np.array(true)).mean())


def from_text(column: pa.Array, texts: list[str], ours: float) -> dict[str, float]:
    """The peers with the simplest words: lower-cased and split at white space."""
    from datasketch import MinHash
    from rensa import RMinHash

    def ngrams(text: str) -> list[str]:
        words = text.lower().split()
        return [" ".join(words[start : start + PARAMS.ngram]) for start in range(len(words) - PARAMS.ngram + 1)]

    some = texts[:_PEER_DOCUMENTS]
    _, rensa = timed(lambda: RMinHash.digest_matrix_from_token_sets([ngrams(text) for text in texts], N_VALUES, 1))
    _, sketched = timed(lambda: [MinHash(num_perm=N_VALUES).update_batch([one.encode() for one in ngrams(text)]) for text in some])
    _, own = best(lambda: signer("fast", "", PARAMS)(column[: len(some)]))
    return {"ratio_rensa": rensa / ours, "ratio_datasketch": sketched / own}


def datatrove_signatures(texts: list[str]) -> tuple[list[np.ndarray], np.ndarray]:
    """datatrove's own signatures, of the documents that have one, and which those are, (n_docs,) bool."""
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    with tempfile.TemporaryDirectory() as folder:
        stage = MinhashDedupSignature(folder, MinhashConfig(), language="eng")
        found = [stage.get_shingles(text) for text in texts]
        return [np.concatenate(stage.get_signature(one)) for one in found if one.size], np.array([one.size > 0 for one in found])


def datatrove_agreement(texts: list[str], sig: np.ndarray, exists: np.ndarray) -> dict[str, Any]:
    """Run datatrove's four stages; the same clusters and the same kept documents?"""
    tables = ([pa.Table.from_batches([batch])] for batch in (bands_batch(sig, exists, PARAMS.buckets), signatures_batch(sig, exists)))
    store, everybody = SignatureStore(*tables), np.ones(len(texts), bool)
    labels = near_clusters(store, everybody)
    roots = roots_by_size(len(texts), datatrove_pairs(store, everybody, store.rows))
    some = members(labels)
    their_members, kept = datatrove_stages(texts)
    ours = {frozenset(some[labels[some] == label].tolist()) for label in np.unique(labels[some])}
    return {
        "datatrove_clusters_equal": ours == their_members,
        "datatrove_kept_equal": bool(np.array_equal(np.flatnonzero(roots == np.arange(len(texts))), kept)),
        "clusters": len(ours),
        "dropped": len(texts) - len(kept),
    }


def datatrove_stages(texts: list[str]) -> tuple[set[frozenset[int]], np.ndarray]:
    """Clusters of two or more, and kept documents, by datatrove's stages 1 to 4."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup import minhash as dedup

    with tempfile.TemporaryDirectory() as name:
        folder, config = Path(name), dedup.MinhashConfig()
        documents = [Document(text=text, id=str(index)) for index, text in enumerate(texts)]
        dedup.MinhashDedupSignature(str(folder / "sig"), config, language="eng").run(iter(documents))
        for bucket in range(config.num_buckets):
            dedup.MinhashDedupBuckets(str(folder / "sig"), str(folder / "pairs"), config=config).run(None, bucket, config.num_buckets)
        dedup.MinhashDedupCluster(str(folder / "pairs"), str(folder / "ids"), config, save_cluster_id=True, save_cluster_size=True).run(None, 0, 1)
        if not (folder / "ids" / "000000.remove").exists():
            return set(), np.arange(len(texts))
        pairs = np.fromfile(folder / "ids" / "000000.clusters", "<u4").reshape(-1, 2)
        removed = np.fromfile(folder / "ids" / "000000.remove", "<u4")
    clusters = {frozenset(pairs[pairs[:, 1] == one, 0].tolist()) for one in np.unique(pairs[:, 1])}
    return clusters, np.setdiff1d(np.arange(len(texts)), removed)


def synthetic(n_docs: int) -> dict[str, Any]:
    """Text to survivors. Recall: planted duplicates found, by similarity, beside theory; precision: dropped documents that are planted duplicates."""
    words, sign = vocabulary(), signer("fast", "", PARAMS)
    sign(make_batch(0, 100, words)[0])
    peer = seconds_per_document(words)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        similarity, n_bytes, signing = sign_all(stage, n_docs, words, sign)
        started, wall = time.process_time(), time.monotonic()
        n_tasks = -(-n_docs // (_BATCH * _TASK_BATCHES))
        store = SignatureStore([stage.table(task, "bands") for task in range(n_tasks)], [stage.table(task, "signatures") for task in range(n_tasks)])
        labels = near_clusters(store, np.ones(n_docs, bool))
        some = members(labels)
        dropped = np.setdiff1d(some, some[survivors(labels[some])])
        clustering, clustering_wall = time.process_time() - started, time.monotonic() - wall
    planted = np.flatnonzero(~np.isnan(similarity))
    found = labels[planted] == labels[planted - 1]
    seconds = signing + clustering
    return {
        "ours": {"seconds": seconds, "signing": signing, "clustering": clustering, "clustering_wall": clustering_wall},
        "peer": {"datatrove_stage_1_seconds_estimated": peer * n_docs, "from_documents": _PEER_DOCUMENTS},
        "ratio": peer * n_docs / seconds,
        "agreement": {"recall": recall(similarity[planted], found), "precision": float(np.isin(dropped, planted).mean()) if len(dropped) else 1.0},
        "documents": n_docs,
        "gigabytes": n_bytes / 1e9,
        "MB_per_second": n_bytes / seconds / 1e6,
        "planted": len(planted),
        "dropped": len(dropped),
        "peak_memory_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


def sign_all(stage: Stage, n_docs: int, words: Any, sign: Any) -> tuple[np.ndarray, int, float]:
    """Write tables of all documents as a run does. Returns true similarities (n_docs,), bytes of text, CPU seconds without making the texts."""
    similarity, n_bytes, seconds = np.full(n_docs, np.nan), 0, 0.0
    schemas = {"bands": bands_schema(PARAMS.buckets), "signatures": signatures_schema(np.dtype(np.uint32), N_VALUES)}
    task_documents = _BATCH * _TASK_BATCHES
    for task, task_start in enumerate(range(0, n_docs, task_documents)):
        with stage.open_task(task, schemas, uncompressed=tuple(schemas)) as writer:
            for first in range(task_start, min(task_start + task_documents, n_docs), _BATCH):
                texts, similarity[first : first + _BATCH] = make_batch(first, min(_BATCH, n_docs - first), words)
                n_bytes += texts.nbytes
                started = time.process_time()
                sig, exists = sign(texts)
                writer.write("bands", bands_batch(sig, exists, PARAMS.buckets))
                writer.write("signatures", signatures_batch(sig, exists))
                seconds += time.process_time() - started
            writer.commit()
    return similarity, n_bytes, seconds


def recall(similarity: np.ndarray, found: np.ndarray) -> list[dict[str, float]]:
    """Share of planted duplicates found by true similarity, beside 1 - (1 - s^hashes)^buckets."""
    rows = []
    for low in np.arange(0, 1, _WIDTH):
        here = (similarity >= low) & ((similarity < low + _WIDTH) | ((low + _WIDTH > 1 - 1e-9) & (similarity <= 1)))
        if here.any():
            theory = (1 - (1 - similarity[here] ** PARAMS.hashes) ** PARAMS.buckets).mean()
            rows.append({"from": round(float(low), 2), "planted": int(here.sum()), "found": float(found[here].mean()), "theory": float(theory)})
    return rows


def seconds_per_document(words: Any) -> float:
    """CPU seconds of datatrove's stage 1 for a document of this kind, hashes only."""
    texts = make_batch(0, _PEER_DOCUMENTS, words)[0].to_pylist()
    datatrove_signatures(texts[:5])
    return timed(lambda: datatrove_signatures(texts))[1] / len(texts)


if __name__ == "__main__":
    main()

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.dedup.bands import agreement
from curate.dedup.clusters import roots_by_size
from curate.dedup.interchange import to_datasketch, to_datasketch_lsh
from curate.dedup.lsh import datatrove_pairs, near_clusters
from curate.dedup.minhash import MinHashParams, signatures
from curate.dedup.store import SignatureStore, bands_batch, signatures_batch
from curate.words.spacy_words import WordSplitter

VOCABULARY = [f"{start}{end}" for start in ("Ba", "cé", "di", "don't ", "42 ", "u.s. ") for end in ("lo", "ra", "nu?", "to,", "MI", "ké\n", "s (so) ")]
PARAMS = MinHashParams()


def words(seed: int, n: int) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=n)


def edited(text: list[str], n_changes: int, seed: int) -> list[str]:
    changed, chance = list(text), random.Random(seed)
    for place in chance.sample(range(len(text)), n_changes):
        changed[place] = f"new{place}"
    return changed


def corpus() -> list[str]:
    texts = [words(seed, 120) for seed in range(30)]
    texts += [edited(texts[i], n_changes, i) for i, n_changes in enumerate([0, 0, 1, 1, 2, 2, 3, 4, 6, 9])]
    texts += [edited(texts[2], 1, 77), edited(texts[0], 2, 78), ["too", "few", "words"], [], words(99, 5)]
    return [" ".join(text) for text in texts]


@pytest.fixture(scope="module")
def splitter() -> WordSplitter:
    return WordSplitter("spacy:en")


@pytest.fixture(scope="module")
def signed(splitter):
    return signatures(pa.array(corpus(), pa.large_string()), splitter, PARAMS)


def test_signatures_are_those_of_datatrove(signed, tmp_path):
    dedup = pytest.importorskip("datatrove.pipeline.dedup.minhash")
    stage = dedup.MinhashDedupSignature(str(tmp_path), dedup.MinhashConfig(), language="eng")
    sig, has_signature = signed
    for text, row, has in zip(corpus(), sig, has_signature, strict=True):
        shingles = stage.get_shingles(text)
        assert has == (shingles.size > 0)
        if has:
            assert np.array_equal(np.concatenate(stage.get_signature(shingles)), row)


def windows() -> list[str]:
    """Windows that slide over three texts: long chains, in which datatrove's survivor is seldom the first."""
    return [" ".join(words(seed, 300)[start : start + 100]) for start in range(0, 200, 4) for seed in (1, 2, 3)]


def test_clusters_and_survivors_are_those_of_datatroves_own_pipeline(splitter, tmp_path):
    texts = corpus() + windows()
    sig, has_signature = signatures(pa.array(texts, pa.large_string()), splitter, PARAMS)
    tables = ([pa.Table.from_batches([batch])] for batch in (bands_batch(sig, has_signature, PARAMS.buckets), signatures_batch(sig, has_signature)))
    store = SignatureStore(*tables)
    everybody = np.ones(len(sig), bool)
    labels = near_clusters(store, everybody)
    ours = {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels) if np.sum(labels == label) > 1}
    roots = roots_by_size(len(sig), datatrove_pairs(store, everybody, store.rows))
    clusters, kept = datatrove_clusters(texts, tmp_path)
    assert ours == clusters and len(ours) >= 5
    assert np.flatnonzero(roots == np.arange(len(sig))).tolist() == kept
    assert kept != np.unique(labels).tolist(), "the corpus must tell datatrove's survivors from the first of each cluster"


def datatrove_clusters(texts: list[str], folder: Path) -> tuple[set[frozenset[int]], list[int]]:
    """Clusters of two or more, and the documents that stages 1 to 4 keep."""
    dedup = pytest.importorskip("datatrove.pipeline.dedup.minhash")
    from datatrove.data import Document

    config = dedup.MinhashConfig()
    documents = [Document(text=text, id=str(index)) for index, text in enumerate(texts)]
    dedup.MinhashDedupSignature(str(folder / "sig"), config, language="eng").run(iter(documents))
    for bucket in range(config.num_buckets):
        dedup.MinhashDedupBuckets(str(folder / "sig"), str(folder / "pairs"), config=config).run(None, bucket, config.num_buckets)
    cluster = dedup.MinhashDedupCluster(str(folder / "pairs"), str(folder / "ids"), config, save_cluster_id=True, save_cluster_size=True)
    cluster.run(None, 0, 1)
    kept = dedup.MinhashDedupFilter(str(folder / "ids"), load_cluster_ids=True)
    members = np.fromfile(folder / "ids" / "000000.clusters", "<u4").reshape(-1, 2)
    clusters = {frozenset(members[members[:, 1] == one, 0].tolist()) for one in np.unique(members[:, 1])}
    return clusters, [int(document.id) for document in kept.run(iter(documents))]


def test_documents_with_fewer_words_than_an_ngram_have_no_signature(splitter):
    _, has_signature = signatures(pa.array(["one two three four", "one two three four five", ""]), splitter, PARAMS)
    assert has_signature.tolist() == [False, True, False]


def test_the_batch_a_document_comes_in_does_not_change_its_signature(signed, splitter):
    texts = pa.array(corpus(), pa.large_string())
    again = np.concatenate([signatures(texts[start : start + 7], splitter, PARAMS)[0] for start in range(0, len(texts), 7)])
    assert np.array_equal(signed[0], again)


def shingle_set(text: str) -> set[str]:
    tokens = text.split()
    return {" ".join(tokens[i : i + 5]) for i in range(len(tokens) - 4)}


def test_estimates_agree_with_true_jaccard_and_with_datasketch_within_five_standard_errors(splitter):
    datasketch = pytest.importorskip("datasketch")
    base = [f"w{number}" for number in range(400)]
    plain = [" ".join(edited(base, n, n)).replace("w", "word") for n in (0, 1, 3, 8, 20, 60)]
    letters = [text.translate(str.maketrans("0123456789", "abcdefghij")) for text in plain]
    sig, _ = signatures(pa.array(letters), splitter, PARAMS)
    pairs = np.array([(0, other) for other in range(1, len(letters))])
    sketches = [datasketch.MinHash(num_perm=112, seed=5) for _ in letters]
    for sketch, text in zip(sketches, letters, strict=True):
        sketch.update_batch([shingle.encode() for shingle in sorted(shingle_set(text))])
    for (left, right), estimate in zip(pairs, agreement(sig[pairs[:, 0]], sig[pairs[:, 1]]), strict=True):
        a, b = shingle_set(letters[left]), shingle_set(letters[right])
        true = len(a & b) / len(a | b)
        bound = 5 * np.sqrt(true * (1 - true) / 112)
        assert abs(estimate - true) <= bound
        assert abs(estimate - sketches[left].jaccard(sketches[right])) <= 2 * bound


def test_a_datasketch_index_answers_with_the_documents_that_share_a_bucket(signed):
    sig, has_signature = signed
    index = to_datasketch_lsh(sig, has_signature, [f"doc{i}" for i in range(len(sig))], PARAMS)
    for doc in np.flatnonzero(has_signature):
        same = (sig == sig[doc]).reshape(len(sig), PARAMS.buckets, PARAMS.hashes).all(axis=2).any(axis=1) & has_signature
        assert set(index.query(to_datasketch(sig[doc], PARAMS))) == {f"doc{i}" for i in np.flatnonzero(same)}
    assert to_datasketch(sig[0], PARAMS).jaccard(to_datasketch(sig[30], PARAMS)) == agreement(sig[:1], sig[30:31])[0]

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xxhash

from curate.dedup.clusters import components
from curate.dedup.interchange import to_datasketch, to_datasketch_lsh
from curate.dedup.minhash import MinHashParams, candidate_pairs, estimated_jaccard, signatures, verified_pairs
from curate.dedup.xxh64 import xxh64
from curate.signals.words import WordSplitter

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


def test_xxh64_is_that_of_xxhash_for_every_length_and_alignment():
    data = np.frombuffer(random.Random(0).randbytes(300), np.uint8)
    for length in range(130):
        for start in (0, 3):
            assert int(xxh64(data, start, start + length)) == xxhash.xxh64_intdigest(data[start : start + length].tobytes())


def test_signatures_are_those_of_datatrove(signed, tmp_path):
    dedup = pytest.importorskip("datatrove.pipeline.dedup.minhash")
    stage = dedup.MinhashDedupSignature(str(tmp_path), dedup.MinhashConfig(), language="eng")
    sig, has_signature = signed
    for text, row, has in zip(corpus(), sig, has_signature, strict=True):
        shingles = stage.get_shingles(text)
        assert has == (shingles.size > 0)
        if has:
            assert np.array_equal(np.concatenate(stage.get_signature(shingles)), row)


def test_clusters_are_those_of_datatroves_own_pipeline(signed, tmp_path):
    sig, has_signature = signed
    labels = components(len(sig), candidate_pairs(sig, has_signature, PARAMS))
    ours = {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels) if np.sum(labels == label) > 1}
    assert ours == datatrove_clusters(corpus(), tmp_path) and len(ours) >= 5


def datatrove_clusters(texts: list[str], folder: Path) -> set[frozenset[int]]:
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
    n_clusters = len(np.unique(members[:, 1]))
    assert len(list(kept.run(iter(documents)))) == len(texts) - len(members) + n_clusters
    return {frozenset(members[members[:, 1] == one, 0].tolist()) for one in np.unique(members[:, 1])}


def test_documents_with_fewer_words_than_an_ngram_have_no_signature(splitter):
    sig, has_signature = signatures(pa.array(["one two three four", "one two three four five", ""]), splitter, PARAMS)
    assert has_signature.tolist() == [False, True, False]
    assert len(candidate_pairs(np.repeat(sig[:1], 3, axis=0), np.zeros(3, bool), PARAMS)) == 0


def test_the_batch_a_document_comes_in_does_not_change_its_signature(signed, splitter):
    texts = pa.array(corpus(), pa.large_string())
    again = np.concatenate([signatures(texts[start : start + 7], splitter, PARAMS)[0] for start in range(0, len(texts), 7)])
    assert np.array_equal(signed[0], again)


def test_pairs_connect_exactly_the_documents_that_share_a_bucket():
    params = MinHashParams(buckets=3, hashes=2)
    sig = np.random.default_rng(0).integers(0, 4, (60, 6), dtype=np.uint64)
    has_signature = np.arange(60) % 5 != 0
    labels = components(60, candidate_pairs(sig, has_signature, params))
    docs = np.flatnonzero(has_signature)
    slow = [(i, j) for i in docs for j in docs if any((sig[i, b : b + 2] == sig[j, b : b + 2]).all() for b in (0, 2, 4))]
    assert np.array_equal(labels, components(60, np.array(slow)))


def test_no_documents_give_no_pairs(splitter):
    sig, has_signature = signatures(pa.array([], pa.large_string()), splitter, PARAMS)
    assert sig.shape == (0, 112) and len(candidate_pairs(sig, has_signature, PARAMS)) == 0


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
    for (left, right), estimate in zip(pairs, estimated_jaccard(sig, pairs), strict=True):
        a, b = shingle_set(letters[left]), shingle_set(letters[right])
        true = len(a & b) / len(a | b)
        bound = 5 * np.sqrt(true * (1 - true) / 112)
        assert abs(estimate - true) <= bound
        assert abs(estimate - sketches[left].jaccard(sketches[right])) <= 2 * bound


def test_verification_drops_pairs_below_the_threshold_only(signed):
    sig, has_signature = signed
    pairs = candidate_pairs(sig, has_signature, PARAMS)
    kept = verified_pairs(sig, pairs, 0.9)
    assert 0 < len(kept) < len(pairs)
    assert {tuple(p) for p in kept} == {tuple(p) for p in pairs if np.mean(sig[p[0]] == sig[p[1]]) >= 0.9}


def test_a_datasketch_index_answers_with_the_documents_that_share_a_bucket(signed):
    sig, has_signature = signed
    index = to_datasketch_lsh(sig, has_signature, [f"doc{i}" for i in range(len(sig))], PARAMS)
    for doc in np.flatnonzero(has_signature):
        same = (sig == sig[doc]).reshape(len(sig), PARAMS.buckets, PARAMS.hashes).all(axis=2).any(axis=1) & has_signature
        assert set(index.query(to_datasketch(sig[doc], PARAMS))) == {f"doc{i}" for i in np.flatnonzero(same)}
    assert to_datasketch(sig[0], PARAMS).jaccard(to_datasketch(sig[30], PARAMS)) == estimated_jaccard(sig, np.array([[0, 30]]))[0]

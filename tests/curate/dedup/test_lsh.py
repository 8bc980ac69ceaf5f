import itertools

import numpy as np
import pyarrow as pa
import pytest

from curate.dedup.bands import agreement
from curate.dedup.clusters import components
from curate.dedup.lsh import datatrove_pairs, near_clusters
from curate.dedup.store import SignatureStore, bands_batch, signatures_batch
from curate.dedup.verify import MAX_CENTRES, centres

BUCKETS = 3


def stored(sig: np.ndarray, exists: np.ndarray, n_tables: int = 3) -> SignatureStore:
    edges = np.linspace(0, len(sig), n_tables + 1).astype(int)
    parts = [slice(start, stop) for start, stop in itertools.pairwise(edges)]
    bands = [pa.Table.from_batches([bands_batch(sig[part], exists[part], BUCKETS)]) for part in parts]
    return SignatureStore(bands, [pa.Table.from_batches([signatures_batch(sig[part], exists[part])]) for part in parts])


@pytest.fixture
def signed() -> tuple[np.ndarray, np.ndarray, SignatureStore]:
    sig = np.random.default_rng(0).integers(0, 9, (300, 6), dtype=np.uint32)
    exists = np.arange(300) % 7 != 0
    return sig, exists, stored(sig, exists)


def slow_pairs(sig: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    docs = np.flatnonzero(chosen)
    found = [(i, j) for i in docs for j in docs if i < j and (sig[i] == sig[j]).reshape(BUCKETS, -1).all(axis=1).any()]
    return np.array(found).reshape(-1, 2)


@pytest.mark.parametrize("part_keys", [1 << 20, 50, 7])
def test_clusters_connect_exactly_the_chosen_documents_that_share_a_band_however_small_the_parts(signed, part_keys):
    sig, exists, store = signed
    chosen = np.arange(300) % 5 != 0
    assert np.array_equal(near_clusters(store, chosen, part_keys), components(300, slow_pairs(sig, chosen & exists)))


def test_datatroves_pairs_come_by_band_then_hashes_then_document(signed):
    sig, exists, store = signed
    expected = []
    for band in range(BUCKETS):
        hashes = [tuple(row) for row in sig[:, 2 * band : 2 * band + 2]]
        order = sorted(np.flatnonzero(exists), key=lambda doc: (hashes[doc], doc))
        expected += [(i, j) for i, j in itertools.pairwise(order) if hashes[i] == hashes[j]]
    assert [tuple(pair) for pair in datatrove_pairs(store, np.ones(300, bool), store.rows)] == expected


def test_documents_that_share_no_band_give_no_pairs_and_stay_as_they_are():
    sig = np.arange(60, dtype=np.uint32).reshape(10, 6)
    store, everybody = stored(sig, np.ones(10, bool)), np.ones(10, bool)
    assert datatrove_pairs(store, everybody, store.rows).shape == (0, 2)
    assert near_clusters(store, everybody).tolist() == list(range(10))


def test_no_documents_give_no_clusters():
    store = SignatureStore([], [])
    assert near_clusters(store, np.empty(0, bool)).tolist() == []


def test_rows_come_in_the_order_asked_for(signed):
    sig, exists, store = signed
    docs = np.random.default_rng(1).permutation(np.flatnonzero(exists))[:80]
    assert np.array_equal(store.rows(docs), sig[docs])
    assert np.array_equal(store.signed(), exists)


def slow_centres(labels: np.ndarray, sig: np.ndarray, least: float, n_fixed: int) -> list[int]:
    twin, found = list(range(len(labels))), {}
    for place, label in enumerate(labels):
        known = found.setdefault(label, [])
        near = [centre for centre in known if np.mean(sig[place] == sig[centre]) >= least] if place >= n_fixed else []
        if near:
            twin[place] = near[0]
        else:
            known.append(place)
    return twin


@pytest.mark.parametrize("n_fixed", [0, 60])
def test_a_document_goes_only_for_a_better_one_that_it_resembles(n_fixed, monkeypatch):
    monkeypatch.setattr("curate.dedup.verify._CHUNK", 17)
    rng = np.random.default_rng(5)
    sig, labels = rng.integers(0, 2, (200, 10), dtype=np.uint32), rng.integers(0, 4, 200)
    twin = centres(labels, lambda places: sig[places], 0.8, n_fixed)
    assert twin.tolist() == slow_centres(labels, sig, 0.8, n_fixed)
    gone = np.flatnonzero(twin != np.arange(200))
    assert len(gone) > 50 and agreement(sig[gone], sig[twin[gone]]).min() >= 0.8


def test_a_giant_cluster_of_unlike_documents_loses_none():
    sig = np.random.default_rng(6).integers(0, 1 << 32, (3 * MAX_CENTRES, 8), dtype=np.uint32)
    assert np.array_equal(centres(np.zeros(len(sig), np.int64), lambda places: sig[places], 0.5), np.arange(len(sig)))

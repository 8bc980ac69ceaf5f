import numpy as np
import pyarrow as pa
import xxhash

from curate.dedup.exact import exact_clusters, id_words

TEXTS = ["a", "b", "a", "", "c", "b", "a", ""]


def ids(texts: list[str]) -> pa.Array:
    return pa.array([xxhash.xxh3_128_digest(text) for text in texts], pa.binary(16))


def test_copies_are_labelled_with_the_first_of_them():
    assert exact_clusters(id_words(ids(TEXTS))).tolist() == [TEXTS.index(text) for text in TEXTS]


def test_slices_and_chunks_of_an_id_column_read_alike():
    whole = id_words(ids(TEXTS))
    assert np.array_equal(id_words(ids(TEXTS)[2:5]), whole[2:5])
    assert np.array_equal(id_words(pa.chunked_array([ids(TEXTS[:3]), ids([]), ids(TEXTS[3:])], pa.binary(16))), whole)


def test_ids_that_agree_in_one_half_only_are_different():
    halves = np.array([[1, 2], [1, 3], [4, 2], [1, 2]], np.uint64)
    assert exact_clusters(halves).tolist() == [0, 1, 2, 0]


def test_no_documents_have_no_labels():
    assert exact_clusters(id_words(ids([]))).tolist() == []

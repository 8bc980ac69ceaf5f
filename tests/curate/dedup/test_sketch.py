import numpy as np
import pyarrow as pa
import pytest

from curate.dedup.bands import agreement, band_keys
from curate.dedup.shingles import shingles
from curate.dedup.sketch import sketch_shingles, sketch_texts
from curate.kernels.buffers import text_buffers

N_VALUES, BUCKETS, HASHES = 112, 14, 8


def pairs_of_sets(n_pairs: int, n_union: int, n_common: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Signatures of pairs of random sets with the given intersection and union."""
    values = np.random.default_rng(seed).integers(0, 1 << 32, (n_pairs, n_union), dtype=np.uint32)
    n_left = n_common + (n_union - n_common) // 2
    sides = values[:, :n_left], np.concatenate([values[:, :n_common], values[:, n_left:]], axis=1)
    left, right = (sketch_shingles(side.ravel(), np.arange(n_pairs + 1) * side.shape[1], N_VALUES) for side in sides)
    return left, right


@pytest.mark.parametrize(("n_union", "n_common"), [(4, 1), (10, 7), (20, 16), (50, 30), (110, 88), (250, 175), (600, 480), (2000, 1200)])
def test_estimates_are_unbiased_and_no_wider_than_minhash_for_sets_of_any_size(n_union, n_common):
    n_pairs, true = 3000, n_common / n_union
    estimate = agreement(*pairs_of_sets(n_pairs, n_union, n_common, n_union))
    width = np.sqrt(true * (1 - true) / N_VALUES)
    assert abs(estimate.mean() - true) < 4.5 * width / np.sqrt(n_pairs)
    assert estimate.std() < 1.05 * width


@pytest.mark.parametrize("n_union", [20, 100, 400])
@pytest.mark.parametrize("share", [0.5, 0.6, 0.7, 0.8, 0.9])
def test_pairs_are_found_with_the_probability_of_theory_or_better_on_either_side(n_union, share):
    n_pairs, n_common = 3000, round(share * n_union)
    left, right = pairs_of_sets(n_pairs, n_union, n_common, 1000 * n_union + n_common)
    exists = np.ones(n_pairs, bool)
    found = (band_keys(left, exists, BUCKETS) == band_keys(right, exists, BUCKETS)).any(axis=0).mean()
    theory = 1 - (1 - (n_common / n_union) ** HASHES) ** BUCKETS
    error = 4 * np.sqrt(theory * (1 - theory) / n_pairs) + 0.001
    # Places are filled without repeats, so the curve is a little steeper than that of independent permutations.
    assert theory - 0.015 - error < found < theory + 0.015 + error
    if share >= 0.8:
        assert found > theory - error
    if share <= 0.6:
        assert found < theory + error


def test_equal_sets_have_equal_signatures_whatever_their_order_and_repeats():
    values = np.random.default_rng(3).integers(0, 1 << 32, 300, dtype=np.uint32)
    again = np.concatenate([values[::-1], values[:50]])
    both = sketch_shingles(np.concatenate([values, again]), np.array([0, 300, 650]), N_VALUES)
    assert np.array_equal(both[0], both[1])


def test_another_seed_gives_another_sketch():
    text = text_buffers(pa.array([" ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(400))], pa.large_string()))
    one, other = (sketch_texts(*text, 5, N_VALUES, seed)[0][0] for seed in (1, 2))
    assert (one == other).mean() < 0.05


def test_text_and_its_shingles_have_the_same_signature_and_short_texts_have_none():
    texts = ["one two three four five six seven", "one two three four", "", "漢字仮名交じり文の例です " * 20]
    utf8, offsets = text_buffers(pa.array(texts, pa.large_string()))
    sig, exists = sketch_texts(utf8, offsets, 5, N_VALUES, 1)
    assert exists.tolist() == [True, False, False, True]
    assert np.array_equal(sig, sketch_shingles(*shingles(utf8, offsets, 5), N_VALUES))


def test_the_batch_a_text_comes_in_changes_nothing():
    texts = pa.array([f"text number {'x' * n} of some words that go on for a while {'y' * n}" for n in range(40)], pa.large_string())
    whole, _ = sketch_texts(*text_buffers(texts), 5, N_VALUES, 1)
    parts = [sketch_texts(*text_buffers(texts[start : start + 7]), 5, N_VALUES, 1)[0] for start in range(0, 40, 7)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_keys_of_bands_are_equal_where_all_their_values_are_and_zero_without_a_signature():
    sig = np.random.default_rng(0).integers(0, 2, (200, 6), dtype=np.uint32)
    exists = np.arange(200) % 9 != 0
    keys = band_keys(sig, exists, 3)
    assert not keys[:, ~exists].any() and keys[:, exists].all()
    for band in range(3):
        values = [tuple(row) for row in sig[:, 2 * band : 2 * band + 2]]
        same = {(values[i] == values[j], keys[band, i] == keys[band, j]) for i in np.flatnonzero(exists) for j in np.flatnonzero(exists)}
        assert same == {(True, True), (False, False)}

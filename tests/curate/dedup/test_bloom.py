from pathlib import Path

import numpy as np
import pytest

from curate.dedup.bloom import BloomFilter, bits_needed, false_positive_rate, hashes_needed
from curate.errors import CurateError

MEANING: dict[str, object] = {"ngram": 3}


def keys(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 1 << 63, n, dtype=np.uint64)


@pytest.mark.parametrize("rate", [0.1, 0.01, 0.0001])
def test_a_filter_errs_as_often_as_asked_and_never_forgets(rate: float) -> None:
    bloom = BloomFilter.sized(50_000, rate, 1 << 30, MEANING)
    bloom.add(keys(50_000, 1))
    assert bloom.holds(keys(50_000, 1)).all()
    wrong = bloom.holds(keys(400_000, 2)).sum()
    expected = 400_000 * rate
    assert abs(wrong - expected) < 5 * expected**0.5 + 0.05 * expected
    assert bloom.fill == pytest.approx(1 - np.exp(-bloom.n_hashes * 50_000 / bits_needed(50_000, rate)), abs=0.01)


def test_sizes_follow_the_textbook() -> None:
    assert (bits_needed(1_000_000, 0.01), hashes_needed(1_000_000, 9_585_088)) == (9_585_088, 7)
    assert false_positive_rate(1_000_000, 9_585_088, 7) == pytest.approx(0.01004, abs=1e-5)


def test_a_filter_that_is_too_large_is_refused_with_what_is_possible() -> None:
    with pytest.raises(CurateError, match=r"10,000,000 n-grams need .* GiB .* raise max_gib, or accept false_positive: 0\.6"):
        BloomFilter.sized(10_000_000, 0.001, 1_250_000, MEANING)


def test_a_saved_filter_is_the_same_and_one_of_other_keys_is_refused(tmp_path: Path) -> None:
    bloom = BloomFilter.sized(1000, 0.01, 1 << 20, MEANING)
    bloom.add(keys(1000, 1))
    bloom.save(tmp_path / "f.bloom")
    again = BloomFilter.load(tmp_path / "f.bloom", MEANING)
    assert (again.holds(keys(5000, 2)) == bloom.holds(keys(5000, 2))).all()
    again.add(keys(1000, 3))
    assert not BloomFilter.load(tmp_path / "f.bloom", MEANING).holds(keys(1000, 3)).all()
    with pytest.raises(CurateError, match="use the same ngram"):
        BloomFilter.load(tmp_path / "f.bloom", {"ngram": 4})
    (tmp_path / "g.bloom").write_bytes((tmp_path / "f.bloom").read_bytes()[:-8])
    for name in ("g.bloom", "absent.bloom"):
        with pytest.raises(CurateError, match="Bloom filter of ours"):
            BloomFilter.load(tmp_path / name, MEANING)

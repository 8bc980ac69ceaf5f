import numpy as np
import xxhash

from curate.compare.held_out import held_out, held_out_hash

IDS = np.random.default_rng(0).integers(0, 1 << 64, (20_000, 2), dtype=np.uint64)


def slow_hash(first_word: int, salt: str) -> int:
    mask = (1 << 64) - 1
    mixed = first_word ^ xxhash.xxh3_64_intdigest(salt)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
    return mixed ^ (mixed >> 31)


def test_the_hash_is_splitmix64_of_id_and_salt() -> None:
    expected = [slow_hash(int(word), "held_out") for word in IDS[:50, 0]]
    assert held_out_hash(IDS[:50], "held_out").tolist() == expected


def test_about_the_share_is_held_out_and_another_salt_takes_others() -> None:
    one, other = held_out(IDS, 0.02, None, "a"), held_out(IDS, 0.02, None, "b")
    assert 300 < one.sum() < 500 and 300 < other.sum() < 500 and (one & other).sum() < 30
    assert not held_out(IDS, 0.0, None, "a").any() and held_out(IDS, 1.0, None, "a").all()


def test_the_choice_depends_on_the_document_alone() -> None:
    order = np.random.default_rng(1).permutation(len(IDS))
    assert np.array_equal(held_out(IDS[order], 0.1, None, "a"), held_out(IDS, 0.1, None, "a")[order])


def test_a_cap_takes_the_smallest_hashes_and_keeps_copies_together() -> None:
    capped = held_out(IDS, 0.1, 100, "a")
    assert capped.sum() == 100 and (held_out(IDS, 0.1, None, "a") | ~capped).all()
    assert set(np.sort(held_out_hash(IDS, "a"))[:100]) == set(held_out_hash(IDS, "a")[capped])
    twice = held_out(np.concatenate([IDS, IDS]), 0.1, 101, "a")
    assert np.array_equal(twice[: len(IDS)], twice[len(IDS) :]) and twice.sum() <= 101
    assert not held_out(IDS, 0.1, 0, "a").any() and len(held_out(IDS[:0], 0.5, 3, "a")) == 0

import numpy as np

from curate.dedup.winnow import find_anchors


def test_any_two_equal_windows_have_anchors_with_equal_hashes() -> None:
    text = np.random.default_rng(1).choice(np.frombuffer(b"abc", np.uint8), 3000)
    anchors = find_anchors(text, np.array([0, 3000]), 12)
    anchor_of = np.searchsorted(anchors.firsts, np.arange(3000 - 11), side="right") - 1
    hash_of: dict[bytes, int] = {}
    for start, anchor in enumerate(anchor_of):
        assert hash_of.setdefault(text[start : start + 12].tobytes(), int(anchors.hashes[anchor])) == anchors.hashes[anchor]
    assert len(hash_of) < len(anchor_of)

from curate.read.archive.lookahead import Lookahead, SeamAt
from curate.read.archive.members import Seam


def test_a_window_grows_to_the_requested_size_and_ends_with_the_archive() -> None:
    ahead = Lookahead(iter([b"abc", b"def"]))
    assert ahead.fill(2) and ahead.window == b"abc" and not ahead.ended
    assert ahead.fill(4) and ahead.window == b"abcdef"
    assert not ahead.fill(7) and ahead.ended


def test_seams_move_with_the_window_until_they_are_passed() -> None:
    ahead = Lookahead(iter([b"abc", Seam(), b"def", Seam("damage")]))
    ahead.fill(100)
    assert list(ahead.seams()) == [SeamAt(3, None), SeamAt(6, "damage")]
    ahead.drop(3)
    assert (ahead.position, ahead.window) == (3, b"def") and ahead.first_seam() == SeamAt(0, None)
    ahead.drop(1)
    assert ahead.first_seam() == SeamAt(2, "damage")
    ahead.pop_seam()
    assert ahead.first_seam() is None

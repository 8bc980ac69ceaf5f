import pyarrow as pa

from curate.kernels.buffers import text_buffers
from curate.words.split import HAS_LETTER, HAS_NON_SYMBOL
from tests.curate.words.reading import splitter


def test_words_know_their_characters_letters_and_marks():
    utf8, offsets = text_buffers(pa.array(["naïve 12 … é! 日本"]))
    words = splitter().split(utf8, offsets)
    assert words.n_chars.tolist() == [5, 2, 1, 1, 1, 2]
    assert (words.flags & HAS_LETTER > 0).tolist() == [True, False, False, True, False, True]
    assert (words.flags & HAS_NON_SYMBOL > 0).tolist() == [True, True, False, True, False, True]


def test_equal_words_have_equal_hashes_however_they_were_found():
    utf8, offsets = text_buffers(pa.array(["mark mark, (mark) x@y.com-mark éa (éa)"]))
    words = splitter().split(utf8, offsets)
    by_text: dict[bytes, set[int]] = {}
    for start, end, hashed in zip(words.starts, words.ends, words.hashes, strict=True):
        by_text.setdefault(utf8[start:end].tobytes(), set()).add(int(hashed))
    assert all(len(hashes) == 1 for hashes in by_text.values())
    assert len({next(iter(hashes)) for hashes in by_text.values()}) == len(by_text)

import random

import pyarrow as pa
from uniseg.wordbreak import words as uniseg_words

from curate.kernels.buffers import frozen, text_buffers
from curate.words.spaced import spaced_words
from curate.words.split import Words
from curate.words.unicode import unicode_words

_BOUNDARY_CHARS = list("ab1.,:'\"_-  \t\r\nאב日カタ가ا\u0301\u200d\u00ad👩❤🇩🇪\u2019·\u3000\u00a0٣é;‿\ufe0f\U000e0101ำ्ᄀ")


def as_lists(words: Words, utf8) -> list[list[str]]:
    data = utf8.tobytes()
    spans = [data[start:end].decode() for start, end in zip(words.starts, words.ends, strict=True)]
    assert [len(span) for span in spans] == words.n_chars.tolist()
    return [spans[start:end] for start, end in zip(words.doc_offsets[:-1], words.doc_offsets[1:], strict=True)]


def test_words_are_those_of_unicodes_word_boundaries_and_of_str_split():
    rng = random.Random(7)
    parts = ["".join(rng.choices(_BOUNDARY_CHARS, k=rng.randint(0, 12))) for _ in range(3000)]
    utf8, offsets = (frozen(array) for array in text_buffers(pa.array(parts, pa.large_string())))
    assert as_lists(unicode_words(utf8, offsets), utf8) == [[word for word in uniseg_words(text) if word[0].isalnum()] for text in parts]
    assert as_lists(spaced_words(utf8, offsets), utf8) == [text.split() for text in parts]

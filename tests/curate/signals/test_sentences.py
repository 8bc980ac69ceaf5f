import random

import pyarrow as pa
from datatrove.utils.text import split_into_sentences

from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.hashing import hash_set
from curate.signals.block import new_block
from curate.signals.sentences import line_sentences
from curate.words.spacy_words import WordSplitter
from tests.curate.web_like import documents

_PARTS = [*".!?。।…", "...", "?!", '"', ")", "(", "“", "’", " ", "  ", "\t", "\xa0", "word", "One", "3.5", "e.g.", "U.S.", "-", "$", "𑁇", "‼", "\n"]


def counts(texts: list[str]) -> list[int]:
    utf8, offsets = (frozen(array) for array in text_buffers(pa.array(texts, pa.large_string())))
    return line_sentences(new_block(utf8, offsets, WordSplitter(), hash_set([])))["n_line_sentences"].tolist()


def test_sentences_are_those_that_spacy_finds_in_each_line_alone():
    rng = random.Random(4)
    texts = documents(200, seed=4) + ["".join(rng.choice(_PARTS) for _ in range(rng.randint(0, 25))) for _ in range(1500)]
    assert counts(texts) == [sum(len(split_into_sentences(line)) for line in text.split("\n") if line) for text in texts]


def test_punctuation_after_an_end_mark_belongs_to_its_sentence_unless_white_space_is_a_token_between_them():
    assert counts(["One. Two! (Three?) No end", "He said.) Then", "End.  ", "", "one\n\ntwo"]) == [4, 2, 2, 0, 2]

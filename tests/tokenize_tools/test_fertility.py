import numpy as np
import pytest

from tests.tokenize_tools.samples import ODD, byte_fallback, byte_level, pairs_of_characters, prose
from tokenize_tools.definition import read_definition
from tokenize_tools.fertility import byte_ids, byte_level_symbols, encoder, fertility, measure, tokens_per_word


def test_counts_equal_those_made_by_hand():
    texts = ["ab cd, e", "日本 né", ""]
    counts = fertility(texts, pairs_of_characters(texts), np.array([ord("日")]))
    #         ab| c|d,| e        日本| n|é
    assert counts.n_bytes.tolist() == [8, 10, 0]
    assert counts.n_tokens.tolist() == [4, 3, 0]
    assert counts.n_words.tolist() == [3, 1, 0]
    assert counts.word_tokens.tolist() == [4, 2, 0]
    assert counts.split_words.tolist() == [1, 1, 0]
    assert counts.unspaced_chars.tolist() == [0, 2, 0]
    assert counts.byte_tokens.tolist() == [0, 1, 0]


def test_tokens_per_word_count_every_token_that_touches_the_word():
    random = np.random.default_rng(0)
    for _ in range(50):
        cuts = np.unique(random.integers(1, 60, 20))
        starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [60]])
        words = np.sort(random.choice(60, (5, 2), replace=False), axis=1)
        slow = [sum(s < stop and e > start for s, e in zip(starts, ends, strict=True)) for start, stop in words]
        assert tokens_per_word(words, starts, ends).tolist() == slow


@pytest.mark.parametrize("make", [byte_level, byte_fallback])
def test_single_bytes_are_pieces_of_longer_characters_only(tmp_path, make):
    definition = read_definition(make(tmp_path / "tokenizer"))
    counts = measure([["plain, text! 123"], ["日"]], encoder(definition), byte_ids(definition)).counts
    assert counts.byte_tokens.tolist() == [0, 3]


def test_batches_and_selections_do_not_change_the_measurements(tmp_path):
    definition, texts = read_definition(byte_level(tmp_path / "bpe")), [*ODD, *prose(0, 10)]
    whole, parts = (measure(batches, encoder(definition), byte_ids(definition)) for batches in ([texts], [texts[:3], texts[3:4], texts[4:]]))
    assert all(np.array_equal(a, b) for a, b in zip((*whole.counts, whole.ids, whole.offsets), (*parts.counts, parts.ids, parts.offsets), strict=True))
    chosen = np.array([12, 0, 3])
    alone = measure([[texts[index] for index in chosen]], encoder(definition), byte_ids(definition))
    assert np.array_equal(whole.of(chosen).ids, alone.ids) and np.array_equal(whole.of(chosen).offsets, alone.offsets)
    assert all(np.array_equal(a, b) for a, b in zip(whole.of(chosen).counts, alone.counts, strict=True))


def test_byte_level_symbols_are_those_of_the_library():
    from tokenizers.pre_tokenizers import ByteLevel

    assert sorted(byte_level_symbols().values()) == sorted(ByteLevel.alphabet())
    encoded = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str("é \n")[0][0]
    assert encoded == "".join(byte_level_symbols()[byte] for byte in "é \n".encode())

import json
from collections.abc import Sequence

import numpy as np
import pytest

from tests.tokenize_tools.samples import byte_fallback, byte_level, documents_set, prose
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError
from tokenize_tools.fertility import TokenSpans, byte_ids, byte_level_symbols, encoder, fertility, tokens_per_word
from tokenize_tools.fertility_report import compare, ratio_interval, rows, table, write_json

NO_BYTES = np.array([], np.int64)


def pairs_of_characters(texts: Sequence[str]) -> TokenSpans:
    """A tokenizer that cuts after every second character; the id is the first character's code point."""
    spans = [[(start, min(start + 2, len(text))) for start in range(0, len(text), 2)] for text in texts]
    places = np.array([place for one in spans for place in one]).reshape(-1, 2)
    ids = np.array([ord(text[start]) for text, one in zip(texts, spans, strict=True) for start, _ in one])
    return TokenSpans(ids, places[:, 0], places[:, 1], np.cumsum([0, *map(len, spans)]))


def test_counts_are_those_of_a_reading_by_hand():
    counts = fertility(["ab cd, e", "日本 né", ""], pairs_of_characters, np.array([ord("日")]))
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
    counts = fertility(["plain, text! 123", "日"], encoder(definition), byte_ids(definition))
    assert counts.byte_tokens.tolist() == [0, 3]


def test_byte_level_symbols_are_those_of_the_library():
    from tokenizers.pre_tokenizers import ByteLevel

    assert sorted(byte_level_symbols().values()) == sorted(ByteLevel.alphabet())
    encoded = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str("é \n")[0][0]
    assert encoded == "".join(byte_level_symbols()[byte] for byte in "é \n".encode())


def test_words_of_texts_without_spaces_are_not_counted_as_fertility():
    counts = fertility(["plain words here!", "今天天气很好我们去公园ok"], pairs_of_characters, NO_BYTES)
    _, english, chinese = rows({"pairs": counts}, ["web", "web"], ["en", "zh"], 0)
    assert (chinese.language, chinese.tokens_per_word, chinese.split_words) == ("zh", None, None)
    assert english.tokens_per_word is not None and english.tokens_per_word.estimate == (3 + 3 + 2) / 3


def test_an_interval_holds_the_ratio_of_sums_and_shrinks_with_more_documents():
    random = np.random.default_rng(1)
    widths = []
    for n_docs in (50, 5000):
        below = random.integers(50, 150, n_docs)
        interval = ratio_interval(random.binomial(below, 0.3), below, seed=0)
        assert interval.low < interval.estimate < interval.high and abs(interval.estimate - 0.3) < 0.03
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 5
    assert ratio_interval(np.array([3, 4]), np.array([0, 0]), 0) is None


def test_tokenizers_are_compared_on_the_same_documents_by_source(tmp_path):
    sets = [documents_set(tmp_path / "web", prose(0, 30), source="web"), documents_set(tmp_path / "law", prose(5, 20), source="law")]
    found = compare(sets, [byte_level(tmp_path / "bpe"), byte_fallback(tmp_path / "llama")], 1 << 20, seed=0)
    assert [(row.source, row.tokenizer, row.n_documents) for row in found] == [
        (source, tokenizer, n) for source, n in (("all", 50), ("law", 20), ("web", 30)) for tokenizer in ("bpe", "llama")
    ]
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert first.relative_tokens == (1, 1, 1) and second.relative_tokens.estimate == second.n_tokens / first.n_tokens
    names, cells = table(found)
    assert all(len(line) == len(names) for line in cells)
    write_json(found, tmp_path / "fertility.json")
    written = json.loads((tmp_path / "fertility.json").read_text())
    assert written[1]["bytes_per_token"]["estimate"] == found[1].bytes_per_token.estimate


def test_no_tokenizer_is_refused(tmp_path):
    with pytest.raises(TokenizeError, match="name at least one with --tokenizer"):
        compare([documents_set(tmp_path / "d", prose(0, 2))], [], 100, 0)

import json
import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from tests.tokenize_tools.samples import ODD, byte_fallback, byte_level, documents_set, prose
from tokenize_tools.definition import read_definition
from tokenize_tools.efficiency import efficiency_interval, renyi_efficiency
from tokenize_tools.errors import TokenizeError
from tokenize_tools.fertility import TokenSpans, byte_ids, byte_level_symbols, encoder, fertility, measure, tokens_per_word
from tokenize_tools.fertility_report import compare, rows, table, write
from tokenize_tools.intervals import ratio_interval
from tokenize_tools.parity import parallel_keys

NO_BYTES = np.array([], np.int64)


def pairs_of_characters(texts: Sequence[str]) -> TokenSpans:
    """A tokenizer that cuts after every second character; the id is the first character's code point."""
    spans = [[(start, min(start + 2, len(text))) for start in range(0, len(text), 2)] for text in texts]
    places = np.array([place for one in spans for place in one]).reshape(-1, 2)
    ids = np.array([ord(text[start]) for text, one in zip(texts, spans, strict=True) for start, _ in one])
    return TokenSpans(ids, places[:, 0], places[:, 1], np.cumsum([0, *map(len, spans)]))


def test_counts_are_those_of_a_reading_by_hand():
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


def test_measuring_batch_by_batch_or_some_documents_changes_nothing(tmp_path):
    definition, texts = read_definition(byte_level(tmp_path / "bpe")), [*ODD, *prose(0, 10)]
    whole, parts = (measure(batches, encoder(definition), byte_ids(definition)) for batches in ([texts], [texts[:3], texts[3:4], texts[4:]]))
    assert all(np.array_equal(a, b) for a, b in zip((*whole.counts, whole.ids, whole.offsets), (*parts.counts, parts.ids, parts.offsets), strict=True))
    some = np.array([12, 0, 3])
    alone = measure([[texts[place] for place in some]], encoder(definition), byte_ids(definition))
    assert np.array_equal(whole.of(some).ids, alone.ids) and np.array_equal(whole.of(some).offsets, alone.offsets)
    assert all(np.array_equal(a, b) for a, b in zip(whole.of(some).counts, alone.counts, strict=True))


def test_byte_level_symbols_are_those_of_the_library():
    from tokenizers.pre_tokenizers import ByteLevel

    assert sorted(byte_level_symbols().values()) == sorted(ByteLevel.alphabet())
    encoded = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str("é \n")[0][0]
    assert encoded == "".join(byte_level_symbols()[byte] for byte in "é \n".encode())


def test_words_of_texts_without_spaces_are_not_counted_as_fertility():
    measured = measure([["plain words here!", "今天天气很好我们去公园ok"]], pairs_of_characters, NO_BYTES)
    _, english, chinese = rows({"pairs": measured}, {"pairs": 1 << 16}, ["web", "web"], ["en", "zh"], 0)
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
    comparison = compare(sets, [byte_level(tmp_path / "bpe"), byte_fallback(tmp_path / "llama")], 1 << 20, seed=0)
    found = comparison.rows
    assert [(row.source, row.tokenizer, row.n_documents) for row in found] == [
        (source, tokenizer, n) for source, n in (("all", 50), ("law", 20), ("web", 30)) for tokenizer in ("bpe", "llama")
    ]
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert first.relative_tokens == (1, 1, 1) and second.relative_tokens.estimate == second.n_tokens / first.n_tokens
        assert 0 < first.renyi_efficiency.low <= first.renyi_efficiency.high < 1
    names, cells = table(found)
    assert all(len(line) == len(names) for line in cells)
    write(comparison, tmp_path / "fertility.html")
    written = json.loads((tmp_path / "fertility.json").read_text())
    assert written["rows"][1]["bytes_per_token"]["estimate"] == found[1].bytes_per_token.estimate
    assert [one["label"] for one in written["tokenizers"]] == ["bpe", "llama"]
    page = (tmp_path / "fertility.html").read_text()
    assert f"{found[1].bytes_per_token.estimate:.3f}" in page and "law · en" in page and "http" not in page


def test_names_of_sources_cannot_break_the_page(tmp_path):
    documents = documents_set(tmp_path / "web", prose(0, 5), source="<script>alert(1)</script>")
    write(compare([documents], [byte_level(tmp_path / "bpe")], 1 << 20, seed=0), tmp_path / "page.html")
    assert "<script" not in (tmp_path / "page.html").read_text()


def test_parity_compares_translations_of_the_same_texts_only(tmp_path):
    english, double = prose(0, 12), [f"{text} {text}" for text in prose(0, 12)]
    sets = [
        documents_set(tmp_path / "en", english, language="en", rows=range(12)),
        documents_set(tmp_path / "xx", double[:10], language="xx", rows=range(10)),
        documents_set(tmp_path / "yy", ["alone"], language="yy", rows=[99]),
    ]
    (found,) = compare(sets, [byte_level(tmp_path / "bpe")], 1, seed=0, parallel_by="row").parity
    assert (found.language, found.base, found.n_texts) == ("xx", "en", 10)
    assert abs(found.relative_tokens.estimate - 2) < 0.02 and found.relative_tokens.low <= found.relative_tokens.estimate <= found.relative_tokens.high
    assert found.relative_bytes.estimate == sum(len(text.encode()) for text in double[:10]) / sum(len(text.encode()) for text in english[:10])


def test_translations_are_found_by_row_by_file_name_or_by_metadata():
    columns = {"row": [3, 4], "file": ["de/a/start.md", "end.md"], "metadata": ['{"id": 7}', ""]}
    batch = pa.record_batch({name: pa.array(values) for name, values in columns.items()})
    assert parallel_keys(batch, "row") == ["3", "4"]
    assert parallel_keys(batch, "file") == ["start.md", "end.md"]
    assert parallel_keys(batch, "metadata.id") == ["7", ""]
    with pytest.raises(TokenizeError, match=r"--parallel-by id: unknown; give row, file or metadata\.NAME"):
        parallel_keys(batch, "id")


def test_a_base_language_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    documents = documents_set(tmp_path / "d", prose(0, 3), language="sw")
    with pytest.raises(TokenizeError, match="--parallel-base en: no parallel text in that language; there are sw"):
        compare([documents], [byte_level(tmp_path / "bpe")], 1, seed=0, parallel_by="row")


def test_the_page_is_refused_another_ending(tmp_path):
    comparison = compare([documents_set(tmp_path / "d", prose(0, 3))], [byte_level(tmp_path / "bpe")], 1 << 20, seed=0)
    with pytest.raises(TokenizeError, match=r"fertility.pdf: name a .html page"):
        write(comparison, tmp_path / "fertility.pdf")


@pytest.mark.parametrize("shares", [[1, 1, 1, 1], [5, 3, 1], [7]])
def test_renyi_efficiency_is_its_definition(shares):
    p = [share / sum(shares) for share in shares]
    expected = math.log(sum(x**2.5 for x in p)) / (1 - 2.5) / math.log(4)
    assert renyi_efficiency(np.array(shares), 4) == pytest.approx(expected)
    assert renyi_efficiency(np.array([1, 1, 1, 1]), 4) == pytest.approx(1)


def test_the_interval_of_an_efficiency_holds_it_and_shrinks_with_more_documents():
    random, widths = np.random.default_rng(0), []
    for n_docs in (20, 2000):
        ids = (random.pareto(1.0, n_docs * 50) * 3).astype(np.uint32) % 500
        found = efficiency_interval(ids, np.arange(n_docs + 1) * 50, 1000, seed=0)
        assert found.low <= found.estimate <= found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3
    assert efficiency_interval(np.array([], np.uint32), np.array([0, 0]), 1000, seed=0) is None


def test_no_tokenizer_is_refused(tmp_path):
    with pytest.raises(TokenizeError, match="name at least one with --tokenizer"):
        compare([documents_set(tmp_path / "d", prose(0, 2))], [], 100, 0)

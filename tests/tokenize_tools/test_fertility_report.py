import json

import numpy as np
import pytest

from tests.tokenize_tools.samples import byte_fallback, byte_level, documents_set, pairs_of_characters, prose
from tokenize_tools.errors import TokenizeError
from tokenize_tools.fertility import measure
from tokenize_tools.fertility_report import compare, rows, table, write


def test_words_of_texts_without_spaces_are_not_counted_as_fertility():
    measured = measure([["plain words here!", "今天天气很好我们去公园ok"]], pairs_of_characters, np.array([], np.int64))
    _, english, chinese = rows({"pairs": measured}, {"pairs": 1 << 16}, ["web", "web"], ["en", "zh"], 0)
    assert (chinese.language, chinese.tokens_per_word, chinese.split_words) == ("zh", None, None)
    assert english.tokens_per_word is not None and english.tokens_per_word.estimate == (3 + 3 + 2) / 3


def test_tokenizers_are_compared_on_the_same_documents_by_source(tmp_path):
    sets = [documents_set(tmp_path / "web", prose(0, 30), source="web"), documents_set(tmp_path / "law", prose(5, 20), source="law")]
    comparison = compare(sets, [byte_level(tmp_path / "bpe"), byte_fallback(tmp_path / "llama")], 1 << 20, seed=0)
    group_rows = comparison.rows
    assert [(row.source, row.tokenizer, row.n_documents) for row in group_rows] == [
        (source, tokenizer, n) for source, n in (("all", 50), ("law", 20), ("web", 30)) for tokenizer in ("bpe", "llama")
    ]
    for first, second in zip(group_rows[::2], group_rows[1::2], strict=True):
        assert first.relative_tokens == (1, 1, 1) and second.relative_tokens.estimate == second.n_tokens / first.n_tokens
        assert 0 < first.renyi_efficiency.low <= first.renyi_efficiency.high < 1
    names, cells = table(group_rows)
    assert all(len(line) == len(names) for line in cells)
    write(comparison, tmp_path / "fertility.html")
    written = json.loads((tmp_path / "fertility.json").read_text())
    assert written["rows"][1]["bytes_per_token"]["estimate"] == group_rows[1].bytes_per_token.estimate
    assert [tokenizer["label"] for tokenizer in written["tokenizers"]] == ["bpe", "llama"]
    page = (tmp_path / "fertility.html").read_text()
    assert f"{group_rows[1].bytes_per_token.estimate:.3f}" in page and "law · en" in page and "http" not in page


def test_a_page_with_another_suffix_is_refused(tmp_path):
    comparison = compare([documents_set(tmp_path / "d", prose(0, 3))], [byte_level(tmp_path / "bpe")], 1 << 20, seed=0)
    with pytest.raises(TokenizeError, match=r"fertility.pdf: name a .html page"):
        write(comparison, tmp_path / "fertility.pdf")


def test_no_tokenizer_is_refused(tmp_path):
    with pytest.raises(TokenizeError, match="name at least one with --tokenizer"):
        compare([documents_set(tmp_path / "d", prose(0, 2))], [], 100, 0)

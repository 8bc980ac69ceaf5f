import json
import random
import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.lists.bad_words import BadWords, count_words, draws
from curate.lists.hashes import word_set
from curate.lists.recipe import BadWordsRecipe
from curate.pipeline.run import run
from curate.recipe import CurateRecipe

WORDS = ["foo", "foo bar", "bär", "x", "naïve-ish", "бар", "日本"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, *"fob _-.é1日本क\u093f", "Foo", "BAR", "БАР", " ", "\n"]), max_size=12).map("".join), st.booleans())
@example("foo", True)
@example("xfoo foox _foo foo_ fooé foo\u093f", True)
def test_words_are_found_where_c4s_expression_finds_them(text, flanked):
    escaped = "|".join(map(re.escape, WORDS))
    slow = re.search(rf"(?:\W|^)({escaped})(?:\W|$)" if flanked else escaped, text.lower())
    counted = count_words(pa.array([text], pa.large_string()), word_set(WORDS), flanked)
    assert (counted[0] > 0) == (slow is not None)


def test_verdicts_on_words_are_those_of_datatroves_filter(tmp_path, monkeypatch):
    module = pytest.importorskip("datatrove.pipeline.filters.c4_filters")
    from datatrove.data import Document

    for language, words in (("en", WORDS), ("ja", ["日本", "sm"])):
        (tmp_path / language).write_text("\n".join(words) + "\n")
    monkeypatch.setattr(module, "cached_asset_path_or_download", lambda url, **_: str(tmp_path / url.rsplit("/", 1)[1]))
    peer = module.C4BadWordsFilter(fail_on_missing_language=False)
    rng = random.Random(0)
    vocabulary = [*WORDS, "fooish", "Sm", "今日本", "good", "day", "FOO", "x-ray", "_x", "bar", "\n"]
    texts = ["".join(rng.choice(vocabulary) + rng.choice([" ", "", ". "]) for _ in range(rng.randint(0, 6))) for _ in range(400)]
    languages = [rng.choice(["en", "ja", "xx", "eng_Latn"]) for _ in texts]
    counts = BadWords(BadWordsRecipe(path=str(tmp_path))).count(pa.array(texts), pa.array(languages))
    theirs = [peer.filter(Document(text=text, id="", metadata={"language": language})) is not True for text, language in zip(texts, languages, strict=True)]
    assert [bool(count) for count in counts.to_pylist()] == theirs
    assert {count for count, language in zip(counts.to_pylist(), languages, strict=True) if language == "xx"} == {None}


def test_a_run_keeps_the_asked_share_of_documents_with_such_words(tmp_path):
    (tmp_path / "words").write_text("foo\n")
    texts = [f"document {number} with {'foo' if number % 2 else 'food'}" for number in range(400)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text, "url": "http://a.bad.com/"}) + "\n" for text in texts))
    (tmp_path / "domains").write_text("bad.com\n")
    base = {"name": "t", "inputs": [str(tmp_path / "in.jsonl")], "language": None, "dedup": {"exact": False, "minhash": None}}
    lists = {"bad_words": {"path": str(tmp_path / "words")}, "urls": {"lists": [{"path": str(tmp_path / "domains")}]}}
    rules = [{"name": "bad_words", "thresholds": {"document_removed_with_badwords": 0.3}}]
    report = run(CurateRecipe.model_validate({**base, "lists": lists, "rules": rules}), tmp_path / "out", 1).report
    assert 200 + 35 < report["counts"]["kept"] < 200 + 85
    report = run(CurateRecipe.model_validate({**base, "lists": lists, "rules": ["url_lists"]}), tmp_path / "out", 1).report
    assert report["counts"]["kept"] == 0


def test_which_documents_are_kept_depends_on_their_content_alone():
    texts = pa.array(["one", "two", "three"])
    numbers = draws(texts, pa.array([1, 0, None])).to_pylist()
    assert numbers[1:] == [None, None] and 0 <= numbers[0] < 1
    assert draws(pa.array(["zero", "one"]), pa.array([3, 1])).to_pylist()[1] == numbers[0]


def test_a_missing_list_is_refused_by_name(tmp_path):
    (tmp_path / "en").write_text("foo\n")
    with pytest.raises(CurateError, match=r"lists\.bad_words: .* has no list de; its lists: en"):
        BadWords(BadWordsRecipe(path=str(tmp_path), language="de"))
    with pytest.raises(CurateError, match=r"lists\.bad_words: no lists at"):
        BadWords(BadWordsRecipe(path=str(tmp_path / "none")))

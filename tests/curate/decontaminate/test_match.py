import itertools
import json
import random
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.decontaminate.evals import EvalItem, read_items
from curate.decontaminate.index import build_index, load_index, load_names, save_index
from curate.decontaminate.match import Matcher
from curate.decontaminate.recipe import DecontaminateRecipe, EvalRecipe
from curate.decontaminate.words import hashed_words, word_places
from curate.errors import CurateError
from curate.kernels.buffers import frozen, text_buffers

reference = pytest.importorskip("datatrove.utils.text").simplify_text
WORDS = ["red", "Blue", "42", "3.5", "fox", "naïve", "The", "日本語", "ไทย", "한국", "x-y", "…", "it's", "(so)", "Ünï"]


def words_of(text: str) -> list[str]:
    """The definition: words of datatrove's simplified text; each character of a script without spaces is one."""
    words: list[str] = []
    for chunk in reference(text).split():
        open_word = False
        for char in chunk:
            name = unicodedata.name(char, "")
            alone = name.startswith(("CJK ", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"))
            if alone or not open_word:
                words.append(char)
            else:
                words[-1] += char
            open_word = not alone
    return words


def hashed(*texts: str):
    return hashed_words(*(frozen(array) for array in text_buffers(pa.array(texts, pa.large_string()))))


def matches(items: list[list[str]], documents: list[str], ngram: int, min_words: int) -> set[tuple[int, str, int]]:
    """(document, n-gram, first word) of all hits."""
    index, _ = build_index([("e", [EvalItem(f"f:{number}", texts) for number, texts in enumerate(items)])], ngram, min_words)
    hits = Matcher(index).match(hashed(*documents))
    return {(int(doc), index.text(int(gram)), int(word)) for doc, gram, word in zip(*hits, strict=True)}


def scale(words: list[str]) -> int:
    return 4 if sum(unicodedata.name(word[0], "").startswith("THAI") for word in words) > len(words) / 2 else 1


def is_informative(gram: tuple[str, ...]) -> bool:
    words = [word for word in gram if not word.startswith("0")]
    return 2 * len(words) >= len(gram) and len(set(words)) >= min(4, len(gram))


def slow_matches(items: list[list[str]], documents: list[str], ngram: int, min_words: int) -> set[tuple[int, str, int]]:
    wanted = set()
    for texts in items:
        stretches = [words_of(text) for text in texts]
        if all(len(words) < ngram * scale(words) for words in stretches):
            stretches = [words_of("\n".join(texts))]
        grams = set()
        for words in stretches:
            n = ngram * scale(words)
            grams |= {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}
            if len(stretches) == 1 and min_words * scale(words) <= len(words) < n:
                grams.add(tuple(words))
        wanted |= {gram for gram in grams if is_informative(gram)} or {gram for gram in grams if len(set(gram)) >= min(4, len(gram))}
    found = set()
    for doc, text in enumerate(documents):
        words = words_of(text)
        for gram in wanted:
            found |= {(doc, " ".join(gram), i) for i in range(len(words) - len(gram) + 1) if tuple(words[i : i + len(gram)]) == gram}
    return found


texts = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(texts, min_size=1, max_size=3), max_size=4), st.lists(texts, max_size=4), st.sampled_from([(4, 2), (3, 3), (6, 3)]))
@example([["red blue fox the"]], ["x RED, blue: fox the red"], (4, 2))
@example([["ประเทศเพื่อนบ้าน"], ["fox red"]], ["ที่ประเทศเพื่อนบ้าน fox red"], (3, 2))
def test_every_n_gram_and_whole_short_item_is_found_where_it_stands_and_nothing_else(items, documents, lengths):
    assert matches(items, documents, *lengths) == slow_matches(items, documents, *lengths)


SUM = "A pair costs 12 dollars, so he paid 3 * 12 = <<3*12=36>> 36 dollars for {} pairs of {} in the harbour shop on the long way home to his mother."
"""Like worked sums of school problems: numbers between few words."""


def test_sums_that_share_numbers_and_few_words_are_no_contamination():
    item = [SUM.format(3, "shoes").replace(" dollars, so he paid", ". 5 + 7 + 9 + 1 = 22. So he paid")]
    other = "The tickets cost 7 each. 8 + 6 + 2 + 4 = 20. So he paid 4 * 12 = <<4*12=48>> 48 and went to the cinema with a friend from school."
    assert matches([item], [other], 13, 8) == set()
    assert matches([item], [f"Before that {item[0]} And after."], 13, 8)


def test_an_item_of_numbers_and_few_words_is_still_found_as_it_stands():
    item = ["Find f(2) + f(3) + f(4) + g(5) + g(6) + g(7) where 1 2 3"]
    assert matches([item], [f"They said: {item[0]}, and that was it."], 13, 8)


def test_code_that_repeats_its_words_is_found():
    item = ["is_simple_power(1, 4) => true is_simple_power(2, 2) => true is_simple_power(8, 2) => true is_simple_power(3, 2) => false"]
    assert len(matches([item], [item[0]], 13, 8)) > 5


def test_items_are_found_in_long_documents():
    rng = random.Random(0)
    vocabulary = ["".join(letters) for letters in itertools.product("bdklmnrst", "aeiou", "bdklmnrst", "aeiou")]
    items = [[" ".join(rng.choices(vocabulary, k=rng.choice([5, 9, 30]))), " ".join(rng.choices(vocabulary, k=20))] for _ in range(300)]
    documents = []
    for number in range(60):
        words = rng.choices(vocabulary, k=2000)
        documents.append(" ".join([*words, items[number % 50][number % 2].upper(), *words[:50]]))
    found = matches(items, documents, 13, 8)
    assert found == slow_matches(items[:60], documents, 13, 8) and len({doc for doc, _, _ in found}) > 30


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from("aB1 .,-é日本ไท\u0301\u0327Σ한\u2000\n3٣'\U0001d15e"), max_size=25), max_size=4))
@example(["1,234.5 12. 3 日本 a日b \u0301 \u0301x", "", "ΑΣ ΣΑ"])
def test_words_lie_in_the_original_where_they_simplify_to_themselves(documents):
    words, (utf8, offsets) = hashed(*documents), text_buffers(pa.array(documents, pa.large_string()))
    for doc, text in enumerate(documents):
        mine = slice(words.doc_offsets[doc], words.doc_offsets[doc + 1])
        assert [words.utf8[a:b].tobytes().decode() for a, b in zip(words.starts[mine], words.ends[mine], strict=True)] == words_of(text)
        starts, ends = word_places(frozen(utf8), offsets[doc], offsets[doc + 1], mine.stop - mine.start)
        if "Σ" not in text:
            originals = [text.encode()[a:b].decode() for a, b in zip(starts, ends, strict=True)]
            assert [reference(original) for original in originals] == words_of(text)


def test_an_index_read_from_disk_finds_the_same(tmp_path):
    items = [("a", [EvalItem("x:0", ["one two three four five"])]), ("b", [EvalItem("y:0", ["two three four five six", "five"])])]
    index, names = build_index(items, 4, 2)
    save_index(tmp_path, index, names)
    loaded = load_index(tmp_path)
    assert load_names(tmp_path) == names == (["a", "b"], ["x:0", "y:0"])
    assert all(np.array_equal(before, after) for before, after in zip(index, loaded, strict=True))
    shared = [gram for gram in range(len(loaded.keys)) if loaded.text(gram) == "two three four five"]
    assert loaded.items[loaded.item_offsets[shared[0]] : loaded.item_offsets[shared[0] + 1]].tolist() == [0, 1]
    assert loaded.item_grams.tolist() == [2, 2]


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_items_come_from_every_format_with_lists_and_objects_flattened(tmp_path, kind):
    rows = [{"question": "How many?", "choices": ["one", "two"], "answer": 1, "more": {"why": "because"}}]
    flat = [{"question": "How many?", "why": "because"}]
    path = tmp_path / f"e.{kind}"
    if kind == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind in ("csv", "tsv"):
        mark = "," if kind == "csv" else "\t"
        path.write_text("\n".join(mark.join(line) for line in (flat[0].keys(), flat[0].values())) + "\n")
    else:
        path.write_text(json.dumps(rows if kind == "json" else rows[0]))
    expected = ["How many?", "because"] if kind in ("csv", "tsv") else ["How many?", "one", "two", "because"]
    assert list(read_items(EvalRecipe(path=str(path)))) == [EvalItem(f"e.{kind}:0", expected)]


def test_text_without_header_and_compressed_files_are_read(tmp_path):
    import bz2

    (tmp_path / "a.txt.bz2").write_bytes(bz2.compress(b"q1\na1\nq2\na2\n"))
    assert [item.texts for item in read_items(EvalRecipe(path=str(tmp_path / "a.txt.bz2"), lines=2))] == [["q1 a1"], ["q2 a2"]]
    (tmp_path / "m.csv").write_text('"Which, then?",4,2,B\n')
    assert [item.texts for item in read_items(EvalRecipe(path=str(tmp_path / "m.csv"), header=False, columns=("0", "2")))] == [["Which, then?", "2"]]


def test_a_wrong_path_or_column_is_refused_by_name(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"q": "x"}\n{"q": 1}\n')
    with pytest.raises(CurateError, match=r"evals a: .*a\.jsonl:0: no column question; its columns: q"):
        list(read_items(EvalRecipe(path=str(tmp_path / "a.jsonl"), columns=("question",))))
    with pytest.raises(CurateError, match="evals b: no files at"):
        list(read_items(EvalRecipe(path=str(tmp_path / "b.jsonl"))))
    with pytest.raises(ValueError, match="two evals are called a"):
        DecontaminateRecipe(evals=("a.jsonl", "x/a.csv"))  # type: ignore[arg-type]

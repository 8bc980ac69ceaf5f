import itertools
import random
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.decontaminate.evals import EvalItem
from curate.decontaminate.index import build_index
from curate.decontaminate.match import Matcher
from tests.curate.decontaminate.reading import WORDS, hashed, words_of


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

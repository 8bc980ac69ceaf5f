"""Parts of a batch that share a word splitter and stop words, which depend on the language of documents."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.languages.recipe import LanguageRecipe
from curate.languages.table import stop_words
from curate.rules.recipe import RuleSetRecipe
from curate.rules.ruleset import RuleSet, load_rules
from curate.steps.batch import Batch
from curate.words.choice import AUTOMATIC, OTHERWISE, Splitter, check_words, load_splitter, splitter_name


class Portion(NamedTuple):
    """Documents of a batch with the same splitter and stop words."""

    rows: np.ndarray
    """(n_rows,) int64, ascending."""
    texts: pa.Array
    splitter: Splitter
    language: str
    """Language of the documents if it matters, else empty."""


def portions(batch: Batch, words: str, by_language: bool = False) -> Iterator[Portion]:
    """The portions of a batch, or the whole batch if one suffices. `by_language`: separate documents of different languages."""
    if len(batch.texts) == 0 or (words not in AUTOMATIC and not by_language):
        yield Portion(np.arange(len(batch.texts)), batch.texts, load_splitter(OTHERWISE if words in AUTOMATIC else words), "")
        return
    coded = batch.columns["language"].fill_null("").dictionary_encode()
    keys = [(splitter_name(words, code), code if by_language else "") for code in coded.dictionary.to_pylist()]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    number_of = np.array([numbers[key] for key in keys], np.int64)[coded.indices.to_numpy(zero_copy_only=False)]
    for (name, code), number in numbers.items():
        rows = np.flatnonzero(number_of == number)
        texts = batch.texts if len(numbers) == 1 else batch.texts.take(pa.array(rows))
        yield Portion(rows, texts, load_splitter(name), code)


def check_portions(words: str, rules: Sequence[RuleSetRecipe], language: LanguageRecipe | None) -> None:
    """Raise CurateError for an unavailable splitter, or if splitting or counting needs a language that the recipe does not identify."""
    check_words(words)
    by_language = [f"words: {words}"] if words in AUTOMATIC else []
    by_language += [f"rule set {chosen.name}" for chosen in rules if load_rules(chosen.name).figures]
    if by_language and language is None:
        raise CurateError(f"{by_language[0]} depends on the language of documents, but `language: null` identifies none; leave `language` out")


def own_stop_words(rules: Sequence[RuleSetRecipe]) -> list[RuleSet]:
    """Rule sets of the recipe with stop words of their own. Raises CurateError for one that does not exist."""
    sets = (load_rules(chosen.name) for chosen in rules)
    return [one for one in sets if one.stop_words and one.stop_word_column() in one.signals()]


def stop_words_for(sets: list[RuleSet], language: str) -> Mapping[str, tuple[str, ...]]:
    """Column → stop words counted in documents of `language`."""
    return {one.stop_word_column(): (stop_words(language) or ()) if one.stop_words == "fineweb2" else tuple(one.stop_words) for one in sets}

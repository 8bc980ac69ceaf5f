"""Pairs of a document and its translation, which stands in its metadata (`curate align` puts it there)."""

from collections.abc import Iterator
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import MinerRecipe
from curate.synthesize.miners.blocks import Block, blocks
from curate.synthesize.miners.gale_church import align
from curate.synthesize.miners.language import LanguageWords, words_of
from curate.synthesize.miners.sentences import split
from curate.synthesize.types import Item, SourceDocument

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
_BLOCK_LIMIT = 400


class ParallelMiner(MinerRecipe):
    """Items `first`, `second`, `from_language`, `to_language`, in the order of the text: the whole texts, or aligned paragraphs or sentences."""

    kind: Literal["parallel"]
    field: str = "translation"
    """Key of the metadata that holds the translation; documents without it give nothing."""
    language_field: str = "translation_language"
    """Key of the metadata that holds its language."""
    unit: Literal["document", "paragraph", "sentence"] = "sentence"
    """Sentences and paragraphs are aligned by length (Gale and Church 1993); what has no counterpart, or one of unlikely length, is left out."""
    max_cost: Annotated[float, Field(gt=0)] = 6.0
    """−ln of the probability of an aligned pair from which on it is left out. Default ours: about a length that one pair in thirty has."""
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the text's characters that must be aligned; below, the two are hardly translations and nothing is given. Default ours."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Pairs; the passage should be the whole document (`passages: {max_chars: null}`)."""
        translation = str(document.metadata.get(self.field) or "").strip()
        if not translation:
            return []
        languages = {"from_language": document.language, "to_language": str(document.metadata.get(self.language_field) or "")}
        if self.unit == "document":
            return [{"first": text, "second": translation, **languages}]
        pairs = list(self._pairs(text, translation, languages))
        n_chars = sum(len(block.text) for block in blocks(text))
        if sum(len(first) for first, _ in pairs) < self.min_share * n_chars:
            return []
        return [{"first": first, "second": second, **languages} for first, second in pairs]

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"first", "second", "from_language", "to_language"}

    def _pairs(self, text: str, translation: str, languages: dict[str, str]) -> Iterator[tuple[str, str]]:
        first, second = blocks(text)[:_BLOCK_LIMIT], blocks(translation)[:_BLOCK_LIMIT]
        words, other_words = (splitter_of(languages[name], one) for name, one in (("from_language", text), ("to_language", translation)))
        for left, right in self._aligned([block.text for block in first], [block.text for block in second]):
            one, other = first[left], second[right]
            if self.unit == "paragraph" or one.kind == "heading":
                yield one.text, other.text
            else:
                yield from self._sentences(one, other, words, other_words)

    def _sentences(self, one: Block, other: Block, words: LanguageWords, other_words: LanguageWords) -> Iterator[tuple[str, str]]:
        left, right = split(one.text, words), split(other.text, other_words)
        for bead in align([len(text) for text in left], [len(text) for text in right]):
            joined = [(" " if words.spaces else "").join(left[bead[0] : bead[1]]), (" " if other_words.spaces else "").join(right[bead[2] : bead[3]])]
            if all(joined) and bead.cost <= self.max_cost and joined[0] != joined[1]:
                yield joined[0], joined[1]

    def _aligned(self, first: list[str], second: list[str]) -> Iterator[tuple[int, int]]:
        """Numbers of paragraphs that translate each other, one to one; of equal numbers of paragraphs all do if their lengths allow."""
        for bead in align([len(text) for text in first], [len(text) for text in second]):
            is_pair = (bead.first_stop - bead.first_start, bead.second_stop - bead.second_start) == (1, 1)
            if is_pair and bead.cost <= self.max_cost and first[bead.first_start] != second[bead.second_start]:
                yield bead.first_start, bead.second_start


def splitter_of(language: str, text: str) -> LanguageWords:
    """The word list by which sentences are split: the language's, or for one without a list that of English or Chinese, by the script."""
    known = words_of(language) if language else None
    fallback = words_of("zh" if len(_UNSPACED.findall(text)) > 0.3 * len(text) else "en")
    assert fallback is not None
    return known or fallback

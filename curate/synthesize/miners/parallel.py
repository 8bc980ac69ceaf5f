"""Pairs of a document and its translation, which `curate align` puts into its metadata."""

from collections.abc import Iterator
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import MinerRecipe
from curate.synthesize.miners.blocks import TextBlock, blocks
from curate.synthesize.miners.gale_church import align
from curate.synthesize.miners.language import LanguageWords, words_of
from curate.synthesize.miners.sentences import split
from curate.synthesize.types import Item, SourceDocument

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
_BLOCK_LIMIT = 400


class ParallelMinerRecipe(MinerRecipe):
    """Items `first`, `second`, `from_language`, `to_language`, in the order of the text: the whole texts, or aligned paragraphs or sentences."""

    kind: Literal["parallel"]
    field: str = "translation"
    """Metadata key of the translation; documents without it give no items."""
    language_field: str = "translation_language"
    """Metadata key of the translation's language."""
    unit: Literal["document", "paragraph", "sentence"] = "sentence"
    """Sentences and paragraphs are aligned by length (Gale and Church 1993); those without a counterpart of likely length are left out."""
    max_cost: Annotated[float, Field(gt=0)] = 6.0
    """Maximum −ln of the probability of an aligned pair. Default: our choice; about one true pair in thirty differs more in length."""
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Minimum share of the text's characters that must be aligned; below it the texts are probably not translations. Default: our choice."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Pairs. The passage should be the whole document (`passages: {max_chars: null}`)."""
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
        first_words, second_words = splitter_of(languages["from_language"], text), splitter_of(languages["to_language"], translation)
        for i, j in self._aligned([block.text for block in first], [block.text for block in second]):
            if self.unit == "paragraph" or first[i].kind == "heading":
                yield first[i].text, second[j].text
            else:
                yield from self._sentences(first[i], second[j], first_words, second_words)

    def _sentences(self, first: TextBlock, second: TextBlock, first_words: LanguageWords, second_words: LanguageWords) -> Iterator[tuple[str, str]]:
        left, right = split(first.text, first_words), split(second.text, second_words)
        for bead in align([len(text) for text in left], [len(text) for text in right]):
            joined_left = (" " if first_words.spaces else "").join(left[bead.first_start : bead.first_stop])
            joined_right = (" " if second_words.spaces else "").join(right[bead.second_start : bead.second_stop])
            if joined_left and joined_right and bead.cost <= self.max_cost and joined_left != joined_right:
                yield joined_left, joined_right

    def _aligned(self, first: list[str], second: list[str]) -> Iterator[tuple[int, int]]:
        """Indices of paragraphs that are aligned one to one with a likely length."""
        for bead in align([len(text) for text in first], [len(text) for text in second]):
            is_pair = (bead.first_stop - bead.first_start, bead.second_stop - bead.second_start) == (1, 1)
            if is_pair and bead.cost <= self.max_cost and first[bead.first_start] != second[bead.second_start]:
                yield bead.first_start, bead.second_start


def splitter_of(language: str, text: str) -> LanguageWords:
    """The word list for splitting sentences: the language's or, if it has none, that of English or Chinese, chosen by the script."""
    known = words_of(language) if language else None
    fallback = words_of("zh" if len(_UNSPACED.findall(text)) > 0.3 * len(text) else "en")
    assert fallback is not None
    return known or fallback

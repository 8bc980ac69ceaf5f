"""Sentences with a blank for the term of a definition, or for a topic word of the text."""

from collections import Counter
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import Article, MinerRecipe, question_item, read_article
from curate.synthesize.miners.patterns import definitions, is_content, topic_words, word_counts
from curate.synthesize.types import Item, SourceDocument

BLANK = "____"


class ClozeMinerRecipe(MinerRecipe):
    """Items `question`, `answer` (the missing word or term), `sentence` (complete), `type`, `kind` (cloze/term or cloze/word)."""

    kind: Literal["cloze"]
    max_items: Annotated[int, Field(ge=1)] = 4
    """Maximum items per text."""
    min_count: Annotated[int, Field(ge=1)] = 3
    """Minimum occurrences in the text of a word that is blanked, so that the text and not only the sentence reveals it."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Items in the order of the text: at most one per sentence, each answer once."""
        words = self.words(document)
        if words is None:
            return []
        article = read_article(text, words, document.id)
        blanks = article.draw("cloze", self._blanks(article), self.max_items, lambda blank: blank[2])
        return [
            question_item(words, kind, document.id, number, {"term": term, "sentence": blanked(sentence, term)}) | {"sentence": sentence}
            for number, (kind, term, sentence) in enumerate(blanks)
        ]

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"question", "answer", "sentence", "type", "kind", "question_label", "answer_label"}

    def _blanks(self, article: Article) -> list[tuple[str, str, str]]:
        """(kind, missing word or term, sentence) of all possible items."""
        counts = word_counts(article)
        blanks: dict[str, tuple[str, str, str]] = {}
        for sentence in article.standing():
            kind, term = self._term(article, sentence, counts)
            if term and sentence.casefold().count(term.casefold()) == 1 and 7 <= article.words.n_words(sentence) <= 50:
                blanks.setdefault(term.casefold(), (kind, term, sentence))
        return list(blanks.values())

    def _term(self, article: Article, sentence: str, counts: Counter[str]) -> tuple[str, str]:
        definition = definitions(sentence, article.words)
        if definition and definition.term in sentence:
            return "cloze/term", definition.term
        if "cloze/word" not in article.words.phrasings:
            return "cloze/word", ""
        chosen = [word for word in topic_words(sentence, article.words) if counts[word.casefold()] >= self.min_count and is_content(word, article.words)]
        return "cloze/word", max(chosen, key=lambda word: (counts[word.casefold()], word), default="")


def blanked(sentence: str, term: str) -> str:
    """The sentence with BLANK instead of the term."""
    return regex.sub(regex.escape(term), BLANK, sentence, count=1, flags=regex.IGNORECASE)

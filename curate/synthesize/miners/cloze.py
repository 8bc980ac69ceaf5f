"""Sentences with a blank: the term that a definition defines, or a word that the text is about."""

from collections import Counter
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import Article, MinerRecipe, question_item, read_article
from curate.synthesize.miners.patterns import definitions, is_content, topic_words, word_counts
from curate.synthesize.types import Item, SourceDocument

BLANK = "____"


class ClozeMiner(MinerRecipe):
    """Items `question`, `answer` (what is missing), `sentence` (whole), `type`, `kind` (cloze/term or cloze/word)."""

    kind: Literal["cloze"]
    max_items: Annotated[int, Field(ge=1)] = 4
    """Items of a text at most."""
    min_count: Annotated[int, Field(ge=1)] = 3
    """How often a text must use a word before it is asked for; so that the text, not the sentence alone, tells it."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Items in the order of the text, one a sentence, an answer once."""
        words = self.words(document)
        if words is None:
            return []
        article = read_article(text, words, document.id)
        found = article.draw("cloze", self._found(article), self.max_items, lambda one: one[2])
        return [
            question_item(words, kind, document.id, number, {"term": term, "sentence": blanked(whole, term)}) | {"sentence": whole}
            for number, (kind, term, whole) in enumerate(found)
        ]

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"question", "answer", "sentence", "type", "kind", "question_label", "answer_label"}

    def _found(self, article: Article) -> list[tuple[str, str, str]]:
        """Kind, what is missing, sentence."""
        counts = word_counts(article)
        found: dict[str, tuple[str, str, str]] = {}
        for sentence in article.standing():
            kind, term = self._term(article, sentence, counts)
            if term and sentence.casefold().count(term.casefold()) == 1 and 7 <= article.words.n_words(sentence) <= 50:
                found.setdefault(term.casefold(), (kind, term, sentence))
        return list(found.values())

    def _term(self, article: Article, sentence: str, counts: Counter[str]) -> tuple[str, str]:
        definition = definitions(sentence, article.words)
        if definition and definition.term in sentence:
            return "cloze/term", definition.term
        if "cloze/word" not in article.words.phrasings:
            return "cloze/word", ""
        chosen = [word for word in topic_words(sentence, article.words) if counts[word.casefold()] >= self.min_count and is_content(word, article.words)]
        return "cloze/word", max(chosen, key=lambda word: (counts[word.casefold()], word), default="")


def blanked(sentence: str, term: str) -> str:
    """The sentence with BLANK in place of the term."""
    return regex.sub(regex.escape(term), BLANK, sentence, count=1, flags=regex.IGNORECASE)

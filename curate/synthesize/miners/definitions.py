"""Explicit definitions as in statutes, standards and textbooks: “X” means Y."""

from typing import Annotated, Literal

from pydantic import Field

from curate.synthesize.miners.base import MinerRecipe, capitalised, question_item, read_article
from curate.synthesize.miners.patterns import definitions
from curate.synthesize.types import Item, SourceDocument


class DefinitionsMinerRecipe(MinerRecipe):
    """Items `term`, `meaning`, and `question`, `answer` made from them. A term is quoted, or a short subject without a verb."""

    kind: Literal["definitions"]
    min_words: Annotated[int, Field(ge=1)] = 4
    """Minimum words of a meaning."""
    max_words: Annotated[int, Field(ge=1)] = 80
    """Maximum words of a meaning."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Definitions in the order of the text, each term once."""
        words = self.words(document)
        if words is None:
            return []
        items: dict[str, Item] = {}
        for sentence in read_article(text, words, document.id).standing():
            definition = definitions(sentence, words)
            if definition and self.min_words <= words.n_words(definition.meaning) <= self.max_words:
                values = {"term": definition.term, "meaning": capitalised(definition.meaning)}
                item = question_item(words, "definition/meaning", document.id, len(items), values)
                items.setdefault(definition.term.casefold(), item | values)
        return list(items.values())

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"term", "meaning", "type", "kind", "question", "answer", "question_label", "answer_label"}

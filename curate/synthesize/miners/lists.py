"""Lists opened by a sentence: the question is the sentence, the answer the list."""

from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import Article, MinerRecipe, question_item, read_article
from curate.synthesize.miners.language import phrase_pattern
from curate.synthesize.miners.sentences import split
from curate.synthesize.types import Item, SourceDocument


class ListsMinerRecipe(MinerRecipe):
    """Items `question` (the sentence that opens the list), `answer` (the points of the list), `type`, `kind`."""

    kind: Literal["lists"]
    min_points: Annotated[int, Field(ge=2)] = 2
    """Shorter lists are skipped."""
    max_points: Annotated[int, Field(ge=2)] = 10
    """Longer lists are skipped."""
    max_point_words: Annotated[int, Field(ge=1)] = 40
    """Lists with a longer point are skipped."""
    max_items: Annotated[int, Field(ge=1)] = 3
    """Maximum items per text."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Items in the order of the text."""
        words = self.words(document)
        if words is None:
            return []
        article = read_article(text, words, document.id)
        indices = range(len(article.blocks))
        lists = [(lead, points) for index in indices if (lead := _lead(article, index)) and (points := self._points(article, index))]
        chosen = article.draw("lists", lists, self.max_items, lambda pair: pair[0])
        return [
            question_item(words, "list/items", document.id, number, {"lead": lead, "items": "\n".join(f"- {point}" for point in points)})
            for number, (lead, points) in enumerate(chosen)
        ]

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"type", "kind", "question", "answer", "question_label", "answer_label"}

    def _points(self, article: Article, index: int) -> list[str]:
        """The points of the list that block `index` opens; empty for nested lists and those outside the limits."""
        points: list[str] = []
        for block in article.blocks[index + 1 :]:
            if block.kind != "item" or not block.goes_on:
                break
            if block.text.endswith((":", "：", "—")) or article.words.n_words(block.text) > self.max_point_words:
                return []
            points.append(regex.sub(r"(?:[;,。；，]|(?<!\.\p{L})\.|[;,]?\s+(?:and|or|und|oder|et|ou|y|o))$", "", block.text))
        return points if self.min_points <= len(points) <= self.max_points and len(set(points)) == len(points) else []


def _lead(article: Article, index: int) -> str:
    """The sentence with which block `index` opens a list, if it can be understood alone; else ""."""
    block, words = article.blocks[index], article.words
    if block.kind == "heading" or not block.text.endswith((":", "：")) or block.goes_on:
        return ""
    lead = split(block.text, words)[-1]
    is_pointer = phrase_pattern(words.dangling, words.spaces).match(lead)
    return lead if words.n_words(lead) >= 5 and lead[0].isupper() | (not words.spaces) and not is_pointer and lead.count("(") == lead.count(")") else ""

"""Reading comprehension mined by rules: six types of questions whose answers a text gives itself.

The types and the idea of connectives as witnesses are AdaptLLM's (Cheng et al. 2024, arXiv 2309.09530): inference, reasoning from cause to effect,
paraphrase, words to text, summary, completion. Patterns, word lists and wordings are ours, and stricter: a sentence that is quoted must stand for
itself, since a question about "This" teaches nothing.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import Article, MinerRecipe, question_item, read_article, title_of
from curate.synthesize.miners.patterns import causes, connected, definitions, keywords, word_counts
from curate.synthesize.types import Item, SourceDocument

Type = Literal["nli", "reasoning", "paraphrase", "word_to_text", "summarize", "completion"]
_FOUND = tuple[str, dict[str, str]]
"""Sub-category and what fills its wording."""


class ReadingMiner(MinerRecipe):
    """Items `type`, `kind` (type/sub-category), `question`, `answer`, `question_label`, `answer_label`, and `body`: the text, without its title if
    that is asked for."""

    kind: Literal["reading"]
    types: tuple[Type, ...] = ("nli", "reasoning", "paraphrase", "word_to_text", "summarize", "completion")
    """Which types to mine."""
    with_document: bool = False
    """Questions stand beside the text, so that they may speak of "the text above"; else each must stand alone."""
    max_per_kind: Annotated[int, Field(ge=1)] = 2
    """Items of a sub-category at most; AdaptLLM's limit."""
    max_share: Annotated[float, Field(gt=0)] | None = 0.5
    """Words of questions and answers per word of the text at most, so that they never repeat it wholesale; items are left out from the end. Default ours."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Items in the order of `types`; none for a language without a word list."""
        words = self.words(document)
        if words is None:
            return []
        article = read_article(text, words, document.id)
        items: list[Item] = []
        body = _without_title(text) if self.with_document and article.title() else text
        room = self.max_share * words.n_words(text) if self.max_share is not None else float("inf")
        for kind, values in self._found(article):
            item = question_item(words, kind, document.id, len(items), values)
            room -= words.n_words(item["question"]) + words.n_words(item["answer"])
            if room < 0:
                break
            items.append(item | {"body": body})
        return items

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"type", "kind", "question", "answer", "question_label", "answer_label", "body"}

    def _found(self, article: Article) -> Iterator[_FOUND]:
        """What was found, each sentence in one item only, and no more than `max_per_kind` of a sub-category."""
        used: set[str] = set()
        for name in self.types:
            by_kind: dict[str, list[_FOUND]] = {}
            for kind, values in _FINDERS[name](article, self.with_document):
                if kind in article.words.phrasings:
                    by_kind.setdefault(kind, []).append((kind, values))
            for kind, found in by_kind.items():
                fresh = [one for one in found if not used & _quoted(one)]
                for one in article.draw(kind, fresh, self.max_per_kind, lambda one: repr(sorted(one[1].items()))):
                    if not used & _quoted(one):
                        used |= _quoted(one)
                        yield one


def _quoted(one: _FOUND) -> set[str]:
    return {value for name, value in one[1].items() if name in ("first", "second", "sentence", "passage")}


def _without_title(text: str) -> str:
    """What follows the heading line that the text begins with, and the line that underlines it, if any."""
    return regex.sub(r"\A[^\n]*\n(?:([=\-~^*#+])\1{2,}[ \t]*(?:\n|\Z))?\s*", "", text.strip())


def _nli(article: Article, with_document: bool) -> Iterator[_FOUND]:
    for relation in ("entail", "contrast", "neutral"):
        for pair in connected(article, relation):
            yield f"nli/{relation}", {"first": pair.first, "second": pair.second}


def _reasoning(article: Article, with_document: bool) -> Iterator[_FOUND]:
    for pair in connected(article, "entail"):
        yield "reasoning/effect", {"first": pair.first, "second": pair.second}
    for pair in causes(article, "because"):
        yield "reasoning/cause", {"first": pair.first, "second": pair.second + ("." if article.words.spaces else "。")}
    for pair in causes(article, "due_to"):
        yield "reasoning/due_to", {"first": pair.first, "second": pair.second + ("." if article.words.spaces else "。")}


def _paraphrase(article: Article, with_document: bool) -> Iterator[_FOUND]:
    for pair in connected(article, "restate"):
        yield "paraphrase/restate", {"first": pair.first, "second": pair.second}


def _word_to_text(article: Article, with_document: bool) -> Iterator[_FOUND]:
    words, counts = article.words, word_counts(article)
    for sentence in article.standing():
        definition = definitions(sentence, words)
        if definition is not None:
            yield "word_to_text/definition", {"term": definition.term, "sentence": sentence}
        elif 8 <= words.n_words(sentence) <= 35 and not sentence.endswith("?"):
            chosen = keywords(article, sentence, counts)
            if len(chosen) >= 3:
                yield "word_to_text/sentence", {"words": ", ".join(chosen), "sentence": sentence}


def _summarize(article: Article, with_document: bool) -> Iterator[_FOUND]:
    if with_document:
        if title := article.title():
            yield "summarize/title", {"title": title}
        return
    words = article.words
    for place, block in enumerate(article.blocks[:-1]):
        title = title_of(block.text, words) if block.kind == "heading" else ""
        found = article.sentences[place + 1]
        if title and len(found) >= 2 and found[0].stands and all(one.is_whole for one in found):
            passage = " ".join(one.text for one in found)
            if 25 <= words.n_words(passage) <= 110 and title.casefold() not in passage.casefold():
                yield "summarize/passage", {"title": title, "passage": passage}


def _completion(article: Article, with_document: bool) -> Iterator[_FOUND]:
    words = article.words
    for found in article.sentences:
        if len(found) >= 3 and found[0].stands and all(one.is_whole for one in found):
            passage = (" " if words.spaces else "").join(one.text for one in found[:-1])
            if words.n_words(passage) <= 110 and not found[-1].text.endswith("?"):
                yield "completion/sentence", {"passage": passage, "sentence": found[-1].text}


_FINDERS = {
    "nli": _nli,
    "reasoning": _reasoning,
    "paraphrase": _paraphrase,
    "word_to_text": _word_to_text,
    "summarize": _summarize,
    "completion": _completion,
}

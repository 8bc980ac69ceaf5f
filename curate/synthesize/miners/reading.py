"""Reading comprehension mined by rules: six types of questions that the text itself answers.

The types and the use of connectives as evidence are AdaptLLM's (Cheng et al. 2024, arXiv 2309.09530): inference, reasoning from cause to effect,
paraphrase, words to text, summary, completion. Patterns, word lists and wordings are ours, and stricter: a quoted sentence must be understandable
alone, since a question about "This" teaches nothing.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import Article, MinerRecipe, question_item, read_article, title_of
from curate.synthesize.miners.patterns import causes, connected, definitions, keywords, word_counts
from curate.synthesize.types import Item, SourceDocument

Type = Literal["nli", "reasoning", "paraphrase", "word_to_text", "summarize", "completion"]
Match = tuple[str, dict[str, str]]
"""Sub-category, and the values for its wording."""


class ReadingMinerRecipe(MinerRecipe):
    """Items `type`, `kind` (type/sub-category), `question`, `answer`, `question_label`, `answer_label`, and `body`: the text, without its title if
    `with_document` is set."""

    kind: Literal["reading"]
    types: tuple[Type, ...] = ("nli", "reasoning", "paraphrase", "word_to_text", "summarize", "completion")
    """The types to mine."""
    with_document: bool = False
    """The output shows the text next to the questions, so they may refer to "the text above"; if not, each question must be understandable alone."""
    max_per_kind: Annotated[int, Field(ge=1)] = 2
    """Maximum items per sub-category; AdaptLLM's limit."""
    max_share: Annotated[float, Field(gt=0)] | None = 0.5
    """Maximum words of questions and answers per word of the text, so that they never repeat it; the last items are left out. Default: our choice."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Items in the order of `types`; empty for a language without a word list."""
        words = self.words(document)
        if words is None:
            return []
        article = read_article(text, words, document.id)
        items: list[Item] = []
        body = _without_title(text) if self.with_document and article.title() else text
        room = self.max_share * words.n_words(text) if self.max_share is not None else float("inf")
        for kind, values in self._matches(article):
            item = question_item(words, kind, document.id, len(items), values)
            room -= words.n_words(item["question"]) + words.n_words(item["answer"])
            if room < 0:
                break
            items.append(item | {"body": body})
        return items

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"type", "kind", "question", "answer", "question_label", "answer_label", "body"}

    def _matches(self, article: Article) -> Iterator[Match]:
        """At most `max_per_kind` matches per sub-category; each sentence is used in only one."""
        used: set[str] = set()
        for name in self.types:
            by_kind: dict[str, list[Match]] = {}
            for kind, values in _FINDERS[name](article, self.with_document):
                if kind in article.words.phrasings:
                    by_kind.setdefault(kind, []).append((kind, values))
            for kind, matches in by_kind.items():
                fresh = [match for match in matches if not used & _quoted(match)]
                for match in article.draw(kind, fresh, self.max_per_kind, lambda match: repr(sorted(match[1].items()))):
                    if not used & _quoted(match):
                        used |= _quoted(match)
                        yield match


def _quoted(match: Match) -> set[str]:
    """The texts that a match quotes."""
    return {value for name, value in match[1].items() if name in ("first", "second", "sentence", "passage")}


def _without_title(text: str) -> str:
    """The text after its first heading line and the underline of that line, if any."""
    return regex.sub(r"\A[^\n]*\n(?:([=\-~^*#+])\1{2,}[ \t]*(?:\n|\Z))?\s*", "", text.strip())


def _nli(article: Article, with_document: bool) -> Iterator[Match]:
    for relation in ("entail", "contrast", "neutral"):
        for pair in connected(article, relation):
            yield f"nli/{relation}", {"first": pair.first, "second": pair.second}


def _reasoning(article: Article, with_document: bool) -> Iterator[Match]:
    for pair in connected(article, "entail"):
        yield "reasoning/effect", {"first": pair.first, "second": pair.second}
    for pair in causes(article, "because"):
        yield "reasoning/cause", {"first": pair.first, "second": pair.second + ("." if article.words.spaces else "。")}
    for pair in causes(article, "due_to"):
        yield "reasoning/due_to", {"first": pair.first, "second": pair.second + ("." if article.words.spaces else "。")}


def _paraphrase(article: Article, with_document: bool) -> Iterator[Match]:
    for pair in connected(article, "restate"):
        yield "paraphrase/restate", {"first": pair.first, "second": pair.second}


def _word_to_text(article: Article, with_document: bool) -> Iterator[Match]:
    words, counts = article.words, word_counts(article)
    for sentence in article.standing():
        definition = definitions(sentence, words)
        if definition is not None:
            yield "word_to_text/definition", {"term": definition.term, "sentence": sentence}
        elif 8 <= words.n_words(sentence) <= 35 and not sentence.endswith("?"):
            chosen = keywords(article, sentence, counts)
            if len(chosen) >= 3:
                yield "word_to_text/sentence", {"words": ", ".join(chosen), "sentence": sentence}


def _summarize(article: Article, with_document: bool) -> Iterator[Match]:
    if with_document:
        if title := article.title():
            yield "summarize/title", {"title": title}
        return
    words = article.words
    for index, block in enumerate(article.blocks[:-1]):
        title = title_of(block.text, words) if block.kind == "heading" else ""
        below = article.sentences[index + 1]
        if title and len(below) >= 2 and below[0].stands and all(sentence.is_whole for sentence in below):
            passage = " ".join(sentence.text for sentence in below)
            if 25 <= words.n_words(passage) <= 110 and title.casefold() not in passage.casefold():
                yield "summarize/passage", {"title": title, "passage": passage}


def _completion(article: Article, with_document: bool) -> Iterator[Match]:
    words = article.words
    for block in article.sentences:
        if len(block) >= 3 and block[0].stands and all(sentence.is_whole for sentence in block):
            passage = (" " if words.spaces else "").join(sentence.text for sentence in block[:-1])
            if words.n_words(passage) <= 110 and not block[-1].text.endswith("?"):
                yield "completion/sentence", {"passage": passage, "sentence": block[-1].text}


_FINDERS = {
    "nli": _nli,
    "reasoning": _reasoning,
    "paraphrase": _paraphrase,
    "word_to_text": _word_to_text,
    "summarize": _summarize,
    "completion": _completion,
}

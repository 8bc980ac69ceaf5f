"""Questions that a text asks in its headings and answers below them."""

from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import Article, MinerRecipe, labels_of, read_article
from curate.synthesize.miners.language import LanguageWords
from curate.synthesize.miners.sentences import is_whole, leans, split
from curate.synthesize.types import Item, SourceDocument

_LABEL = regex.compile(r"^(?:Q|Question|Frage|Pregunta|问)\s?\d*\s?[.:：)]\s+", regex.IGNORECASE)
_ANSWER = regex.compile(r"^(?:A|Answer|Antwort|R|Réponse|Respuesta|答)\s?\d*\s?[.:：)]\s+", regex.IGNORECASE)


class QuestionsMiner(MinerRecipe):
    """Items `question`, `answer`, `type`, `kind`. Question headings, and paragraphs labelled Q: and A:."""

    kind: Literal["questions"]
    max_words: Annotated[int, Field(ge=10)] = 150
    """Words of an answer at most; whole paragraphs are kept up to there."""
    max_share: Annotated[float, Field(gt=0)] | None = 0.6
    """Words of all items per word of the text at most; a text that is all questions is no source of others. Default ours."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Items in the order of the text, a question once."""
        words = self.words(document)
        if words is None:
            return []
        article = read_article(text, words, document.id)
        room = self.max_share * words.n_words(text) if self.max_share is not None else float("inf")
        found: dict[str, Item] = {}
        for place, block in enumerate(article.blocks):
            question = regex.sub(r"\s+([?？])", r"\1", _LABEL.sub("", block.text))
            if question.casefold() in found or not _is_question(question, block.kind == "heading" or bool(_LABEL.match(block.text)), words):
                continue
            answer = _answer(article, place + 1, self.max_words)
            n_words = words.n_words(question) + words.n_words(answer)
            if answer and n_words <= room:
                room -= n_words
                found[question.casefold()] = {"type": "questions", "kind": "questions/heading", "question": question, "answer": answer, **labels_of(words)}
        return list(found.values())

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"type", "kind", "question", "answer", "question_label", "answer_label"}


def _is_question(text: str, is_marked: bool, words: LanguageWords) -> bool:
    begins = text.lstrip("¿ ").split(" ")[0].casefold() in words.question_words if words.spaces else True
    return is_marked and text.endswith(("?", "？")) and begins and words.n_words(text) >= 3 and not leans(text, words) and text.count("?") <= 1


def _answer(article: Article, start: int, max_words: int) -> str:
    """The paragraphs and lists up to the next heading that fit, if the first begins as a whole sentence; else ""."""
    parts: list[str] = []
    n_words = 0
    for block in article.blocks[start:]:
        text = _ANSWER.sub("", block.text) if not parts else block.text
        n_words += article.words.n_words(text)
        if block.kind == "heading" or _LABEL.match(block.text) or (n_words > max_words and parts):
            break
        if not parts and not _begins_well(text, article.words):
            return ""
        if parts and parts[-1].endswith((":", "：")) and block.kind != "item":
            parts.pop()  # what it led to was code or a table
        parts.append(_fitting(text, article.words, max_words) if not parts else f"- {text}" if block.kind == "item" else text)
    while parts and parts[-1].endswith((":", "：")):
        parts.pop()
    return "\n".join(parts)


def _begins_well(text: str, words: LanguageWords) -> bool:
    first = split(text, words)[0] if text else ""
    return is_whole(first, words, least=3) and not first.endswith(("?", "？"))


def _fitting(text: str, words: LanguageWords, max_words: int) -> str:
    """So many of its sentences as fit."""
    kept: list[str] = []
    for one in split(text, words):
        if kept and words.n_words(" ".join([*kept, one])) > max_words:
            break
        kept.append(one)
    return (" " if words.spaces else "").join(kept)

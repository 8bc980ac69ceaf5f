"""Questions in headings, answered by the text below them."""

from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.miners.base import Article, MinerRecipe, labels_of, read_article
from curate.synthesize.miners.language import LanguageWords
from curate.synthesize.miners.sentences import is_whole, leans, split
from curate.synthesize.types import Item, SourceDocument

_LABEL = regex.compile(r"^(?:Q|Question|Frage|Pregunta|问)\s?\d*\s?[.:：)]\s+", regex.IGNORECASE)
_ANSWER = regex.compile(r"^(?:A|Answer|Antwort|R|Réponse|Respuesta|答)\s?\d*\s?[.:：)]\s+", regex.IGNORECASE)


class QuestionsMinerRecipe(MinerRecipe):
    """Items `question`, `answer`, `type`, `kind`, from question headings and paragraphs labelled Q: and A:."""

    kind: Literal["questions"]
    max_words: Annotated[int, Field(ge=10)] = 150
    """Maximum words of an answer; it keeps whole paragraphs up to this limit."""
    max_share: Annotated[float, Field(gt=0)] | None = 0.6
    """Maximum words of all items per word of the text, so that a text made of questions is not repeated. Default: our choice."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Items in the order of the text, each question once."""
        words = self.words(document)
        if words is None:
            return []
        article = read_article(text, words, document.id)
        room = self.max_share * words.n_words(text) if self.max_share is not None else float("inf")
        items: dict[str, Item] = {}
        for index, block in enumerate(article.blocks):
            question = regex.sub(r"\s+([?？])", r"\1", _LABEL.sub("", block.text))
            if question.casefold() in items or not _is_question(question, block.kind == "heading" or bool(_LABEL.match(block.text)), words):
                continue
            answer = _answer(article, index + 1, self.max_words)
            n_words = words.n_words(question) + words.n_words(answer)
            if answer and n_words <= room:
                room -= n_words
                items[question.casefold()] = {"type": "questions", "kind": "questions/heading", "question": question, "answer": answer, **labels_of(words)}
        return list(items.values())

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"type", "kind", "question", "answer", "question_label", "answer_label"}


def _is_question(text: str, is_marked: bool, words: LanguageWords) -> bool:
    begins_well = text.lstrip("¿ ").split(" ")[0].casefold() in words.question_words if words.spaces else True
    return is_marked and text.endswith(("?", "？")) and begins_well and words.n_words(text) >= 3 and not leans(text, words) and text.count("?") <= 1


def _answer(article: Article, start: int, max_words: int) -> str:
    """The paragraphs and lists up to the next heading that fit, if the first one begins with a complete sentence; else ""."""
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
            parts.pop()  # it introduced code or a table, which is left out
        parts.append(_fitting(text, article.words, max_words) if not parts else f"- {text}" if block.kind == "item" else text)
    while parts and parts[-1].endswith((":", "：")):
        parts.pop()
    return "\n".join(parts)


def _begins_well(text: str, words: LanguageWords) -> bool:
    first = split(text, words)[0] if text else ""
    return is_whole(first, words, least=3) and not first.endswith(("?", "？"))


def _fitting(text: str, words: LanguageWords, max_words: int) -> str:
    """The first sentences of a text, up to `max_words` words; always at least one sentence."""
    kept: list[str] = []
    for sentence in split(text, words):
        if kept and words.n_words(" ".join([*kept, sentence])) > max_words:
            break
        kept.append(sentence)
    return (" " if words.spaces else "").join(kept)

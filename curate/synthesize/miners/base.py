"""What all miners share: the language of a document, and a text read into blocks and sentences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import xxhash

from curate.synthesize.miners.blocks import Block, blocks
from curate.synthesize.miners.language import LanguageWords, words_of
from curate.synthesize.miners.sentences import Sentence, sentences
from curate.synthesize.types import SourceDocument
from shards.recipe import Recipe

T = TypeVar("T")


class MinerRecipe(Recipe):
    """Options that all miners have."""

    language: str | None = None
    """Code of the text's language, for its word list. null: that of the document, English where it has none.
    Texts in a language without a list give nothing."""

    def words(self, document: SourceDocument) -> LanguageWords | None:
        """The word list for a document."""
        return words_of(self.language or (document.language if document.language not in ("", "und") else "en"))


@dataclass(frozen=True)
class Article:
    """A text read: `sentences[i]` are those of `blocks[i]`, none for headings."""

    blocks: Sequence[Block]
    sentences: Sequence[Sequence[Sentence]]
    words: LanguageWords
    document_id: str

    def standing(self) -> list[str]:
        """Sentences that stand for themselves, in order."""
        return [one.text for found in self.sentences for one in found if one.stands]

    def title(self) -> str:
        """The first heading, if the text begins with one that says something; else ""."""
        first = self.blocks[0] if self.blocks else None
        return title_of(first.text, self.words) if first is not None and first.kind == "heading" else ""

    def draw(self, kind: str, found: Sequence[T], count: int, key: Callable[[T], str]) -> list[T]:
        """So many of what was found, drawn by the document's id and their own text, in the order of the text."""
        by_draw = sorted(range(len(found)), key=lambda index: xxhash.xxh3_64_intdigest(f"{self.document_id} {kind} {key(found[index])}"))
        return [found[index] for index in sorted(by_draw[:count])]


def read_article(text: str, words: LanguageWords, document_id: str) -> Article:
    """Blocks and sentences of a text."""
    found = blocks(text)
    return Article(found, [() if block.kind == "heading" else sentences(block, words) for block in found], words, document_id)


def title_of(heading: str, words: LanguageWords) -> str:
    """A heading as a title without its last period; "" if it says nothing by itself."""
    title = heading.strip().rstrip(".").strip()
    letters = sum(char.isalpha() for char in title)
    too_short = words.n_words(title) < 2 or words.n_words(title) > 20 or letters < 0.75 * len(title.replace(" ", ""))
    return "" if too_short or title.casefold() in words.no_titles or title.endswith("?") or "[" in title else title


def capitalised(text: str) -> str:
    """With its first letter in upper case."""
    return text[:1].upper() + text[1:]


def question_item(words: LanguageWords, kind: str, document_id: str, number: int, values: Mapping[str, str]) -> dict[str, str]:
    """An item in the wording drawn for it: `type`, `kind` (type/sub-category), `question`, `answer`, `question_label`, `answer_label`."""
    question, answer = words.phrase(kind, document_id, number, **values)
    return {"type": kind.split("/")[0], "kind": kind, "question": question, "answer": answer, **labels_of(words)}


def labels_of(words: LanguageWords) -> dict[str, str]:
    """What stands before questions and answers in a language."""
    return {"question_label": words.question_label, "answer_label": words.answer_label}

"""The base class of miners, and a text split into blocks and sentences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import xxhash

from curate.synthesize.miners.blocks import TextBlock, blocks
from curate.synthesize.miners.language import LanguageWords, words_of
from curate.synthesize.miners.sentences import Sentence, sentences
from curate.synthesize.types import SourceDocument
from shards.recipe import Recipe

T = TypeVar("T")


class MinerRecipe(Recipe):
    """Options of all miners that use word lists."""

    language: str | None = None
    """Language code that selects the word list. null: the document's language, or English if it has none.
    Texts in a language without a word list give no items."""

    def words(self, document: SourceDocument) -> LanguageWords | None:
        """The word list for a document; None if its language has none."""
        return words_of(self.language or (document.language if document.language not in ("", "und") else "en"))


@dataclass(frozen=True)
class Article:
    """A text split into blocks and sentences: `sentences[i]` belong to `blocks[i]`; headings have none."""

    blocks: Sequence[TextBlock]
    sentences: Sequence[Sequence[Sentence]]
    words: LanguageWords
    document_id: str

    def standing(self) -> list[str]:
        """Sentences that can be understood alone, in order."""
        return [sentence.text for block in self.sentences for sentence in block if sentence.stands]

    def title(self) -> str:
        """The heading that the text begins with, if it is informative; else ""."""
        first = self.blocks[0] if self.blocks else None
        return title_of(first.text, self.words) if first is not None and first.kind == "heading" else ""

    def draw(self, kind: str, choices: Sequence[T], count: int, key: Callable[[T], str]) -> list[T]:
        """At most `count` of the choices, drawn by a hash of document id and `key`, in their original order."""
        by_hash = sorted(range(len(choices)), key=lambda index: xxhash.xxh3_64_intdigest(f"{self.document_id} {kind} {key(choices[index])}"))
        return [choices[index] for index in sorted(by_hash[:count])]


def read_article(text: str, words: LanguageWords, document_id: str) -> Article:
    """Split a text into blocks and sentences."""
    text_blocks = blocks(text)
    return Article(text_blocks, [() if block.kind == "heading" else sentences(block, words) for block in text_blocks], words, document_id)


def title_of(heading: str, words: LanguageWords) -> str:
    """A heading without its last period; "" if it is not informative by itself."""
    title = heading.strip().rstrip(".").strip()
    letters = sum(char.isalpha() for char in title)
    too_short = words.n_words(title) < 2 or words.n_words(title) > 20 or letters < 0.75 * len(title.replace(" ", ""))
    return "" if too_short or title.casefold() in words.no_titles or title.endswith("?") or "[" in title else title


def capitalised(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def question_item(words: LanguageWords, kind: str, document_id: str, number: int, values: Mapping[str, str]) -> dict[str, str]:
    """An item in a wording drawn by document id: `type`, `kind` (type/sub-category), `question`, `answer`, `question_label`, `answer_label`."""
    question, answer = words.phrase(kind, document_id, number, **values)
    return {"type": kind.split("/")[0], "kind": kind, "question": question, "answer": answer, **labels_of(words)}


def labels_of(words: LanguageWords) -> dict[str, str]:
    """The labels before questions and answers in a language."""
    return {"question_label": words.question_label, "answer_label": words.answer_label}

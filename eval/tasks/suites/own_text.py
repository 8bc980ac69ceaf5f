"""Tasks made from any set of held-out documents: which continuation is the true one, and what is the last word.

Both measure a domain by choices, without anybody writing questions, and in any language. Everything follows from the documents alone: the same set gives
the same items.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import xxhash

from eval.errors import EvalError
from eval.tasks.items import Item
from eval.tasks.suites.contents import Contents
from shards.held_out import DomainRecipe, sample_of

CONTEXT_CHARACTERS = 600
CONTINUATION_CHARACTERS = 120
N_CHOICES = 4
MAX_PASSAGES = 4
"""Passages of one document, spread over it. They form a group."""
_MAX_DOCUMENTS = 5_000
_TRIES = 30
_MIN_LAST_WORD_CONTEXT = 300
_MIN_LETTERS = 4
_SENTENCE_END = re.compile(r"(?<=\s)([^\W\d_]+)[.!?](?=\s|$)")


def read_continuation(path: Path, only: Sequence[str]) -> list[Contents]:
    """Choose the true continuation of a passage among four; the other three come from other documents of the set."""
    passages = [passage for doc_id, text in _documents(path) for passage in _passages(doc_id, text)]
    by_document: dict[str, list[str]] = {}
    for doc_id, _, _, continuation in passages:
        by_document.setdefault(doc_id, []).append(continuation)
    if len(by_document) < N_CHOICES:
        length = CONTEXT_CHARACTERS + CONTINUATION_CHARACTERS
        raise EvalError(f"suite continuation: {path} has {len(by_document)} documents of at least {length} characters, needs {N_CHOICES}")
    return [Contents([_with_distractors(passage, by_document) for passage in passages], delimiter="", accuracy="acc_norm")]


def read_last_word(path: Path, only: Sequence[str]) -> list[Contents]:
    """Say the word that ends a sentence, where it has occurred earlier in the passage, as most words that people guess in LAMBADA have."""
    items = [item for doc_id, text in _documents(path) for item in _last_words(doc_id, text)]
    if not items:
        raise EvalError(
            f"suite last_word: no sentence in {path} ends in a word that occurred before; the suite needs documents of some {_MIN_LAST_WORD_CONTEXT} "
            "characters in a language that puts blanks between words; use suite continuation for others"
        )
    return [Contents(items, kind="continuation")]


def _documents(path: Path) -> list[tuple[str, str]]:
    sample = sample_of(DomainRecipe.model_validate(str(path)), _MAX_DOCUMENTS, None)
    return [(doc_id.hex(), text) for doc_id, text in zip(sample.ids, sample.texts, strict=True)]


def _passages(doc_id: str, text: str) -> list[tuple[str, str, str, str]]:
    """Document, id, context and continuation of passages that do not overlap, at most `MAX_PASSAGES`, spread evenly."""
    length = CONTEXT_CHARACTERS + CONTINUATION_CHARACTERS
    n_passages = min(MAX_PASSAGES, len(text) // length)
    passages = []
    for number in range(n_passages):
        start = _cut(text, len(text) * number // n_passages)
        middle, end = _cut(text, start + CONTEXT_CHARACTERS), _cut(text, start + length)
        context, continuation = text[start:middle].lstrip(), text[middle:end].rstrip()
        if context.strip() and continuation.strip():
            passages.append((doc_id, f"{doc_id}-{number}", context, continuation))
    return passages


def _cut(text: str, place: int) -> int:
    """The last place up to `place` before a blank, if one is within 30 characters (not so in Chinese or Thai), else `place`, never inside a character with
    its marks."""
    if place <= 0 or place >= len(text):
        return max(0, min(place, len(text)))
    for earlier in range(place, max(0, place - 30), -1):
        if text[earlier].isspace() and not text[earlier - 1].isspace():
            return earlier
    while place > 0 and (unicodedata.category(text[place])[0] == "M" or text[place - 1] == "\u200d"):
        place -= 1
    return place


def _with_distractors(passage: tuple[str, str, str, str], continuations: dict[str, list[str]]) -> Item:
    """The place of the true continuation and the other documents are random, by hash of the passage."""
    doc_id, item_id, context, continuation = passage
    wrong = _wrong(doc_id, item_id, continuation, continuations)
    gold = _hash(item_id, "place") % N_CHOICES
    return Item(item_id, context, (*wrong[:gold], continuation, *wrong[gold:]), gold, group=doc_id)


def _wrong(doc_id: str, item_id: str, continuation: str, continuations: dict[str, list[str]]) -> list[str]:
    """Continuations of other documents that differ from the true one and from each other. They were cut as the true one is, so no cut gives it away."""
    documents = list(continuations)
    first, wrong = _hash(item_id, "first"), [continuation]
    for number in range(_TRIES + len(documents)):  # at random, then all in turn
        other = documents[_hash(item_id, str(number)) % len(documents) if number < _TRIES else (first + number) % len(documents)]
        candidate = continuations[other][_hash(other, item_id) % len(continuations[other])]
        if other != doc_id and candidate not in wrong:
            wrong.append(candidate)
        if len(wrong) == N_CHOICES:
            return wrong[1:]
    raise EvalError(f"suite continuation: fewer than {N_CHOICES} documents continue in different words; remove duplicate documents (`curate run`)")


def _hash(*parts: str) -> int:
    return xxhash.xxh3_64_intdigest("\n".join(parts).encode())


def _last_words(doc_id: str, text: str) -> list[Item]:
    """Up to `MAX_PASSAGES` items a document, whose passages do not overlap."""
    items: list[Item] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        begin = max(start, match.start() - CONTEXT_CHARACTERS)
        context, word = text[begin : match.start()], match[1]
        if len(context) < _MIN_LAST_WORD_CONTEXT or len(word) < _MIN_LETTERS or not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", context):
            continue
        items.append(Item(f"{doc_id}-{len(items)}", context.rstrip(), (word,), 0, group=doc_id))
        start = match.end()
        if len(items) == MAX_PASSAGES:
            break
    return items

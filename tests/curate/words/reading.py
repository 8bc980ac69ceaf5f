"""Words as spaCy and as the splitter of curate find them."""

from functools import cache

import pyarrow as pa
import spacy

from curate.kernels.buffers import text_buffers
from curate.words.spacy_words import WordSplitter


@cache
def splitter(name: str = "spacy:en") -> WordSplitter:
    return WordSplitter(name)


@cache
def tokenizer(language: str = "en"):
    return spacy.blank(language).tokenizer


def split(texts: list[str], name: str = "spacy:en") -> list[list[str]]:
    utf8, offsets = text_buffers(pa.array(texts, pa.string()))
    words = splitter(name).split(utf8, offsets)
    found = [utf8[start:end].tobytes().decode() for start, end in zip(words.starts, words.ends, strict=True)]
    return [found[first:last] for first, last in zip(words.doc_offsets[:-1], words.doc_offsets[1:], strict=True)]


def by_spacy(text: str, language: str = "en") -> list[str]:
    """datatrove's words."""
    return [token.text.strip() for token in tokenizer(language)(text) if token.text.strip()]

"""What a text costs in tokens: bytes per token, tokens per word, share of words split, characters split into bytes.

These are costs (longer sequences, more steps), not measures of quality. A ratio divides sums over documents; it is never a mean of ratios. Words
are found in the text and matched to tokens by offset, so neither a tokenizer's word-start marks nor its normalizer changes the count (tokens per
word as in Rust et al. 2021).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import regex

from tokenize_tools.definition import Definition, reference_tokenizer

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_WORD = regex.compile(rf"[[\p{{L}}\p{{M}}\p{{Nd}}]--[{_UNSPACED}]]+", regex.V1)
_UNSPACED_LETTER = regex.compile(rf"[{_UNSPACED}]", regex.V1)


class TokenSpans(NamedTuple):
    """Tokens of some documents: document i has tokens `offsets[i]:offsets[i + 1]`, `offsets (n_docs + 1,) int64`.

    `ids`, `starts` and `ends` are `(n_tokens,) int64`; token t covers characters `starts[t]:ends[t]` of its document.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray


EncodeSpans = Callable[[Sequence[str]], TokenSpans]


class Counts(NamedTuple):
    """Counts per document, `(n_docs,) int64` each."""

    n_bytes: np.ndarray
    """UTF-8 bytes of the text."""
    n_tokens: np.ndarray
    n_words: np.ndarray
    """Runs of letters, marks and digits, in scripts that put spaces between words."""
    word_chars: np.ndarray
    """Characters in those words."""
    unspaced_chars: np.ndarray
    """Letters of scripts without such spaces (Han, kana, Thai, Lao, Khmer, Burmese, Tibetan)."""
    word_tokens: np.ndarray
    """Tokens that overlap a word, summed over words."""
    split_words: np.ndarray
    """Words that more than one token overlaps."""
    byte_tokens: np.ndarray
    """Tokens that are a single byte of a multi-byte character."""


class MeasuredDocuments(NamedTuple):
    """Some documents encoded by one tokenizer: counts, and the ids of document i at `ids[offsets[i]:offsets[i + 1]]`."""

    counts: Counts
    ids: np.ndarray
    offsets: np.ndarray

    def of(self, chosen: np.ndarray) -> "MeasuredDocuments":
        """The documents with the indices `chosen`."""
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        indices = np.repeat(self.offsets[chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return MeasuredDocuments(Counts(*(column[chosen] for column in self.counts)), self.ids[indices], offsets)


def measure(batches: Iterable[Sequence[str]], encode: EncodeSpans, byte_ids: np.ndarray) -> MeasuredDocuments:
    """`fertility` batch by batch, because the offsets of a token take about a hundred bytes."""
    spans_of, counts = [], []
    for texts in batches:
        spans = encode(texts)
        counts.append(fertility(texts, spans, byte_ids))
        spans_of.append((spans.ids.astype(np.uint32), np.diff(spans.offsets)))
    lengths = np.concatenate([np.empty(0, np.int64), *(lengths for _, lengths in spans_of)])
    ids = np.concatenate([np.empty(0, np.uint32), *(ids for ids, _ in spans_of)])
    return MeasuredDocuments(Counts(*map(np.concatenate, zip(*counts, strict=True))), ids, np.concatenate([[0], np.cumsum(lengths)]))


def fertility(texts: Sequence[str], spans: TokenSpans, byte_ids: np.ndarray) -> Counts:
    """The counts that the ratios of `fertility_report` need, by document. `byte_ids`: ids of single bytes, as from the function `byte_ids`."""
    is_byte = np.isin(spans.ids, byte_ids)
    rows = []
    for index, text in enumerate(texts):
        tokens = slice(spans.offsets[index], spans.offsets[index + 1])
        words = np.array([match.span() for match in _WORD.finditer(text)], np.int64).reshape(-1, 2)
        per_word = tokens_per_word(words, spans.starts[tokens], spans.ends[tokens])
        rows.append(
            (
                len(text.encode()),
                tokens.stop - tokens.start,
                len(words),
                (words[:, 1] - words[:, 0]).sum(),
                len(_UNSPACED_LETTER.findall(text)),
                per_word.sum(),
                (per_word > 1).sum(),
                is_byte[tokens].sum(),
            )
        )
    return Counts(*np.array(rows, np.int64).reshape(-1, len(Counts._fields)).T)


def tokens_per_word(words: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Tokens that overlap each word, (n_words,) int64. `words (n_words, 2)` and the tokens' `starts` and `ends` are character offsets, ascending."""
    first = np.searchsorted(ends, words[:, 0], side="right")
    stop = np.searchsorted(starts, words[:, 1], side="left")
    return stop - first


def encoder(definition: Definition) -> EncodeSpans:
    """Encode with Hugging Face tokenizers, the only library that returns the character offsets of tokens."""
    tokenizer = reference_tokenizer(definition.json_text)

    def encode(texts: Sequence[str]) -> TokenSpans:
        encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ids = [token for encoding in encodings for token in encoding.ids]
        spans = np.array([span for encoding in encodings for span in encoding.offsets], np.int64).reshape(-1, 2)
        return TokenSpans(np.array(ids, np.int64), spans[:, 0], spans[:, 1], np.cumsum([0, *(len(encoding) for encoding in encodings)]))

    return encode


def byte_ids(definition: Definition) -> np.ndarray:
    """Ids of the tokens that are one byte of a multi-byte character (0x80 and above), `(n,) int64`.

    They are single symbols in a byte-level vocabulary, and `<0x80>` to `<0xFF>` in one with byte fallback.
    """
    pieces = definition.parsed["model"]["vocab"]
    vocabulary: dict[str, int] = pieces if isinstance(pieces, dict) else {piece: number for number, (piece, _) in enumerate(pieces)}
    if definition.parsed["model"].get("byte_fallback"):
        return np.array([vocabulary[name] for name in (f"<0x{byte:02X}>" for byte in range(0x80, 0x100)) if name in vocabulary])
    symbols = byte_level_symbols()
    return np.array([vocabulary[symbol] for byte, symbol in symbols.items() if byte >= 0x80 and symbol in vocabulary])


def byte_level_symbols() -> dict[int, str]:
    """The printable character that stands for each byte in byte-level vocabularies (GPT-2's bytes_to_unicode)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + index) for index, byte in enumerate(others)}

"""Text that a tokenizer loses: bytes that decoding the ids of a text does not give back.

A model is charged only for its tokens, so lost text is free, and bits per byte are too low. Text is lost to unknown-token ids, to characters without
an id, and to normalisation (case, width, blanks). One blank that a tokenizer puts before a text is not a loss.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

LIMIT = 0.001
"""Share of lost bytes above which bits per byte are not comparable. The most that a loss can save is its share of the bits, so 0.1% stays below the
differences that held-out sets of usual size can show."""
_PIECE_TOKENS = 64
_PIECE_CHARACTERS = 256
_SHOWN = 40

Offsets = Sequence[tuple[int, int]]
Encode = Callable[[str], tuple[Sequence[int], Offsets | None]]
"""Text → token ids, and for each the characters [start, stop) that it stands for; None if the tokenizer does not say."""


class TextLoss(NamedTuple):
    """`lost` bytes of a text's UTF-8 that decoding does not give back, or adds if it adds more; of these, bytes that became `unknown` tokens; and
    the first lost part as it reads before and after, "" if nothing is lost."""

    lost: int
    unknown: int
    example: str


class RoundTrip:
    """A tokenizer's functions: `encode` text, `decode` ids without any cleaning up, and the ids of unknown tokens."""

    def __init__(self, encode: Encode, decode: Callable[[list[int]], str], unknown_ids: Iterable[int]) -> None:
        self._encode, self._decode, self._unknown = encode, decode, frozenset(unknown_ids)

    def loss(self, text: str) -> TextLoss:
        """What encoding loses of `text`."""
        ids, offsets = self._encode(text)
        if self._unknown.isdisjoint(ids) and self._decode(list(ids)) in (text, f" {text}"):
            return TextLoss(0, 0, "")
        measured = self._measure((piece, self._encode(piece)[0]) for piece in _slices(text))
        if offsets is not None:
            # Each alignment overstates the loss: slices lose blanks at their edges, and some tokenizers miscount the characters of tokens.
            measured = min(measured, self._measure(_pieces(text, ids, offsets)))
            unknown = _covered_bytes(text, [span for number, span in zip(ids, offsets, strict=True) if number in self._unknown])
            measured = TextLoss(max(measured.lost, unknown), unknown, measured.example)
        return measured

    def _measure(self, pieces: Iterable[tuple[str, Sequence[int]]]) -> TextLoss:
        lost, unknown, example = 0, 0, ""
        for number, (piece, ids) in enumerate(pieces):
            kept = self._without_edges(piece, ids, is_first=number == 0)
            n_lost = _differing_bytes(piece, kept)
            lost += n_lost
            unknown += 0 if self._unknown.isdisjoint(ids) else n_lost
            example = example or (_example(piece, kept) if n_lost else "")
        return TextLoss(lost, unknown, example)

    def _without_edges(self, piece: str, ids: Sequence[int], *, is_first: bool) -> str:
        """The decoded piece without unknown tokens. Decoders may add or drop a blank before the first id that they get, which says nothing."""
        kept = self._decode([number for number in ids if number not in self._unknown])
        if kept.startswith(" ") and not piece.startswith(" "):
            return kept[1:]
        if piece.startswith(" ") and not kept.startswith(" ") and not is_first:
            return f" {kept}"
        return kept


def loss_words(round_trip: RoundTrip, texts: Iterable[str], limit: float = LIMIT) -> str:
    """`loses 66.10% of the bytes (66.02% are unknown tokens; '日本' becomes '')`; "" if texts lose at most the share `limit`."""
    n_bytes = lost = unknown = 0
    example = ""
    for text in texts:
        loss = round_trip.loss(text)
        n_bytes, lost, unknown, example = n_bytes + len(text.encode()), lost + loss.lost, unknown + loss.unknown, example or loss.example
    return share_words(lost, unknown, n_bytes, example) if lost > limit * n_bytes else ""


def share_words(lost: int, unknown: int, n_bytes: int, example: str) -> str:
    """Words for lost and unknown bytes, as `loss_words` gives them."""
    return f"loses {lost / n_bytes:.2%} of the bytes ({unknown / n_bytes:.2%} are unknown tokens; {example})"


def round_trip_of(tokenizer: Any) -> RoundTrip:
    """The round trip of a `tokenizers.Tokenizer`; text that spells a special token is encoded as text. Changes that setting of `tokenizer`."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True

    def encode(text: str) -> tuple[Sequence[int], Offsets]:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets

    return RoundTrip(encode, lambda ids: tokenizer.decode(ids, skip_special_tokens=False), unknown_ids(tokenizer))


def unknown_ids(tokenizer: Any) -> list[int]:
    """Ids that the model of a `tokenizers.Tokenizer` gives to characters that it does not know; [] if it has none."""
    if hasattr(tokenizer.model, "unk_token"):
        number = None if tokenizer.model.unk_token is None else tokenizer.token_to_id(tokenizer.model.unk_token)
    else:
        number = json.loads(tokenizer.to_str())["model"].get("unk_id")  # Unigram has no attribute for it
    return [] if number is None else [number]


def _covered_bytes(text: str, spans: list[tuple[int, int]]) -> int:
    """UTF-8 bytes of `text` in the union of spans of characters."""
    reached = total = 0
    for begin, end in sorted(spans):
        total += len(text[max(begin, reached) : end].encode())
        reached = max(reached, end)
    return total


def _pieces(text: str, ids: Sequence[int], offsets: Offsets) -> Iterator[tuple[str, Sequence[int]]]:
    """Consecutive parts of the text with the ids that stand for them, cut where no token reaches across."""
    first = reached = start = 0
    for index, (begin, end) in enumerate(offsets):
        if index - first >= _PIECE_TOKENS and begin >= reached:
            yield text[start:reached], ids[first:index]
            first, start = index, reached
        reached = max(reached, end)
    yield text[start:], ids[first:]


def _slices(text: str) -> Iterator[str]:
    """Parts of a text of about `_PIECE_CHARACTERS` characters, cut before a blank if there is one."""
    start = 0
    while start < len(text):
        blank = text.find(" ", start + _PIECE_CHARACTERS, start + 2 * _PIECE_CHARACTERS)
        stop = start + _PIECE_CHARACTERS if blank < 0 else blank
        yield text[start:stop]
        start = stop


def _differing_bytes(text: str, kept: str) -> int:
    """Bytes of `text` outside the heaviest common subsequence with `kept`, or of `kept` if that is more; at most all bytes of `text`."""
    n_bytes = len(text.encode())
    head = _prefix(text, kept)
    text, kept = text[head:], kept[head:]
    tail = _prefix(text[::-1], kept[::-1])
    text, kept = text[: len(text) - tail], kept[: len(kept) - tail]
    common = _common_bytes(text, kept)
    return min(n_bytes, max(len(text.encode()), len(kept.encode())) - common)


def _common_bytes(text: str, kept: str) -> int:
    """UTF-8 bytes of the heaviest common subsequence of characters, in O(len(text) · len(kept)) with rows as arrays."""
    columns = np.frombuffer(kept.encode("utf-32-le"), np.uint32)
    best = np.zeros(len(columns) + 1, np.int64)
    for character in text:
        matched = np.where(columns == ord(character), best[:-1] + len(character.encode()), 0)
        np.maximum(best[1:], matched, out=best[1:])
        np.maximum.accumulate(best, out=best)
    return int(best[-1])


def _prefix(one: str, other: str) -> int:
    """Number of characters that both texts begin with."""
    return next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _example(piece: str, kept: str) -> str:
    """`'ＡＢＣ …' becomes 'ABC …'`: both from the first character that differs."""
    first = _prefix(piece, kept)
    return f"{piece[first : first + _SHOWN]!r} becomes {kept[first : first + _SHOWN]!r}"

"""Which characters do not survive encoding and decoding."""

from tokenizers import Tokenizer

_AT_ONCE = 512


def scalars() -> list[str]:
    """All 1,112,064 Unicode scalar values: every code point except surrogates."""
    return [chr(point) for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]


def changed_scalars(tokenizer: Tokenizer, points: list[str] | None = None) -> list[str]:
    """Unicode scalars (all, or `points`) that change when encoded and decoded between two letters, as U+XXXX.

    They are tested in groups, and one by one in a group that changes.
    """
    points = scalars() if points is None else points
    groups = [points[start : start + _AT_ONCE] for start in range(0, len(points), _AT_ONCE)]
    suspects = [point for group, same in zip(groups, _survive(tokenizer, ["".join(group) for group in groups]), strict=True) if not same for point in group]
    alone = _survive(tokenizer, [f"a{point}b" for point in suspects])
    return [f"U+{ord(point):04X}" for point, same in zip(suspects, alone, strict=True) if not same]


def _survive(tokenizer: Tokenizer, texts: list[str]) -> list[bool]:
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    decoded = tokenizer.decode_batch([encoding.ids for encoding in encodings], skip_special_tokens=False)
    return [text == decoded_text for text, decoded_text in zip(texts, decoded, strict=True)]

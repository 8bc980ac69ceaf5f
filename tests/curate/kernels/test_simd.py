import numpy as np
import pytest

from curate.kernels.bits import bits_of, chars_between, count_bits, next_bit
from curate.kernels.buffers import padded
from curate.kernels.hashing import hash_bytes, hash_padded
from curate.kernels.kernel import kernel

TEXTS = ["", "a", "naïve… 12 #日本\u2028 \x85x\r\n", "....…" * 40, "é\n" * 100, "x" * 63 + "…" + "#\n" * 70]


def bits_by_hand(text: str) -> dict[str, list[int]]:
    """Byte positions, character by character."""
    starts = np.cumsum([0, *(len(character.encode()) for character in text)])
    return {
        "newlines": [int(starts[k]) for k, character in enumerate(text) if character == "\n"],
        "spaces": [int(starts[k]) for k, character in enumerate(text) if character.isspace() and character < "\x80"],
        "hashes": [int(starts[k]) for k, character in enumerate(text) if character == "#"],
        "line_breaks": [int(starts[k]) for k, character in enumerate(text) if len(("a" + character + "a").splitlines()) == 2],
        "ellipses": [int(starts[k]) for k, character in enumerate(text) if character == "…" or text[k : k + 3] == "..."],
    }


@kernel
def _queries(bits, kind, start, end, out):
    out[0], out[1], out[2] = next_bit(kind, start, end), count_bits(kind, start, end), chars_between(bits, start, end)


@pytest.mark.parametrize("text", TEXTS)
def test_bits_tell_where_marks_and_breaks_lie(text: str):
    utf8, offsets = padded(np.frombuffer(text.encode(), np.uint8), np.array([0, len(text.encode())]))
    bits = bits_of(utf8, int(offsets[-1]))
    for name, places in bits_by_hand(text).items():
        found = np.flatnonzero(np.unpackbits(getattr(bits, name).view(np.uint8), bitorder="little"))
        assert found.tolist() == places, name


@pytest.mark.parametrize("text", TEXTS)
def test_the_next_bit_the_number_of_bits_and_of_characters_are_those_of_any_stretch(text: str):
    utf8, offsets = padded(np.frombuffer(text.encode(), np.uint8), np.array([0, len(text.encode())]))
    bits, newlines = bits_of(utf8, int(offsets[-1])), bits_by_hand(text)["newlines"]
    borders = [0, *np.cumsum([len(character.encode()) for character in text])]
    for start, end in [(borders[k], borders[m]) for k in range(0, len(borders), 7) for m in range(k, len(borders), 13)]:
        out = np.zeros(3, np.int64)
        _queries(bits, bits.newlines, int(start), int(end), out)
        inside = [place for place in newlines if start <= place < end]
        assert out.tolist() == [min(inside, default=end), len(inside), len(utf8[start:end].tobytes().decode())]


@kernel
def _both_hashes(utf8, start, end, out):
    out[0], out[1] = hash_bytes(utf8, start, end), hash_padded(utf8, start, end)


def test_hashing_eight_bytes_a_step_gives_the_same_hash_as_byte_by_byte():
    utf8, _ = padded(np.random.default_rng(0).integers(0, 0xF5, 100).astype(np.uint8), np.array([0, 100]))
    for n_bytes in range(60):
        out = np.zeros(2, np.uint64)
        _both_hashes(utf8, 3, 3 + n_bytes, out)
        assert out[0] == out[1], n_bytes

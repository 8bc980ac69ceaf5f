"""A Bloom filter over 64-bit hashes (Bloom 1970) of fixed size, in memory or memory-mapped, and its error rates."""

import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from curate.errors import CurateError
from curate.kernels.hashing import BASE, scatter
from curate.kernels.kernel import inlined, kernel
from shards.record import parse_record, sealed

_MAGIC = "cptkit bloom filter 1"
_HEADER_BYTES = 4096
_SIX, _LOW6, _ONE = np.uint64(6), np.uint64(63), np.uint64(1)


class _Header(BaseModel):
    """Header of a saved filter."""

    magic: Literal["cptkit bloom filter 1"]
    n_words: Annotated[int, Field(ge=1, le=1 << 48)]
    n_hashes: Annotated[int, Field(ge=1, le=1 << 16)]
    meaning: dict[str, Any]


def bits_needed(n_keys: int, false_positive: float) -> int:
    """Number of bits m = -n ln p / ln² 2 of an optimal filter of n keys with false-positive rate p; a multiple of 64."""
    return 64 * max(1, math.ceil(-n_keys * math.log(false_positive) / math.log(2) ** 2 / 64))


def hashes_needed(n_keys: int, n_bits: int) -> int:
    """Number of hashes k = m/n ln 2, which sets half the bits."""
    return max(1, round(n_bits / max(n_keys, 1) * math.log(2)))


def false_positive_rate(n_keys: int, n_bits: int, n_hashes: int) -> float:
    """Probability (1 - e^(-kn/m))^k that a key which was never added is found among `n_keys` that were."""
    return float((1 - math.exp(-n_hashes * n_keys / n_bits)) ** n_hashes)


class BloomFilter:
    """`words (n_bits / 64,)` uint64 and the number of hashes. `meaning` describes the keys; a saved filter is usable only with an equal one."""

    def __init__(self, words: np.ndarray, n_hashes: int, meaning: dict[str, Any]) -> None:
        self.words, self.n_hashes, self.meaning = words, n_hashes, meaning

    @classmethod
    def sized(cls, n_keys: int, false_positive: float, max_bytes: int, meaning: dict[str, Any]) -> "BloomFilter":
        """An empty filter for `n_keys` keys. Raises CurateError if it would take more than `max_bytes`."""
        n_bits = bits_needed(n_keys, false_positive)
        if n_bits > 8 * max_bytes:
            most = 64 * max(1, max_bytes // 8)
            rate = false_positive_rate(n_keys, most, hashes_needed(n_keys, most))
            raise CurateError(
                f"bloom: {n_keys:,} n-grams need {n_bits / 8 / 2**30:.3g} GiB for a false-positive rate of {false_positive:g}; "
                f"raise max_gib, or accept false_positive: {rate:.3g} with {max_bytes / 2**30:.3g} GiB"
            )
        return cls(np.zeros(n_bits // 64, np.uint64), hashes_needed(n_keys, n_bits), meaning)

    @classmethod
    def load(cls, path: Path, meaning: dict[str, Any]) -> "BloomFilter":
        """A saved filter, memory-mapped; keys added later are not written to the file. Raises CurateError for another file or meaning."""
        try:
            with open(path, "rb") as file:
                head = file.read(_HEADER_BYTES)
        except OSError as error:
            raise CurateError(f"{path}: not a Bloom filter of ours ({error}); make one with `bloom: {{save: FILE}}`") from None
        where = f"{path}: not a Bloom filter of ours"
        header = parse_record(head, where, _Header, error=CurateError, remedy="make one with `bloom: {save: FILE}`")
        if path.stat().st_size != _HEADER_BYTES + 8 * header.n_words:
            raise CurateError(f"{path}: not a whole Bloom filter of ours; make it again with `bloom: {{save: FILE}}`")
        if header.meaning != meaning:
            raise CurateError(f"{path}: holds {header.meaning}, the recipe asks for {meaning}; use the same ngram, scope and words")
        return cls(np.memmap(path, "<u8", "c", _HEADER_BYTES, (header.n_words,)), header.n_hashes, meaning)

    def save(self, path: Path) -> None:
        """Write atomically."""
        refuse_other_file(path)
        header = {"magic": _MAGIC, "n_words": len(self.words), "n_hashes": self.n_hashes, "meaning": self.meaning}
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(sealed(header).ljust(_HEADER_BYTES))
                self.words.astype("<u8", copy=False).tofile(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise CurateError(f"{path}: the Bloom filter could not be saved ({error})") from None

    def add(self, keys: np.ndarray) -> None:
        """Add keys (n,) uint64."""
        _add(keys, self.words, self.n_hashes)

    def holds(self, keys: np.ndarray) -> np.ndarray:
        """Whether each key was added, (n,) bool; false positives are possible, false negatives are not."""
        is_added = np.empty(len(keys), bool)
        _holds(keys, self.words, self.n_hashes, is_added)
        return is_added

    @property
    def fill(self) -> float:
        """Share of bits that are set. The false-positive rate is fill ** n_hashes."""
        return float(np.bitwise_count(self.words).sum(dtype=np.int64) / (64 * len(self.words)))


@inlined
def holds_key(key: Any, words: Any, n_hashes: int) -> Any:
    """Whether a key was added: its k bits by double hashing (Kirsch, Mitzenmacher 2006) are set."""
    place, step = scatter(key), scatter(key ^ BASE) | _ONE
    n_bits = np.uint64(len(words)) << _SIX
    for _ in range(n_hashes):
        bit = place % n_bits
        if (words[bit >> _SIX] >> (bit & _LOW6)) & _ONE == 0:
            return False
        place += step
    return True


@inlined
def add_key(key: Any, words: Any, n_hashes: int) -> None:
    """Set the bits that `holds_key` checks."""
    place, step = scatter(key), scatter(key ^ BASE) | _ONE
    n_bits = np.uint64(len(words)) << _SIX
    for _ in range(n_hashes):
        bit = place % n_bits
        words[bit >> _SIX] |= _ONE << (bit & _LOW6)
        place += step


@kernel
def _add(keys: Any, words: Any, n_hashes: int) -> None:
    for i in range(len(keys)):
        add_key(keys[i], words, n_hashes)


@kernel
def _holds(keys: Any, words: Any, n_hashes: int, is_added: Any) -> None:
    for i in range(len(keys)):
        is_added[i] = holds_key(keys[i], words, n_hashes)


def refuse_other_file(path: Path) -> None:
    """Raise CurateError if `path` exists and is not a filter, so that saving would overwrite it."""
    try:
        with open(path, "rb") as file:
            is_filter = f'"{_MAGIC}"'.encode() in file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CurateError(f"dedup.bloom.save: {path}: cannot be written ({error.strerror}); name a file") from None
    if not is_filter:
        raise CurateError(f"dedup.bloom.save: {path}: is there already and not a Bloom filter of ours; name another file")

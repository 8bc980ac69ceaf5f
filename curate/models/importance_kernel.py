"""DSIR's features in one pass: words and word pairs of every document, hashed into buckets.

Words are NLTK's `wordpunct` of the lower-cased text: runs of letters, digits and `_`, or runs of other characters that are not white space.
An n-gram's bucket is its SHA-256 modulo the number of buckets, as in the authors' package. SHA-256 takes most of the time, so buckets are
cached by a 128-bit hash of the n-gram.
"""

from functools import cache
from typing import Any

import numpy as np
import regex

from curate.kernels.characters import TABLE_SIZE, code_point_at, width_at
from curate.kernels.hashing import BASE, scatter
from curate.kernels.kernel import inlined, kernel

BLANK, OTHER, WORD = 0, 1, 2
MEMORY_SLOTS = 1 << 18

_BASE_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_ONE = np.uint64(1)

_ROUND = np.array(
    [
        0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
        0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
        0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
        0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
        0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
        0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
        0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
        0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
    ],
    np.uint32,
)  # fmt: skip
_START = np.array([0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19], np.uint32)
"""FIPS 180-4: round constants and initial state of SHA-256."""


@cache
def word_table() -> np.ndarray:
    r"""BLANK (`\s`), WORD (`\w`, with combining marks) or OTHER of every code point, (TABLE_SIZE,) uint8, as the package `regex` has them.

    NLTK uses `regex` today. Older releases used `re`, where combining marks are not part of a word, so Hindi, Thai and Yoruba words were cut.
    """
    characters = "".join(map(chr, range(TABLE_SIZE)))
    table = np.full(TABLE_SIZE, OTHER, np.uint8)
    for pattern, kind in ((r"\s+", BLANK), (r"\w+", WORD)):
        for run in regex.finditer(pattern, characters):
            table[run.start() : run.end()] = kind
    return table


@inlined
def _rotate(value: Any, by: int) -> Any:
    return np.uint32(value >> np.uint32(by)) | np.uint32(value << np.uint32(32 - by))


@kernel
def _compress(state: Any, schedule: Any, rounds: Any) -> None:
    """Update `state (8,) uint32` by one block of SHA-256, which is the first 16 of `schedule (64,) uint32`."""
    for t in range(16, 64):
        x, y = schedule[t - 15], schedule[t - 2]
        low = _rotate(x, 7) ^ _rotate(x, 18) ^ np.uint32(x >> np.uint32(3))
        high = _rotate(y, 17) ^ _rotate(y, 19) ^ np.uint32(y >> np.uint32(10))
        schedule[t] = np.uint32(schedule[t - 16] + low + schedule[t - 7] + high)
    a, b, c, d, e, f, g, h = state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]
    for t in range(64):
        choice = (e & f) ^ (~e & g)
        first = np.uint32(h + (_rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)) + choice + rounds[t] + schedule[t])
        majority = (a & b) ^ (a & c) ^ (b & c)
        second = np.uint32((_rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)) + majority)
        h, g, f, e, d, c, b, a = g, f, e, np.uint32(d + first), c, b, a, np.uint32(first + second)
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e
    state[5] += f
    state[6] += g
    state[7] += h


@inlined
def _byte(utf8: Any, start: int, cut: int, gap: int, n_bytes: int, i: int) -> Any:
    """Byte i of the padded message: utf8 from `start`, with a space in place of the `gap` bytes after the first `cut` bytes."""
    if i < cut:
        return np.uint32(utf8[start + i])
    if i < n_bytes:
        return np.uint32(32) if i == cut else np.uint32(utf8[start + i + gap - 1])
    return np.uint32(0x80) if i == n_bytes else np.uint32(0)


@kernel
def sha256_modulo(utf8: Any, start: int, cut: int, gap: int, n_bytes: int, modulus: Any, scratch: Any) -> Any:
    """SHA-256 of a message, as one integer modulo `modulus` (below 2^31), int64. `scratch` is (72,) uint32; `_byte` defines the message."""
    state, schedule = scratch[:8], scratch[8:72]
    for k in range(8):
        state[k] = _START[k]
    n_blocks = (n_bytes + 9 + 63) // 64
    for block in range(n_blocks):
        for t in range(16):
            first = block * 64 + 4 * t
            value = np.uint32(0)
            for k in range(4):
                value = np.uint32(value << np.uint32(8)) | _byte(utf8, start, cut, gap, n_bytes, first + k)
            schedule[t] = value
        if block == n_blocks - 1:
            schedule[14] = np.uint32(np.uint64(n_bytes) >> np.uint64(29))
            schedule[15] = np.uint32((n_bytes * 8) & 0xFFFFFFFF)
        _compress(state, schedule, _ROUND)
    remainder = np.uint64(0)
    for k in range(8):
        remainder = (remainder << np.uint64(32) | np.uint64(state[k])) % np.uint64(modulus)
    return np.int64(remainder)


@inlined
def _bucket(utf8: Any, start: Any, cut: Any, gap: Any, n_bytes: Any, key: Any, check: Any, modulus: Any, memory: Any, scratch: Any) -> Any:
    """Bucket of an n-gram with the 128-bit hash (key, check), from `memory (slots, 3) uint64`, or else computed and stored there."""
    slot = np.int64(scatter(key) & np.uint64(len(memory) - 1))
    if memory[slot, 0] != key or memory[slot, 1] != check:
        memory[slot, 0], memory[slot, 1] = key, check
        memory[slot, 2] = np.uint64(sha256_modulo(utf8, start, cut, gap, n_bytes, modulus, scratch))
    return np.int64(memory[slot, 2])


@kernel
def weigh(utf8: Any, offsets: Any, table: Any, pairs: bool, log_ratio: Any, memory: Any, scratch: Any, counts: Any, weights: Any, n_ngrams: Any) -> None:
    """Write the sum of `log_ratio (n_buckets,) float64` over each document's n-grams into `weights (n_docs,) float64`.

    Writes the number of n-grams into `n_ngrams (n_docs,) int64`, and adds to `counts (n_buckets,) int64`. `memory` is (MEMORY_SLOTS, 3)
    uint64, zero before its first use with this number of buckets; `scratch` is (72,) uint32.
    """
    modulus = len(log_ratio)
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        total, n = 0.0, 0
        last_start, last_end = np.int64(-1), np.int64(-1)
        last_key, last_check = np.uint64(0), np.uint64(0)
        while i < end:
            kind = table[code_point_at(utf8, i)]
            start = i
            key, check = np.uint64(0), np.uint64(0)
            while i < end and table[code_point_at(utf8, i)] == kind:
                for k in range(i, i + width_at(utf8, i)):
                    byte = np.uint64(utf8[k]) + _ONE
                    key, check = key * BASE + byte, check * _BASE_2 + byte
                i += width_at(utf8, i)
            if kind == BLANK:
                continue
            bucket = _bucket(utf8, start, i - start, 0, i - start, key, check, modulus, memory, scratch)
            total += log_ratio[bucket]
            counts[bucket] += 1
            n += 1
            if pairs and last_start >= 0:
                pair_key = scatter(last_key + BASE) * _BASE_2 ^ key
                pair_check = scatter(last_check + _BASE_2) * BASE ^ check
                cut = last_end - last_start
                bucket = _bucket(utf8, last_start, cut, start - last_end, cut + 1 + i - start, pair_key, pair_check, modulus, memory, scratch)
                total += log_ratio[bucket]
                counts[bucket] += 1
                n += 1
            last_start, last_end, last_key, last_check = start, i, key, check
        weights[doc], n_ngrams[doc] = total, n

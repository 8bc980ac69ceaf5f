"""Keyed permutations of [0, n) for any n, and their inverses, computed for single positions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUNDS = 6
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # odd, so its multiples differ modulo 2**64
_ROUND_KEYS = np.arange(1, _ROUNDS + 1, dtype=np.uint64) * _GOLDEN


def permuted(position: NDArray[np.int64], n: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(m,) int64: the image of each `position` under the permutation of [0, n) with its `key`; all arguments are (m,).

    A Feistel network over a grid of about √n by √n: each round adds a hash of one coordinate to the other, modulo its side, and so is a bijection
    of the grid. An image outside [0, n) is permuted again (cycle walking, Black and Rogaway 2002).
    """
    width = np.ceil(np.sqrt(n)).astype(np.int64)
    height = -(-n // width)
    image = _rounds(position, width, height, key)
    while len(outside := np.flatnonzero(image >= n)):
        image[outside] = _rounds(image[outside], width[outside], height[outside], key[outside])
    return image


def unpermuted(image: NDArray[np.int64], n: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(m,) int64: the inverse of `permuted`: each `image` walks its cycle backwards until it is inside [0, n)."""
    width = np.ceil(np.sqrt(n)).astype(np.int64)
    height = -(-n // width)
    position = _rounds_back(image, width, height, key)
    while len(outside := np.flatnonzero(position >= n)):
        position[outside] = _rounds_back(position[outside], width[outside], height[outside], key[outside])
    return position


def epoch_keys(epoch: NDArray[np.int64], key: ArrayLike) -> NDArray[np.uint64]:
    """(m,) uint64: keys of the epochs (m,) of sources with `key` (m,), or one key for all."""
    return _mixed(np.asarray(key, np.uint64) + (epoch.astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def tagged(key: NDArray[np.uint64], tag: NDArray[np.int64]) -> NDArray[np.uint64]:
    """(m,) uint64: a different key for each `key` (m,) and `tag` (m,)."""
    return _mixed(key + (tag.astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def _rounds(position: NDArray[np.int64], width: NDArray[np.int64], height: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    high, low = (part.astype(np.uint64) for part in np.divmod(position, width))
    n_columns, n_lines = width.astype(np.uint64), height.astype(np.uint64)
    for number, round_key in enumerate(_ROUND_KEYS):
        if number % 2:
            high = (high + _mixed(low ^ (key + round_key)) % n_lines) % n_lines
        else:
            low = (low + _mixed(high ^ (key + round_key)) % n_columns) % n_columns
    return (high * n_columns + low).astype(np.int64)


def _rounds_back(image: NDArray[np.int64], width: NDArray[np.int64], height: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The rounds in reverse order, each subtracting what `_rounds` added."""
    high, low = (part.astype(np.uint64) for part in np.divmod(image, width))
    n_columns, n_lines = width.astype(np.uint64), height.astype(np.uint64)
    for number in reversed(range(_ROUNDS)):
        if number % 2:
            high = (high + n_lines - _mixed(low ^ (key + _ROUND_KEYS[number])) % n_lines) % n_lines
        else:
            low = (low + n_columns - _mixed(high ^ (key + _ROUND_KEYS[number])) % n_columns) % n_columns
    return (high * n_columns + low).astype(np.int64)


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of MurmurHash3: every bit of the input affects every bit of the output."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))

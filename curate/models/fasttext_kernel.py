"""fastText's classifier over Arrow's buffers: the library's answers without a Python call and a copy per text.

The vector of a text is the mean of the rows of its words, its words' character n-grams and its word n-grams (Joulin et al. 2017,
https://arxiv.org/abs/1607.01759). A linear layer and the link function of the loss turn it into probabilities. They equal the library's to
1e-5: the library adds row by row, this kernel adds the rows of each word first. Models are memory-mapped, so processes share them.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.kernel import inlined, kernel
from curate.models.fasttext_file import HIERARCHICAL, SOFTMAX, FastTextFile, read_fasttext

_BLOCK_DOCS = 1024
_CACHE_BYTES = 1 << 24
"""Size of the cache of row sums by word. Most words of a text are frequent ones."""
_CACHED_WORD_BYTES = 24
_MAX_CACHED_WORDS = 1 << 16

_LABEL = np.frombuffer(b"__label__", np.uint8)
_END = np.frombuffer(b"</s>", np.uint8)
_FNV_START, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
_WORD_NGRAM_FACTOR = np.uint64(116049371)
_LOG_FLOOR = 1e-5
"""fastText uses log(x + 1e-5) for log(x), so its probabilities are too high by this much; here they are at most 1."""
_SIGMOID_STEPS, _SIGMOID_MAX = 512, 8.0


class Top(NamedTuple):
    """Most probable labels of each text, best first; ties in the order of `labels`."""

    label: np.ndarray
    """(n_texts, k) int32: index into `labels`; -1 if the model knows nothing in the text."""
    score: np.ndarray
    """(n_texts, k) float32: probability as the library returns it; 0 where `label` is -1."""


class FastTextKernel:
    """A supervised fastText model, `.bin` or `.ftz`. `labels` are without `__label__`. Raises CurateError if the file is not one."""

    def __init__(self, path: Path | str):
        model = read_fasttext(path)
        self.labels = model.labels
        self._table = _table(model)
        self._loss = model.loss
        self._head = np.ascontiguousarray(model.output.T)
        self._tree = _huffman_tree(model.label_counts) if model.loss == HIERARCHICAL else np.zeros((0, 2), np.int64)
        self._cache = _new_cache(model.rows.shape[1])

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """(n_texts, n_labels) float32 of string or large_string texts; a row of zeros if the model knows nothing in a text.

        ASCII white space, line feeds included, separates words, as if the text were one line of fastText's input. The values depend only on
        the text itself. With one-vs-all loss they don't sum to 1.
        """
        return self._by_block(texts, lambda block: block, np.zeros((0, len(self.labels)), np.float32))

    def probability(self, texts: pa.Array | pa.ChunkedArray, label: str) -> np.ndarray:
        """(n_texts,) float32: probability of one label. Raises ValueError for an unknown label."""
        column = self.labels.index(label)
        return self._by_block(texts, lambda block: block[:, column], np.zeros(0, np.float32))

    def top(self, texts: pa.Array | pa.ChunkedArray, k: int = 1) -> Top:
        """The `k` most probable labels of each text, or all if the model has fewer."""
        k = min(k, len(self.labels))
        pairs = self._by_block(texts, lambda block: _top_of(block, k), np.zeros((0, k, 2), np.float64))
        return Top(pairs[:, :, 0].astype(np.int32), pairs[:, :, 1].astype(np.float32))

    def _by_block(self, texts: pa.Array | pa.ChunkedArray, reduce: Any, empty: np.ndarray) -> np.ndarray:
        """Apply `reduce` to the probabilities of _BLOCK_DOCS texts at a time, so that memory does not grow with texts × labels."""
        utf8, offsets = (frozen(array) for array in text_buffers(texts))
        blocks = [reduce(self._block(utf8, offsets[first : first + _BLOCK_DOCS + 1])) for first in range(0, len(offsets) - 1, _BLOCK_DOCS)]
        return np.concatenate(blocks) if blocks else empty

    def _block(self, utf8: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        n_docs = len(offsets) - 1
        hidden = np.zeros((n_docs, self._table.rows.shape[1]), np.float32)
        longest = int(np.diff(offsets).max(initial=0))
        hashes = np.zeros(longest // 2 + 2 if self._table.word_ngrams > 1 else 1, np.int32)
        n_rows = np.zeros(n_docs, np.int64)
        _average(utf8, offsets, self._table, self._cache, hashes, hidden, n_rows)
        probabilities = self._link(hidden)
        probabilities[n_rows == 0] = 0
        return probabilities

    def _link(self, hidden: np.ndarray) -> np.ndarray:
        """Probabilities from hidden vectors, by the model's loss."""
        scores = np.zeros((len(hidden), self._head.shape[1]), np.float32)
        _multiply(hidden, self._head, scores)
        if self._loss == SOFTMAX:
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            scores /= scores.sum(axis=1, keepdims=True)
        elif self._loss == HIERARCHICAL:
            return _leaf_probabilities(scores, self._tree)
        else:
            scores = _table_sigmoid(scores)
        return np.minimum(scores + np.float32(_LOG_FLOOR), np.float32(1))


@lru_cache(maxsize=2)
def load_fasttext(path: str) -> FastTextKernel:
    """The model at `path`, loaded once per process."""
    return FastTextKernel(path)


class _Table(NamedTuple):
    """The input layer, as kernels read it: a hash table of words, the sizes of n-grams, the rows."""

    slots: np.ndarray
    """(n_slots,) int32: word number + 1, or 0 if free. n_slots is a power of two."""
    text: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    word_ngrams: int
    min_chars: int
    max_chars: int
    n_buckets: int
    is_pruned: bool
    kept: np.ndarray
    rows: np.ndarray


class _Cache(NamedTuple):
    """Row sums by word, in a direct-mapped cache: a new word replaces the one in its slot. Results do not depend on it."""

    text: np.ndarray
    """(n_slots, _CACHED_WORD_BYTES) uint8."""
    n_bytes: np.ndarray
    """(n_slots,) int32; 0 for a free slot."""
    n_rows: np.ndarray
    """(n_slots,) int32: rows in the sum."""
    sums: np.ndarray
    """(n_slots + 1, n_dims) float32; the last row is scratch for words too long for the cache."""


def _new_cache(n_dims: int) -> _Cache:
    n = min(_MAX_CACHED_WORDS, 1 << (_CACHE_BYTES // (4 * n_dims)).bit_length() - 1)
    return _Cache(np.zeros((n, _CACHED_WORD_BYTES), np.uint8), np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros((n + 1, n_dims), np.float32))


def _table(model: FastTextFile) -> _Table:
    slots = np.zeros(1 << (4 * len(model.word_starts) + 1).bit_length(), np.int32)
    words = (np.asarray(model.word_bytes), model.word_starts, model.word_ends)
    shape = (model.word_ngrams, model.min_chars, model.max_chars, model.n_buckets)
    kept = np.zeros(0, np.int32) if model.kept_buckets is None else model.kept_buckets
    table = _Table(slots, *words, *shape, model.kept_buckets is not None, kept, model.rows)
    _enter_words(table)
    return table


def _huffman_tree(counts: np.ndarray) -> np.ndarray:
    """Left and right child of each inner node, (n_labels - 1, 2) int64. Leaves are numbered as labels, inner node i as n_labels + i."""
    n = len(counts)
    weights = np.full(2 * n - 1, 10**15, np.int64)
    weights[:n] = counts
    children = np.zeros((n - 1, 2), np.int64)
    leaf, inner = n - 1, n
    for node in range(n, 2 * n - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[inner]:
                children[node - n, side], leaf = leaf, leaf - 1
            else:
                children[node - n, side], inner = inner, inner + 1
        weights[node] = weights[children[node - n]].sum()
    return children


def _leaf_probabilities(scores: np.ndarray, tree: np.ndarray) -> np.ndarray:
    """(n_docs, n_labels) probabilities of the leaves, from scores (n_docs, n_labels) of the inner nodes."""
    n_labels = len(tree) + 1
    logs = np.zeros((2 * n_labels - 1, len(scores)), np.float32)
    with np.errstate(over="ignore"):
        right = 1 / (1 + np.exp(-scores.T))
    for node in range(n_labels - 2, -1, -1):
        logs[tree[node, 0]] = logs[n_labels + node] + np.log(1 - right[node] + _LOG_FLOOR)
        logs[tree[node, 1]] = logs[n_labels + node] + np.log(right[node] + _LOG_FLOOR)
    return np.minimum(np.exp(logs[:n_labels]), 1).astype(np.float32).T


def _table_sigmoid(scores: np.ndarray) -> np.ndarray:
    """The logistic function in fastText's 512 steps from -8 to 8."""
    grid = np.arange(_SIGMOID_STEPS + 1) * 2 * _SIGMOID_MAX / _SIGMOID_STEPS - _SIGMOID_MAX
    table = (1 / (1 + np.exp(-grid))).astype(np.float32)
    step = ((np.clip(scores, -_SIGMOID_MAX, _SIGMOID_MAX) + _SIGMOID_MAX) * _SIGMOID_STEPS / _SIGMOID_MAX / 2).astype(np.int64)
    return np.where(scores < -_SIGMOID_MAX, np.float32(0), np.where(scores > _SIGMOID_MAX, np.float32(1), table[step]))


def _top_of(probabilities: np.ndarray, k: int) -> np.ndarray:
    """Label and probability, (n_texts, k, 2) float64; label -1 for probability 0."""
    order = np.argmax(probabilities, axis=1)[:, None] if k == 1 else np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    scores = np.take_along_axis(probabilities, order, axis=1)
    return np.stack([np.where(scores > 0, order, -1), scores], axis=2).astype(np.float64)


@kernel
def _enter_words(table: Any) -> None:
    mask = len(table.slots) - 1
    for word in range(len(table.starts)):
        slot = np.int64(_fnv(table.text, table.starts[word], table.ends[word])) & mask
        while table.slots[slot] != 0:
            slot = (slot + 1) & mask
        table.slots[slot] = word + 1


@kernel
def _multiply(hidden: Any, head: Any, scores: Any) -> None:
    """scores += hidden @ head, row by row, so that a row does not depend on the others, as it would in BLAS."""
    for doc in range(len(hidden)):
        for dim in range(len(head)):
            factor = hidden[doc, dim]
            for label in range(head.shape[1]):
                scores[doc, label] += factor * head[dim, label]


@kernel
def _average(utf8: Any, offsets: Any, table: Any, cache: Any, hashes: Any, hidden: Any, n_rows: Any) -> None:
    """Write each document's mean row into `hidden`, and its number of rows into `n_rows`."""
    for doc in range(len(offsets) - 1):
        i, end, n_words = offsets[doc], offsets[doc + 1], 0
        at_end = False
        while not at_end:
            i = _skip_separators(utf8, i, end)
            start, i = i, _word_end(utf8, i, end)
            at_end = i == start or _equal(utf8, start, i, _END, 0, len(_END))
            text, first, last = (_END, 0, len(_END)) if at_end else (utf8, start, i)
            hashed = _fnv(text, first, last)
            slot, n_added = _word_sum(text, first, last, hashed, table, cache)
            if n_added >= 0:
                n_rows[doc] += n_added
                _add(cache.sums[slot], hidden[doc])
                if table.word_ngrams > 1:
                    hashes[n_words] = np.int32(hashed)
                n_words += 1
        n_rows[doc] += _add_word_ngrams(hashes, n_words, table, hidden[doc])
        for dim in range(hidden.shape[1]):
            hidden[doc, dim] /= max(n_rows[doc], 1)


@inlined
def _word_sum(text: Any, start: int, end: int, hashed: Any, table: Any, cache: Any) -> Any:
    """Index into `cache.sums` of the sum of a word's rows, and the number of rows; -1 for a label."""
    n_slots, width = cache.text.shape
    slot = np.int64(hashed) & (n_slots - 1)
    if end - start > width:
        return n_slots, _sum_word(text, start, end, hashed, table, cache.sums[n_slots])
    if _equal(text, start, end, cache.text[slot], 0, cache.n_bytes[slot]):
        return slot, np.int64(cache.n_rows[slot])
    cache.n_bytes[slot] = end - start
    for i in range(end - start):
        cache.text[slot, i] = text[start + i]
    cache.n_rows[slot] = _sum_word(text, start, end, hashed, table, cache.sums[slot])
    return slot, np.int64(cache.n_rows[slot])


@kernel
def _sum_word(text: Any, start: int, end: int, hashed: Any, table: Any, total: Any) -> int:
    """Write the sum of the rows of a word and its character n-grams into `total`. Returns their number, or -1 for a label."""
    total[:] = np.float32(0)
    word = _find_word(table, text, start, end, hashed)
    n = 0
    if word >= 0:
        _add(table.rows[word], total)
        n = 1
    elif end - start >= len(_LABEL) and _equal(text, start, start + len(_LABEL), _LABEL, 0, len(_LABEL)):
        return -1
    if table.max_chars <= 0 or _equal(text, start, end, _END, 0, len(_END)):
        return n
    # N-grams of the word between the marks < and >, which are at start - 1 and end.
    i = start - 1
    while i <= end:
        j, ngram, n_chars = i, _FNV_START, 1
        while j <= end and n_chars <= table.max_chars:
            ngram = _fnv_step(ngram, _marked(text, start, end, j))
            j += 1
            while j < end and text[j] & 0xC0 == 0x80:
                ngram = _fnv_step(ngram, text[j])
                j += 1
            if n_chars >= table.min_chars and not (n_chars == 1 and (i == start - 1 or j > end)):
                n += _add_bucket(ngram % np.uint32(table.n_buckets), table, total)
            n_chars += 1
        i += 1
        while i < end and text[i] & 0xC0 == 0x80:
            i += 1
    return n


@inlined
def _marked(text: Any, start: int, end: int, i: int) -> Any:
    if i < start:
        return np.uint8(60)  # <
    return text[i] if i < end else np.uint8(62)  # >


@kernel
def _add_word_ngrams(hashes: Any, n_words: int, table: Any, total: Any) -> int:
    n = 0
    if table.word_ngrams < 2 or table.n_buckets < 1:
        return n
    for first in range(n_words):
        ngram = np.uint64(np.int64(hashes[first]))
        for last in range(first + 1, min(n_words, first + table.word_ngrams)):
            ngram = ngram * _WORD_NGRAM_FACTOR + np.uint64(np.int64(hashes[last]))
            n += _add_bucket(ngram % np.uint64(table.n_buckets), table, total)
    return n


@inlined
def _add_bucket(bucket: Any, table: Any, total: Any) -> int:
    """Add an n-gram's row unless it was pruned. Returns the number of rows added."""
    row = np.int64(bucket)
    if table.is_pruned:
        row = np.int64(table.kept[row])
        if row < 0:
            return 0
    _add(table.rows[len(table.starts) + row], total)
    return 1


@inlined
def _add(row: Any, total: Any) -> None:
    for dim in range(len(total)):
        total[dim] += row[dim]


@kernel
def _find_word(table: Any, text: Any, start: int, end: int, hashed: Any) -> int:
    mask = len(table.slots) - 1
    slot = np.int64(hashed) & mask
    while table.slots[slot] != 0:
        word = table.slots[slot] - 1
        if _equal(text, start, end, table.text, table.starts[word], table.ends[word]):
            return word
        slot = (slot + 1) & mask
    return -1


@inlined
def _equal(text: Any, start: int, end: int, other: Any, other_start: int, other_end: int) -> bool:
    if end - start != other_end - other_start:
        return False
    for i in range(end - start):  # noqa: SIM110 (kernels have no generators)
        if text[start + i] != other[other_start + i]:
            return False
    return True


@inlined
def _skip_separators(utf8: Any, i: int, end: int) -> int:
    while i < end and _is_separator(utf8[i]):
        i += 1
    return i


@inlined
def _word_end(utf8: Any, i: int, end: int) -> int:
    while i < end and not _is_separator(utf8[i]):
        i += 1
    return i


@inlined
def _is_separator(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13 or byte == 0


@inlined
def _fnv_step(hashed: Any, byte: Any) -> Any:
    """FNV-1a over signed bytes, as in fastText."""
    return np.uint32((hashed ^ np.uint32(np.int8(byte))) * _FNV_PRIME)


@inlined
def _fnv(text: Any, start: int, end: int) -> Any:
    hashed = _FNV_START
    for i in range(start, end):
        hashed = _fnv_step(hashed, text[i])
    return hashed

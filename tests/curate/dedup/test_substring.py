import random
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from curate.dedup.substring import AnchorChunk, Ranges, TextChunk, repeated_substrings
from curate.dedup.winnow import find_anchors
from curate.kernels.buffers import text_buffers


def found(texts: list[str], n: int, keep: str, chunk_docs: int = 1000, memory_bytes: int = 1 << 24, passed: list[bool] | None = None) -> Ranges:
    array = pa.array(texts, pa.large_string())
    numbers = np.arange(len(texts))

    def chunks(mask: np.ndarray) -> Iterator[TextChunk]:
        for first in range(0, len(texts), chunk_docs):
            some = mask[first : first + chunk_docs]
            yield TextChunk(numbers[first : first + chunk_docs][some], *text_buffers(array[first : first + chunk_docs].filter(pa.array(some))))

    def anchors() -> Iterator[AnchorChunk]:
        for docs, utf8, offsets in chunks(np.ones(len(texts), bool)):
            one = find_anchors(utf8, offsets, n)
            yield AnchorChunk(docs, one.doc_offsets, one.hashes)

    n_bytes = np.array([len(text.encode()) for text in texts])
    mask = np.array(passed or [True] * len(texts))
    return repeated_substrings(chunks, anchors, mask, n_bytes, n, keep, memory_bytes)  # type: ignore[arg-type]


def marked(texts: list[str], ranges: Ranges) -> list[list[int]]:
    """Numbers of the bytes in ranges, by document."""
    by_doc: list[list[int]] = [[] for _ in texts]
    for doc, start, end in zip(*(column.tolist() for column in ranges), strict=True):
        by_doc[doc] += range(start, end)
    return by_doc


def slow(texts: list[str], n: int, keep: str) -> list[list[int]]:
    """The definition: windows of n bytes that came up before without overlap; with keep="none" all that come up again so."""
    windows = [(doc, i, base + i) for doc, base in enumerate(np.cumsum([0, *(len(text.encode()) for text in texts)])) for i in range(10_000)]
    windows = [one for one in windows if one[0] < len(texts) and one[1] + n <= len(texts[one[0]].encode())]
    first: dict[bytes, int] = {}
    repeated: set[bytes] = set()
    cut: list[set[int]] = [set() for _ in texts]
    for doc, i, place in windows:
        content = texts[doc].encode()[i : i + n]
        if first.setdefault(content, place) + n <= place:
            repeated.add(content)
            cut[doc].update(range(i, i + n) if keep == "first" else ())
    for doc, i, _ in windows:
        if keep == "none" and texts[doc].encode()[i : i + n] in repeated:
            cut[doc].update(range(i, i + n))
    return [sorted(some) for some in cut]


def drawn(seed: int) -> tuple[list[str], int]:
    """Small documents over a small alphabet with pasted pieces, and a length of windows."""
    draw = random.Random(seed)
    alphabet = draw.choice(["ab", "abcdefgh", "aé中🙂", "a"])
    pieces = ["".join(draw.choice(alphabet) for _ in range(40)) for _ in range(3)]
    texts = []
    for _ in range(draw.randint(1, 15)):
        text = "".join(draw.choice(alphabet) for _ in range(draw.randint(0, 50)))
        texts.append(text + draw.choice(pieces)[: draw.randint(0, 40)] + text[:9] if draw.random() < 0.6 else text)
    return texts, draw.choice([4, 7, 12, 30])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("keep", ["first", "none"])
def test_exactly_the_bytes_of_repeated_windows_are_found(seed: int, keep: str) -> None:
    texts, n = drawn(seed)
    assert marked(texts, found(texts, n, keep)) == slow(texts, n, keep)


@pytest.mark.parametrize("keep", ["first", "none"])
def test_neither_memory_nor_chunks_change_what_is_found(keep: str) -> None:
    texts, n = drawn(5)
    whole = found(texts, n, keep)
    assert len(whole.docs) > 3
    for chunk_docs, memory_bytes in ((1, 1 << 24), (3, 2_000), (1000, 300)):
        parts = found(texts, n, keep, chunk_docs, memory_bytes)
        assert [column.tolist() for column in parts] == [column.tolist() for column in whole]


def test_a_copy_in_a_dropped_document_is_none() -> None:
    text = "the quick brown fox jumps over the lazy dog"
    assert len(found([text, text], 20, "first", passed=[False, True]).docs) == 0
    assert found([text, "x", text], 20, "first", passed=[True, False, True]).docs.tolist() == [2]


def test_a_long_repetition_keeps_its_first_period() -> None:
    assert marked(["ab" * 50], found(["ab" * 50], 10, "first")) == [list(range(10, 100))]

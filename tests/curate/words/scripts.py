"""Texts in several scripts, and their words."""

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import frozen, text_buffers
from curate.words.choice import load_splitter
from curate.words.split import Words

CHINESE = "委员会将在春天再次开会，\u3000届时关于港口的报告应该已经完成。 The harbour's report (2024)!\n\n好"


def split(name: str, texts: list[str]) -> list[list[str]]:
    utf8, offsets = (frozen(array) for array in text_buffers(pa.array(texts)))
    return strings(utf8, load_splitter(name).split(utf8, offsets))


def strings(utf8: np.ndarray, words: Words) -> list[list[str]]:
    found = [bytes(utf8[start:end]).decode() for start, end in zip(words.starts, words.ends, strict=True)]
    return [found[first:last] for first, last in zip(words.doc_offsets[:-1], words.doc_offsets[1:], strict=True)]

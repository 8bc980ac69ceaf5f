"""Encoders of one tokenizer by different libraries. All take Arrow strings and give the same ids; they differ in speed.

The reference is Hugging Face `tokenizers`. fastokens and gigatoken are built from the same tokenizer.json text. Special tokens are not recognised
inside documents: `<|endoftext|>` in a text is encoded as ordinary characters.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version

import numpy as np
import orjson
import pyarrow as pa

from tokenize_tools.definition import Definition, reference_tokenizer
from tokenize_tools.errors import TokenizeError
from tokenize_tools.probe import REFERENCE

# One thread per process: tasks run in processes, and in each both libraries would otherwise start a thread per core.
os.environ.setdefault("RAYON_NUM_THREADS", "1")


@dataclass(frozen=True)
class Ids:
    """Ids of a batch of documents: `flat (n_ids,) uint32`, document i at `offsets[i]:offsets[i + 1]`, `offsets (n_docs + 1,) int64`."""

    flat: np.ndarray
    offsets: np.ndarray

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ids) and np.array_equal(self.offsets, other.offsets) and np.array_equal(self.flat, other.flat)

    def document(self, index: int) -> np.ndarray:
        """The ids of one document."""
        return self.flat[self.offsets[index] : self.offsets[index + 1]]


Encode = Callable[[pa.LargeStringArray], Ids]
"""From texts (no nulls) to ids, without bos and eos."""


@dataclass(frozen=True)
class Backend:
    """An encoder and the library it comes from."""

    name: str
    version: str
    encode: Encode


class PanicError(TokenizeError):
    """A library written in Rust panicked on a tokenizer or a text. In Python, a panic is a BaseException and not an Exception."""


@lru_cache(maxsize=4)
def build(name: str, definition: Definition) -> Backend:
    """The encoder of one library, built once per process. Raises TokenizeError if the library is not installed or cannot run this tokenizer."""
    maker = {REFERENCE: _reference, "fastokens": _fastokens, "gigatoken": _gigatoken}[name]
    try:
        with _panics_as_errors(name):
            return Backend(name, version(name), _panics_as_errors(name)(maker(definition)))
    except PanicError:
        raise
    except ImportError as error:
        raise TokenizeError(f"{name} is not installed ({error}); install cptkit[tokenize], or use --backend hf") from None
    except Exception as error:
        raise TokenizeError(f"{name} cannot run the tokenizer {definition.label} ({error}); use --backend hf") from None


@contextmanager
def _panics_as_errors(name: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        advice = "save the tokenizer again with transformers" if name == REFERENCE else "use --backend hf"
        raise PanicError(f"{name} panicked ({' '.join(str(error).split())[:200]}); {advice}") from None


def _reference(definition: Definition) -> Encode:
    tokenizer = reference_tokenizer(definition.json_text)

    def encode(texts: pa.LargeStringArray) -> Ids:
        encodings = tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(encoding) for encoding in encodings], out=offsets[1:])
        flat = np.empty(offsets[-1], np.uint32)
        for index, encoding in enumerate(encodings):
            flat[offsets[index] : offsets[index + 1]] = encoding.ids
        return Ids(flat, offsets)

    return encode


def _fastokens(definition: Definition) -> Encode:
    from fastokens import Tokenizer as FastTokenizer

    tokenizer = FastTokenizer.from_json_str(definition.json_text)

    def encode(texts: pa.LargeStringArray) -> Ids:
        flat, offsets = tokenizer.encode_batch_flat(texts.to_pylist(), add_special_tokens=False, split_special_tokens=True)
        return Ids(np.frombuffer(flat, np.uint32), np.frombuffer(offsets, np.uint64).astype(np.int64))

    return encode


def _gigatoken(definition: Definition) -> Encode:
    from gigatoken import Tokenizer as GigaTokenizer

    # It always recognises special tokens in a text, so it is built without them. The ids of all other tokens stay the same.
    added = [token for token in definition.parsed.get("added_tokens", []) if not token["special"]]
    tokenizer = GigaTokenizer.from_json(orjson.dumps(definition.parsed | {"added_tokens": added}))

    def encode(texts: pa.LargeStringArray) -> Ids:
        # One document at a time: its batch method imports awkward, which takes longer than encoding 20 MB.
        documents = [tokenizer.encode(text) for text in texts.to_pylist()]
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(ids) for ids in documents], out=offsets[1:])
        return Ids(np.concatenate([np.empty(0, np.uint32), *documents]), offsets)

    return encode

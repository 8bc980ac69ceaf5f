"""Arrow strings as the two plain arrays that all kernels read."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError
from curate.kernels.simd import PADDING


def text_buffers(texts: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """UTF-8 bytes (n_bytes,) uint8 and offsets (n_texts + 1,) int64 of a string or large_string array.

    Nothing is copied unless the array comes in several chunks. Offsets of a slice don't start at 0. A null reads as an empty text.
    Raises CurateError if the array holds no strings.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks() if texts.num_chunks != 1 else texts.chunk(0)
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise CurateError(f"texts must be an Arrow string or large_string array, not {texts.type}; cast the column first")
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    _, offsets_buffer, data_buffer = texts.buffers()
    if len(texts) == 0 or offsets_buffer is None:
        return np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int64)
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = np.frombuffer(offsets_buffer, kind)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64, copy=False)
    utf8 = np.zeros(0, np.uint8) if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
    return utf8, offsets


def frozen(array: np.ndarray) -> np.ndarray:
    """A read-only view. Kernels are compiled only for read-only arrays, like Arrow's buffers."""
    view = array.view()
    view.flags.writeable = False
    return view


def padded(utf8: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A read-only copy of the bytes that `offsets` span, followed by PADDING zeros, and the offsets within the copy."""
    n_bytes = int(offsets[-1] - offsets[0])
    copy = np.empty(n_bytes + PADDING, np.uint8)
    copy[:n_bytes], copy[n_bytes:] = utf8[offsets[0] : offsets[-1]], 0
    return frozen(copy), frozen(offsets - offsets[0])

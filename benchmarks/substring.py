"""Repeated substrings on one core: ours against a suffix array (libdivsufsort) with Kasai's common prefixes, on the same documents.

    python -m benchmarks.substring --input FILE.jsonl[.gz|.zst] | FOLDER [--limit DOCUMENTS] [--window BYTES]

Both start from UTF-8 in memory and end with a mask of the bytes that lie in a window of so many bytes that came up before, and these
masks must be equal. The suffix array takes nine bytes of memory a byte of text (17 from 2 GiB on) and all texts at once; ours takes
anchors (0.1 bytes a byte), a table of the windows that may repeat, and one chunk of texts.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydivsufsort import divsufsort, kasai

from benchmarks.harness import print_result, read_texts, timed, use_one_core
from curate.dedup.substring import AnchorChunk, Ranges, TextChunk, repeated_substrings
from curate.dedup.winnow import find_anchors
from curate.kernels.buffers import text_buffers

_SEPARATOR = 0xFF  # no byte of UTF-8


def main() -> None:
    """Time both, compare the masks, print; the last line is one JSON object, speeds in MB (10^6 bytes) of UTF-8 a second of CPU time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="JSONL with a `text` field, plain, .gz or .zst; or a folder of .txt and .md")
    parser.add_argument("--limit", type=int, help="documents to take")
    parser.add_argument("--window", type=int, default=200, help="shortest repetition in bytes")
    options = parser.parse_args()
    use_one_core()
    texts = pa.array(read_folder(options.input)[: options.limit] if options.input.is_dir() else read_texts(options.input, options.limit), pa.large_string())
    utf8, offsets = text_buffers(texts)
    ours(pa.array(["Warm up: " * 40] * 3, pa.large_string()), options.window)
    ranges, our_seconds = timed(lambda: ours(texts, options.window))
    mask, peer_seconds = timed(lambda: by_suffix_array(utf8, offsets, options.window))
    our_mask = as_mask(ranges, offsets)
    n_megabytes = len(utf8) / 1e6
    print(f"{len(texts)} documents, {n_megabytes:.1f} MB, {mask.sum() / 1e6:.2f} MB repeat {options.window} bytes or more")
    print(f"ours         {n_megabytes / our_seconds:8.2f} MB/s\nsuffix array {n_megabytes / peer_seconds:8.2f} MB/s")
    print_result(
        {
            "ours": {"mb_per_s": n_megabytes / our_seconds},
            "peer": {"mb_per_s": n_megabytes / peer_seconds, "name": "libdivsufsort + Kasai"},
            "ratio": peer_seconds / our_seconds,
            "agreement": float((mask == our_mask).mean()) if len(mask) else 1.0,
            "documents": len(texts),
            "bytes_repeated": int(mask.sum()),
        }
    )


def read_folder(folder: Path) -> list[str]:
    """Texts of a folder's files, in order of their paths."""
    return [path.read_text(errors="replace") for path in sorted(folder.rglob("*")) if path.suffix in (".txt", ".md")]


def ours(texts: pa.Array, window_bytes: int) -> Ranges:
    """Anchors, then windows."""
    utf8, offsets = text_buffers(texts)
    docs = np.arange(len(texts))

    def chunks(mask: np.ndarray) -> Iterator[TextChunk]:
        yield TextChunk(docs[mask], *text_buffers(texts.filter(pa.array(mask))))

    found = find_anchors(utf8, offsets, window_bytes)
    anchors = [AnchorChunk(docs, found.doc_offsets, found.hashes)]
    return repeated_substrings(chunks, lambda: anchors, np.ones(len(texts), bool), np.diff(offsets), window_bytes)


def as_mask(ranges: Ranges, offsets: np.ndarray) -> np.ndarray:
    """Bytes in ranges, (n_bytes,) bool."""
    mask = np.zeros(offsets[-1] - offsets[0], bool)
    for start, end in zip((offsets[ranges.docs] + ranges.starts).tolist(), (offsets[ranges.docs] + ranges.ends).tolist(), strict=True):
        mask[start:end] = True
    return mask


def by_suffix_array(utf8: np.ndarray, offsets: np.ndarray, window_bytes: int) -> np.ndarray:
    """Bytes in windows that came up before without overlap, (n_bytes,) bool: suffixes with a common prefix of a window are neighbours."""
    n_docs, n_bytes = len(offsets) - 1, int(offsets[-1])
    ends = offsets[1:] + np.arange(n_docs)
    joined = np.full(n_bytes + n_docs, _SEPARATOR, np.uint8)
    joined[np.delete(np.arange(n_bytes + n_docs), ends)] = utf8[:n_bytes]
    suffixes = divsufsort(joined)
    begins = np.ones(len(joined), bool)  # of a group of equal windows; prefixes[i] is common to suffixes i and i + 1
    begins[1:] = kasai(joined, suffixes)[:-1] < window_bytes
    firsts = np.repeat(np.minimum.reduceat(suffixes, np.flatnonzero(begins)), np.diff(np.append(np.flatnonzero(begins), len(joined))))
    copies = suffixes[firsts + window_bytes <= suffixes].astype(np.int64)
    copies = copies[ends[np.searchsorted(ends, copies)] - copies >= window_bytes]
    depth = np.zeros(len(joined) + 1, np.int32)
    np.add.at(depth, copies, 1)
    np.add.at(depth, copies + window_bytes, -1)
    return np.delete(np.cumsum(depth[:-1]) > 0, ends)


if __name__ == "__main__":
    main()

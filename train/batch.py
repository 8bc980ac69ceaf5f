"""Turns packed rows into the tensors of a training step."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mix.stream import RowBatch
from train.loss.head import IGNORED


class BatchRows(NamedTuple):
    """The fields of `mix.stream.RowBatch` that a batch needs; row i owns segments `seg_offsets[i]:seg_offsets[i + 1]`."""

    input_ids: np.ndarray  # (n, L) any integer dtype
    seg_offsets: np.ndarray  # (n + 1,)
    seg_lengths: np.ndarray  # (n_segments,) tokens
    seg_sources: np.ndarray  # (n_segments,)
    n_tokens: np.ndarray  # (n,) real tokens
    row_numbers: np.ndarray | None = None  # (n,) numbers of the rows in the run; None for rows that are not of a mix


@dataclass(frozen=True)
class MicroBatch:
    """One micro-batch of n rows of L tokens.

    A target is the next token of the same document; it is IGNORED at the ends of documents and in padding. Segments (documents, and the padding
    at a row's end) lie between consecutive `cu_seqlens`; the tail of `cu_seqlens` repeats n * L.
    """

    input_ids: Tensor  # (n, L) int64
    position_ids: Tensor  # (n, L) int64, from 0 in every segment
    targets: Tensor  # (n, L) int64
    sources: Tensor  # (n, L) int64
    cu_seqlens: Tensor  # (extent.n_segments + 1,) int32
    row_lengths: Tensor  # (n,) int64: real tokens of each row; the rest of the row is padding
    targets_by_source: np.ndarray  # (n_sources,) int64, on the host
    n_tokens: int  # real tokens
    longest: int  # upper limit of a segment's tokens
    row_numbers: np.ndarray  # (n,) int64, on the host: numbers of the rows in the run; zeros for rows that are not of a mix

    @property
    def n_targets(self) -> int:
        """Number of tokens that are predicted."""
        return int(self.targets_by_source.sum())

    @property
    def document_tokens(self) -> np.ndarray:
        """(extent.n_segments,) lengths of the segments, including padding; zeros at the end. Waits for the device."""
        return self.cu_seqlens.diff().cpu().numpy()

    def pinned(self) -> "MicroBatch":
        """The same batch in page-locked memory, from which copies to CUDA do not block. Pinning is slow, so do it ahead of time."""
        return self._with(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device) -> "MicroBatch":
        """The same batch on a device."""
        return self if device.type == "cpu" else self._with(lambda tensor: tensor.to(device, non_blocking=True))

    def _with(self, change: Callable[[Tensor], Tensor]) -> "MicroBatch":
        changed: dict[str, Any] = {name: change(value) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return dataclasses.replace(self, **changed)


@dataclass(frozen=True)
class Extent:
    """Sizes that attention takes from a batch besides its shape: the number of segments that `cu_seqlens` has room for, and an upper limit of their tokens.

    A compiled layer is specialised to both, so a run keeps one extent that only grows, in large steps: compilation happens once or a few times.
    """

    n_segments: int = 0
    longest: int = 0

    def covering(self, pieces: Iterable[BatchRows | RowBatch], *, document_mask: bool = True) -> "Extent":
        """This extent if the micro-batches of all `pieces` fit, else a larger one: a quarter more segments than needed, and a power of two of tokens."""
        n_segments, longest = self.n_segments, self.longest
        for rows in pieces:
            needed, tokens = _need(rows, document_mask=document_mask)
            if needed > n_segments:
                n_segments = -(-(needed + needed // 4) // 8) * 8
            if tokens > longest:
                longest = 1 << (tokens - 1).bit_length()
        return Extent(n_segments, longest)


def _need(rows: BatchRows | RowBatch, *, document_mask: bool) -> tuple[int, int]:
    """Number of segments of a micro-batch, and tokens of the longest."""
    n_rows, row_tokens = rows.input_ids.shape
    if not document_mask:
        return n_rows, row_tokens
    padding = row_tokens - np.asarray(rows.n_tokens, dtype=np.int64)
    return len(rows.seg_lengths) + int((padding > 0).sum()), int(max(np.max(rows.seg_lengths, initial=1), padding.max()))


def make_batches(
    pieces: Sequence[BatchRows | RowBatch], n_sources: int, extent: Extent | None = None, *, document_mask: bool = True
) -> tuple[list[MicroBatch], Extent]:
    """A micro-batch from each of `pieces`, all of one extent that covers `extent`; and that extent."""
    extent = (extent or Extent()).covering(pieces, document_mask=document_mask)
    return [make_batch(rows, n_sources, extent, document_mask=document_mask) for rows in pieces], extent


def make_batch(rows: BatchRows | RowBatch, n_sources: int, extent: Extent | None = None, *, document_mask: bool = True) -> MicroBatch:
    """Tensors of packed rows. Without `document_mask`, each row is one segment for attention and positions; targets stay the same."""
    extent = extent or Extent().covering([rows], document_mask=document_mask)
    n_rows, row_tokens = rows.input_ids.shape
    shape = (n_rows, row_tokens)
    ids = rows.input_ids.reshape(-1).astype(np.int64)
    starts, segment_source = _segments(rows, row_tokens)
    segment = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(ids)))
    source = segment_source[segment]
    targets = np.full_like(ids, IGNORED)
    follows = (segment[:-1] == segment[1:]) & (source[:-1] >= 0)
    targets[:-1][follows] = ids[1:][follows]
    visible = starts if document_mask else np.arange(n_rows) * row_tokens
    positions = np.arange(len(ids)) - np.repeat(visible, np.diff(visible, append=len(ids)))
    lengths = np.asarray(rows.seg_lengths, dtype=np.int64)
    return MicroBatch(
        torch.from_numpy(ids).view(shape),
        torch.from_numpy(positions).view(shape),
        torch.from_numpy(targets).view(shape),
        torch.from_numpy(np.maximum(source, 0)).view(shape),
        torch.from_numpy(_boundaries(visible, extent.n_segments, len(ids))),
        torch.from_numpy(np.asarray(rows.n_tokens, dtype=np.int64)),
        np.bincount(rows.seg_sources, weights=lengths - 1, minlength=n_sources).astype(np.int64),
        int(np.sum(rows.n_tokens)),
        min(extent.longest, row_tokens),
        np.zeros(n_rows, dtype=np.int64) if rows.row_numbers is None else rows.row_numbers,
    )


def padding_row(row_tokens: int) -> BatchRows:
    """One row of padding: no segment, no real token, no target."""
    no_segments = np.zeros(0, dtype=np.int64)
    return BatchRows(np.zeros((1, row_tokens), dtype=np.int64), np.zeros(2, dtype=np.int64), no_segments, no_segments, np.zeros(1, dtype=np.int64))


def _segments(rows: BatchRows | RowBatch, row_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """First token (index into the batch's concatenated rows) and source of each segment, in order; padding is a segment with source -1."""
    lengths = np.asarray(rows.seg_lengths, dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    row_of = np.repeat(np.arange(len(rows.n_tokens)), np.diff(rows.seg_offsets))
    starts = row_of * row_tokens + ends[:-1] - ends[rows.seg_offsets[row_of]]
    padded = np.flatnonzero(rows.n_tokens < row_tokens)
    starts = np.concatenate([starts, padded * row_tokens + rows.n_tokens[padded]])
    sources = np.concatenate([rows.seg_sources.astype(np.int64), np.full(len(padded), -1)])
    order = np.argsort(starts, kind="stable")
    return starts[order], sources[order]


def _boundaries(starts: np.ndarray, n_segments: int, n_tokens: int) -> np.ndarray:
    """(n_segments + 1,) int32 cumulative lengths; segments beyond the real ones are empty."""
    boundaries = np.full(n_segments + 1, n_tokens, dtype=np.int32)
    boundaries[: len(starts)] = starts
    return boundaries

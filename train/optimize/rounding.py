"""How a float32 value is kept in less: rounded at random, with what rounding left beside it, or in 8-bit blocks.

A store reads rows as float32 and writes them back. Nothing waits for the device: a write that is to be skipped is told so by a tensor.
Rows never share anything, so a tensor cut over ranks in rows has the same stores as a whole one.
"""

from collections.abc import Iterator
from functools import cache
from typing import Protocol

import torch
import torch.nn.functional as F
import xxhash
from torch import Tensor

from train.optimize.local import local, zeros_beside

BLOCK = 256
"""Values that share a scale in 8-bit storage (torchao's, and bitsandbytes' in its newer versions)."""

_SLICE = 1 << 24


class Noise:
    """Random bits of one step on one rank, a pure function of (seed, step, rank, what was drawn before)."""

    def __init__(self, device: torch.device, seed: int, rank: int) -> None:
        self._generator = torch.Generator(device) if device.type != "meta" else None
        self._seed, self._rank = seed, rank

    def begin(self, step: int) -> None:
        """Start the bits of `step`."""
        assert self._generator is not None, "no step is taken on device meta"
        self._generator.manual_seed(xxhash.xxh3_64_intdigest(f"{self._seed}/{self._rank}/{step}") >> 1)

    def bits(self, like: Tensor) -> Tensor:
        """int32 of `like`'s shape, uniform in [0, 2**16)."""
        return torch.randint(0, 1 << 16, like.shape, dtype=torch.int32, device=like.device, generator=self._generator)

    def normal_(self, tensor: Tensor, std: float) -> None:
        """Fill `tensor` with normal values of mean 0."""
        tensor.normal_(0.0, std, generator=self._generator)


def stochastic_bfloat16(values: Tensor, bits: Tensor) -> Tensor:
    """float32 `values` as bfloat16, rounded away from or towards 0 so that the mean is the value; `bits` are uniform in [0, 2**16).

    A bfloat16 is the upper half of a float32, so adding noise to the lower half and cutting it off rounds up with the right probability
    (arXiv 2010.06192). Values that are bfloat16 already stay as they are.
    """
    return ((values.view(torch.int32) + bits) & -65536).view(torch.float32).bfloat16()


class Store(Protocol):
    """Float32 values of one tensor, kept in whatever way."""

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What is kept, by a name within the store; a checkpoint writes and overwrites them."""

    def read(self, rows: slice) -> Tensor:
        """Float32 values of this rank's `rows`; not to be written to."""

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """Keep `values` of `rows`, but what is there where `skip` (a boolean scalar on the device) is true."""


def _put(kept: Tensor, values: Tensor, skip: Tensor | None) -> None:
    kept.copy_(values if skip is None else torch.where(skip, kept, values))


class Exact:
    """Values in float32."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensors = {"": tensor}

    def read(self, rows: slice) -> Tensor:
        """As they are."""
        return local(self.tensors[""])[rows]

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """As they are."""
        _put(local(self.tensors[""])[rows], values, skip)


class Stochastic:
    """Values in bfloat16, rounded at random."""

    def __init__(self, tensor: Tensor, noise: Noise) -> None:
        self.tensors, self._noise = {"": tensor}, noise

    def read(self, rows: slice) -> Tensor:
        """In float32."""
        return local(self.tensors[""])[rows].float()

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """Rounded with new noise."""
        _put(local(self.tensors[""])[rows], stochastic_bfloat16(values, self._noise.bits(values)), skip)


class Kahan:
    """Values as the sum of two bfloat16, the rounded value and what rounding left: 16 bits of mantissa (Kahan 1965; arXiv 2010.06192).

    What is left is rounded at random, so that changes too small for 16 bits count on average, where Kahan's own sum loses them.
    """

    def __init__(self, tensor: Tensor, noise: Noise) -> None:
        self.tensors, self._noise = {"": tensor, "compensation": zeros_beside(tensor, torch.bfloat16)}, noise

    def read(self, rows: slice) -> Tensor:
        """Their sum."""
        return local(self.tensors[""])[rows].float() + local(self.tensors["compensation"])[rows].float()

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """The nearest bfloat16, and the rest in another."""
        rounded = values.bfloat16()
        left = stochastic_bfloat16(values - rounded.float(), self._noise.bits(values))
        _put(local(self.tensors["compensation"])[rows], left, skip)
        _put(local(self.tensors[""])[rows], rounded, skip)


class Blocks8:
    """Values of a tensor like `beside` in 8 bits: a code of the dynamic map for each, a float32 scale for `BLOCK` of them (arXiv 2110.02861).

    Blocks lie within rows. Positive maps (`signed=False`) never round a value to 0, which would be a division by nothing in Adam.
    """

    def __init__(self, beside: Tensor, *, signed: bool) -> None:
        columns = beside.shape[1:].numel()
        self._signed, self._map = signed, dynamic_map(signed).to(beside.device)
        self._between = (self._map[:-1] + self._map[1:]) / 2
        self.tensors = {"codes": zeros_beside(beside, torch.uint8), "scales": zeros_beside(beside, torch.float32, -(-columns // BLOCK))}
        local(self.tensors["codes"]).fill_(int((dynamic_map(signed) == 0).nonzero()))

    def read(self, rows: slice) -> Tensor:
        """Code times scale."""
        codes, scales = (local(self.tensors[name])[rows] for name in ("codes", "scales"))
        values = self._map.index_select(0, codes.flatten().int()).view(codes.shape[0], -1)
        return (values * scales.repeat_interleave(BLOCK, 1)[:, : values.shape[1]]).view(codes.shape)

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """The nearest code, at the scale of the block's largest value."""
        flat = values.flatten(1)
        blocks = F.pad(flat, (0, -flat.shape[1] % BLOCK)).view(flat.shape[0], -1, BLOCK)
        scales = blocks.abs().amax(2)
        codes = torch.bucketize(blocks / scales.clamp(min=torch.finfo(torch.float32).tiny)[..., None], self._between, out_int32=True)
        if not self._signed:
            codes.clamp_(min=1)
        _put(local(self.tensors["codes"])[rows], codes.flatten(1)[:, : flat.shape[1]].view(values.shape).to(torch.uint8), skip)
        _put(local(self.tensors["scales"])[rows], scales, skip)


@cache
def dynamic_map(signed: bool) -> Tensor:
    """(256,) float32, rising: the values that 8 bits stand for, dense near 0 and near 1 (dynamic tree quantisation, arXiv 1511.04561).

    For each of seven powers of ten the middles of equal parts of [0.1, 1], twice as many as for the power below; 0, and 1.
    """
    values = [0.0, 1.0]
    for power in range(7):
        edges = torch.linspace(0.1, 1, 2 ** (power + (not signed)) + 1, dtype=torch.float64)
        middles = (10.0 ** (power - 6) * (edges[:-1] + edges[1:]) / 2).tolist()
        values += middles + [-middle for middle in middles] * signed
    return torch.tensor(sorted(values), dtype=torch.float32)


def slices(tensor: Tensor) -> Iterator[slice]:
    """Rows of the rank's part of `tensor`, about 16 million values at a time, so that float32 copies stay small."""
    n_rows = local(tensor).shape[0]
    step = max(1, _SLICE // max(1, local(tensor)[:1].numel()))
    return (slice(first, first + step) for first in range(0, n_rows, step))

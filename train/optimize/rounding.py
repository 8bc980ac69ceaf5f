"""Stores that keep float32 values in less memory: rounded at random, with the rounding error beside them, or in 8-bit blocks.

A store reads rows as float32 and writes them back. Nothing waits for the device: a tensor says whether to skip a write.
Rows share no state, so a tensor sharded by rows has the same stored values as a whole one.
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
"""Number of values that share a scale in 8-bit storage (as in torchao, and newer versions of bitsandbytes)."""

_SLICE = 1 << 24


class Noise:
    """Random bits of one step on one rank: a pure function of (seed, step, rank, earlier draws of the step)."""

    def __init__(self, device: torch.device, seed: int, rank: int) -> None:
        self._generator = torch.Generator(device) if device.type != "meta" else None
        self._seed, self._rank = seed, rank

    def begin(self, step: int) -> None:
        """Seed the generator for `step`."""
        assert self._generator is not None, "no step is taken on device meta"
        self._generator.manual_seed(xxhash.xxh3_64_intdigest(f"{self._seed}/{self._rank}/{step}") >> 1)

    def bits(self, like: Tensor) -> Tensor:
        """int32 with the shape of `like`, uniform in [0, 2**16)."""
        return torch.randint(0, 1 << 16, like.shape, dtype=torch.int32, device=like.device, generator=self._generator)

    def normal_(self, tensor: Tensor, std: float) -> None:
        """Fill `tensor` with normal values of mean 0 and standard deviation `std`."""
        tensor.normal_(0.0, std, generator=self._generator)


def stochastic_bfloat16(values: Tensor, bits: Tensor) -> Tensor:
    """Round float32 `values` to bfloat16, towards or away from 0 at random, so that the expectation is the value; `bits` are uniform in [0, 2**16).

    A bfloat16 is the upper half of a float32, so adding noise to the lower half and truncating it rounds up with the right probability
    (arXiv 2010.06192). Values that are exact in bfloat16 do not change.
    """
    return ((values.view(torch.int32) + bits) & -65536).view(torch.float32).bfloat16()


class Store(Protocol):
    """Holds the float32 values of one tensor in some format."""

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The stored tensors by name within the store; checkpoints save them and load into them in place."""

    def read(self, rows: slice) -> Tensor:
        """Float32 values of this rank's `rows`; do not write to them."""

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """Store `values` in `rows`, unless `skip` (a boolean scalar on the device) is true."""


def _put(stored: Tensor, values: Tensor, skip: Tensor | None) -> None:
    stored.copy_(values if skip is None else torch.where(skip, stored, values))


class Exact:
    """Values in float32."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensors = {"": tensor}

    def read(self, rows: slice) -> Tensor:
        """A view of the stored values."""
        return local(self.tensors[""])[rows]

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """Exact."""
        _put(local(self.tensors[""])[rows], values, skip)


class Stochastic:
    """Values in bfloat16, rounded at random (`stochastic_bfloat16`)."""

    def __init__(self, tensor: Tensor, noise: Noise) -> None:
        self.tensors, self._noise = {"": tensor}, noise

    def read(self, rows: slice) -> Tensor:
        """Exact, as float32."""
        return local(self.tensors[""])[rows].float()

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """Rounds with new noise."""
        _put(local(self.tensors[""])[rows], stochastic_bfloat16(values, self._noise.bits(values)), skip)


class Kahan:
    """Values as the sum of two bfloat16, the rounded value and its rounding error: 16 bits of mantissa (Kahan 1965; arXiv 2010.06192).

    The error is rounded at random, so that changes too small for 16 bits count on average; Kahan's own sum would lose them.
    """

    def __init__(self, tensor: Tensor, noise: Noise) -> None:
        self.tensors, self._noise = {"": tensor, "compensation": zeros_beside(tensor, torch.bfloat16)}, noise

    def read(self, rows: slice) -> Tensor:
        """The sum of both."""
        return local(self.tensors[""])[rows].float() + local(self.tensors["compensation"])[rows].float()

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """Stores the nearest bfloat16 and the rounding error."""
        rounded = values.bfloat16()
        error = stochastic_bfloat16(values - rounded.float(), self._noise.bits(values))
        _put(local(self.tensors["compensation"])[rows], error, skip)
        _put(local(self.tensors[""])[rows], rounded, skip)


class Blocks8:
    """Values of a tensor shaped like `beside` in 8 bits: each has a code of the dynamic map, each `BLOCK` a float32 scale (arXiv 2110.02861).

    Blocks lie within rows. Unsigned maps (`signed=False`) never round a value to 0, because Adam would divide by it.
    """

    def __init__(self, beside: Tensor, *, signed: bool) -> None:
        columns = beside.shape[1:].numel()
        self._signed, self._map = signed, dynamic_map(signed).to(beside.device)
        self._between = (self._map[:-1] + self._map[1:]) / 2
        self.tensors = {"codes": zeros_beside(beside, torch.uint8), "scales": zeros_beside(beside, torch.float32, -(-columns // BLOCK))}
        local(self.tensors["codes"]).fill_(int((dynamic_map(signed) == 0).nonzero()))

    def read(self, rows: slice) -> Tensor:
        """The map's value of each code, times its block's scale."""
        codes, scales = (local(self.tensors[name])[rows] for name in ("codes", "scales"))
        values = self._map.index_select(0, codes.flatten().int()).view(codes.shape[0], -1)
        return (values * scales.repeat_interleave(BLOCK, 1)[:, : values.shape[1]]).view(codes.shape)

    def write(self, rows: slice, values: Tensor, skip: Tensor | None = None) -> None:
        """Stores the nearest codes; a block's scale is its largest absolute value."""
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
    """(256,) float32, ascending: the values of the 8-bit codes, dense near 0 and near 1 (dynamic tree quantisation, arXiv 1511.04561).

    For each of seven powers of ten, the midpoints of equal parts of [0.1, 1], twice as many as for the power below; plus 0 and 1.
    """
    values = [0.0, 1.0]
    for power in range(7):
        edges = torch.linspace(0.1, 1, 2 ** (power + (not signed)) + 1, dtype=torch.float64)
        middles = (10.0 ** (power - 6) * (edges[:-1] + edges[1:]) / 2).tolist()
        values += middles + [-middle for middle in middles] * signed
    return torch.tensor(sorted(values), dtype=torch.float32)


def slices(tensor: Tensor) -> Iterator[slice]:
    """Slices over the rows of the rank's part of `tensor`, about 16 million values each, so that float32 copies stay small."""
    n_rows = local(tensor).shape[0]
    step = max(1, _SLICE // max(1, local(tensor)[:1].numel()))
    return (slice(first, first + step) for first in range(0, n_rows, step))

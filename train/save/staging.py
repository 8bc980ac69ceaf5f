"""The copy of a run's state from which a checkpoint is written while training continues.

From CUDA it is made in page-locked memory, which is kept for the next checkpoint: such copies run at the speed of the bus, about 25 (PCIe 4) or 50 (PCIe 5)
GB/s, and need no new memory. With AdamW and float32 masters the state is 12 bytes per parameter, so training waits about 0.3 s for a model of 1.2 billion
parameters on PCIe 5. torch rounds each page-locked tensor up to a power of two of bytes.
"""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.staging import BlockingAsyncStager
from torch.distributed.tensor import DTensor

WEIGHT = "weight."
"""Prefix of a parameter's name in the state of `TrainedWeights`."""


class CpuStager(BlockingAsyncStager):
    """Stager of `async_save` for a state on `device`. If page-locked memory cannot be had, it uses ordinary memory and logs a warning."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(cache_staged_state_dict=device.type == "cuda")
        self._copy: dict[str, Any] = {}

    def stage(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """Copy the state to the CPU; returns when it is copied."""
        try:
            self._copy = super().stage(state_dict)
        except RuntimeError as error:
            if not self.cache_staged_state_dict:
                raise
            reason = str(error).partition("\n")[0]
            logging.warning("checkpoint: no page-locked memory for a copy of the state (%s), so training waits longer for each checkpoint", reason)
            self.cache_staged_state_dict, self.state_dict_cache = False, None
            self._copy = super().stage(state_dict)
        return self._copy

    def take(self) -> dict[str, Any]:
        """The last copy, which the stager then forgets, so that its memory can be freed."""
        copy, self._copy = self._copy, {}
        return copy


class SavedWeights(Mapping[str, Tensor]):
    """The weights of a checkpoint whose state is written, by parameter name, whole and on the CPU: those of a single process are its `copy` of the state,
    those of a sharded model are read from the `folder` of the state."""

    def __init__(self, copy: Mapping[str, Tensor], folder: Path) -> None:
        self._copy = {name.removeprefix(WEIGHT): tensor for name, tensor in copy.items() if name.startswith(WEIGHT)}
        self._folder = folder

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._copy[name]
        if not isinstance(tensor, DTensor):
            return tensor
        state = {WEIGHT + name: torch.empty(tensor.shape, dtype=tensor.dtype)}
        dcp.load(state, checkpoint_id=self._folder, no_dist=True)
        return state[WEIGHT + name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._copy)

    def __len__(self) -> int:
        return len(self._copy)

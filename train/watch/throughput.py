"""Speed of a run: real tokens per second, and the share of the hardware's peak that the model's arithmetic uses (MFU)."""

import logging
from dataclasses import dataclass

import numpy as np
import torch

from train.plan.flops import ModelFlops
from train.plan.gpus import GIB, gpu_of_device


@dataclass(frozen=True)
class Throughput:
    """Turns tokens and seconds of a step into figures. `peak_flops`: FLOP/s of all devices together; None if unknown, then no MFU is reported."""

    flops: ModelFlops
    peak_flops: float | None
    device: torch.device

    def figures(self, n_tokens: int, row_tokens: int, document_tokens: np.ndarray, seconds: float) -> dict[str, float]:
        """`tokens_per_second` (real tokens), `mfu` and `mfu_causal` (shares of the peak; see `train.plan.flops`), `memory_gib` (peak memory of
        tensors on a CUDA device). `n_tokens` counts all processes; rows have `row_tokens` tokens; `document_tokens` (n,) are lengths in this process's
        rows, whose mean cost is used for all processes."""
        figures = {"tokens_per_second": round(n_tokens / seconds, 1)}
        if self.peak_flops is not None and n_tokens:
            causal = self.flops.causal(document_tokens) / max(1, int(document_tokens.sum())) * n_tokens
            figures["mfu"] = self.flops.full(n_tokens, row_tokens) / seconds / self.peak_flops
            figures["mfu_causal"] = causal / seconds / self.peak_flops
        if self.device.type == "cuda":
            figures["memory_gib"] = torch.cuda.max_memory_allocated(self.device) / GIB
        return figures


def peak_flops(device: torch.device, n_devices: int, precision: str) -> float | None:
    """Dense bfloat16 peak of `n_devices` such devices in FLOP/s. None, with a warning, for a GPU that is not in the table; None on a CPU and
    for other precisions, for which MFU is not customary."""
    if device.type != "cuda" or precision != "bf16":
        return None
    name = torch.cuda.get_device_name(device)
    gpu = gpu_of_device(name)
    if gpu is None:
        logging.warning("%s: its bfloat16 peak is not in the table (train/plan/gpus.yaml), so no MFU is reported", name)
        return None
    return n_devices * gpu.bf16_tflops * 1e12

"""Where the time of a training step goes: kernels of one step on CUDA, or operators of one on a CPU, by what they are for."""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from train.loss.head import Head
from train.loss.objective import Objective

KINDS = {
    "attention": r"flash|attention|attn|flex|fmha|cudnn.*sdpa|_by_document",
    "matrix products": r"gemm|nvjet|cutlass|cublas|xmma|aten::(mm|bmm|addmm_?|matmul)$",
    "optimizer": r"adam|multi_tensor|foreach|_fused_",
    "norms and other pointwise": r"norm|rms|triton_|elementwise|vectorized|reduce|softmax|silu|aten::",
    "copies": r"memcpy|memset|copy",
}
"""First match wins; names are those of kernels on CUDA, of operators on a CPU."""


def where_time_goes(step: Callable[[], Any]) -> dict[str, float]:
    """Shares of one call of `step`. On CUDA of the time from the first kernel to the last, `idle` included. `output head` holds its own matrix products."""
    cuda = torch.cuda.is_available()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as recorded:
        step()
        if cuda:
            torch.cuda.synchronize()
    return _of_kernels(recorded) if cuda else _of_operators(recorded)


def _of_kernels(recorded: profile) -> dict[str, float]:
    events = [event for event in recorded.events() or [] if event.device_type == torch.autograd.DeviceType.CUDA and not event.is_user_annotation]
    heads = [event.time_range for event in recorded.events() or [] if event.name == HEAD and event.device_type == torch.autograd.DeviceType.CUDA]
    spent: dict[str, float] = defaultdict(float)
    for event in events:
        inside = any(head.start <= event.time_range.start < head.end for head in heads)
        spent["output head" if inside else _kind(event.name)] += event.time_range.elapsed_us()
    total = max(event.time_range.end for event in events) - min(event.time_range.start for event in events)
    spent["idle"] = max(0.0, total - sum(spent.values()))
    return {kind: microseconds / total for kind, microseconds in sorted(spent.items(), key=lambda item: -item[1])}


def _of_operators(recorded: profile) -> dict[str, float]:
    spent: dict[str, float] = defaultdict(float)
    heads = [event.time_range for event in recorded.events() or [] if event.name == HEAD]
    for event in recorded.events() or []:
        inside = any(head.start <= event.time_range.start < head.end for head in heads)
        spent["output head" if inside else _kind(event.name)] += event.self_cpu_time_total
    total = sum(spent.values())
    return {kind: microseconds / total for kind, microseconds in sorted(spent.items(), key=lambda item: -item[1])}


def _kind(name: str) -> str:
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, name, re.IGNORECASE)), "other")


HEAD = "output head and loss"


class Marked:
    """An objective whose work carries a name in the profile."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.part_names = objective, objective.part_names

    def __call__(self, hidden: torch.Tensor, head: Head, batch: Any) -> Any:
        """See `Objective`."""
        with torch.profiler.record_function(HEAD):
            return self.objective(hidden, head, batch)

"""Shared by all benchmarks: one core, texts from a file, a clock, and the JSON line at the end."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

T = TypeVar("T")


def use_one_core() -> None:
    """Pin this process to one core, where the system supports it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def read_texts(path: Path, limit: int | None = None) -> list[str]:
    """The `text` field of a JSONL file, plain, .gz or .zst; the first `limit` documents."""
    with pa.input_stream(str(path), compression="detect") as stream:
        lines = stream.read().splitlines()
    return [json.loads(line)["text"] for line in lines[:limit] if line.strip()]


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """The function's result, and its CPU seconds; wall time on a busy machine would include other processes."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def device_clock() -> float:
    """Seconds: CPU time of this process on a CPU, wall time on CUDA once the device is idle."""
    import torch

    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def print_result(result: dict[str, Any]) -> None:
    """Print the JSON object that ends every benchmark; it must hold ours, peer, ratio and agreement."""
    missing = {"ours", "peer", "ratio", "agreement"} - result.keys()
    if missing:
        raise KeyError(f"a benchmark's result lacks {', '.join(sorted(missing))}")
    print(json.dumps(result, ensure_ascii=False))

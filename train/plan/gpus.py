"""GPUs by name: how much memory, and how many bfloat16 operations a second at most. The figures are in `gpus.yaml`, with sources."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from train.errors import TrainError

GIB = 1 << 30


class Gpu(NamedTuple):
    """`memory_gib`: as the driver shows it; `bf16_tflops`: dense peak of matrix products; `words`: all stand in its device name."""

    name: str
    memory_gib: float
    bf16_tflops: float
    words: tuple[str, ...]
    source: str


@cache
def known_gpus() -> tuple[Gpu, ...]:
    """All GPUs of the table, variants before the plain model."""
    entries = yaml.safe_load((Path(__file__).parent / "gpus.yaml").read_text(encoding="utf-8"))
    return tuple(Gpu(**entry | {"words": tuple(entry["words"])}) for entry in entries)


def gpu_by_name(name: str) -> Gpu:
    """The GPU that a person named, e.g. `h100`. Raises TrainError with the names there are."""
    for gpu in known_gpus():
        if gpu.name == name.lower().replace("_", "-"):
            return gpu
    raise TrainError(f"--gpu {name}: not in the table; known are {', '.join(gpu.name for gpu in known_gpus())}; or give --memory-gib and --tflops")


def gpu_of_device(device_name: str) -> Gpu | None:
    """The GPU of a CUDA device name, e.g. `NVIDIA H100 80GB HBM3`; None for one that the table does not have."""
    found = set(re.findall(r"[a-z0-9]+", device_name.lower()))
    for gpu in known_gpus():
        if all(word.lower() in found for word in gpu.words):
            return gpu
    return None

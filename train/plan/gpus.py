"""GPUs by name: memory and peak bfloat16 operations per second. The figures and their sources are in `gpus.yaml`."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from train.errors import TrainError

GIB = 1 << 30


class Gpu(NamedTuple):
    """`memory_gib`: as the driver reports it; `bf16_tflops`: dense peak of matrix products; `words`: all of them occur in the device name."""

    name: str
    memory_gib: float
    bf16_tflops: float
    words: tuple[str, ...]
    source: str


@cache
def known_gpus() -> tuple[Gpu, ...]:
    """All GPUs of the table; variants come before the plain model."""
    entries = yaml.safe_load((Path(__file__).parent / "gpus.yaml").read_text(encoding="utf-8"))
    return tuple(Gpu(**entry | {"words": tuple(entry["words"])}) for entry in entries)


def gpu_by_name(name: str) -> Gpu:
    """The GPU with a name that the user gave, e.g. `h100`. Raises TrainError that lists the known names."""
    for gpu in known_gpus():
        if gpu.name == name.lower().replace("_", "-"):
            return gpu
    raise TrainError(f"--gpu {name}: not in the table; known are {', '.join(gpu.name for gpu in known_gpus())}; or give --memory-gib and --tflops")


def gpu_of_device(device_name: str) -> Gpu | None:
    """The GPU of a CUDA device name, e.g. `NVIDIA H100 80GB HBM3`; None if it is not in the table."""
    name_words = set(re.findall(r"[a-z0-9]+", device_name.lower()))
    for gpu in known_gpus():
        if all(word.lower() in name_words for word in gpu.words):
            return gpu
    return None

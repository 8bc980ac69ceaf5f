"""Compiles the decoder layers with torch.compile, each separately, so that equal layers share one compilation.

Shapes are static: a graph for each kind of layer, with and without gradients, and for each size of micro-batch. A layer never runs uncompiled
unnoticed: reaching the limit of graphs ends the run. A layer that does not compile to one graph ends it with `compile: true`, and causes a warning with
`compile: auto`.
"""

import logging
import os
import shutil
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch

from train.errors import TrainError
from train.loss import kernel
from train.model import CausalModel

MAX_GRAPHS = 64
"""Limit of graphs: 4 kinds of layers, with and without gradients, 8 sizes of micro-batch."""


def compile_layers(model: CausalModel, setting: bool | Literal["auto"]) -> bool:
    """Compile the layers of the model at their next call, if the recipe's `compile` says so; returns whether it does. Call it after all checks of the
    model: each of their small batches would be compiled, too.

    Raises TrainError if the compiler lacks something that it needs and `setting` is True.
    """
    if setting == "auto" and model.device.type != "cuda":
        return False
    if not setting:
        return False
    lacks = missing(model.device)
    if lacks and setting == "auto":
        logging.warning("compile: auto: layers run uncompiled, because this machine has %s; install it for a faster run", lacks)
        return False
    if lacks:
        raise TrainError(f"compile: true: this machine has {lacks}; install it, or set compile: false")
    torch._dynamo.config.recompile_limit = max(MAX_GRAPHS, torch._dynamo.config.recompile_limit)
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    torch._dynamo.utils.counters["graph_break"].clear()  # those of other compiled code, such as an earlier run in this process
    whole = setting is True and model.backend != "sdpa"
    for layer in model.layers():
        layer.compile(dynamic=False, fullgraph=whole)
    return True


def missing(device: torch.device) -> str | None:
    """What torch.compile needs on this device and this machine lacks; None if it has everything."""
    cuda = device.type == "cuda"
    compilers = [os.environ.get("CC" if cuda else "CXX"), *(("gcc", "clang", "cc") if cuda else ("g++", "clang++", "c++"))]
    if cuda and not kernel.installed():
        return "no Triton"
    if not any(name and shutil.which(name) for name in compilers):
        return "no C compiler" if cuda else "no C++ compiler"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return f"no headers of Python {sysconfig.get_python_version()} (package python3-dev or python3-devel)"
    return None


def warn_of_uncompiled_parts(model: CausalModel) -> None:
    """Log a warning if parts of compiled layers run uncompiled, because torch.compile does not support an operation in them. Call it after a step."""
    breaks = torch._dynamo.utils.counters["graph_break"]
    if breaks and model.backend != "sdpa":
        reason = next(iter(breaks)).partition("\n")[0]
        logging.warning("compile: parts of the decoder layers run uncompiled (%s); compile: true would refuse this", reason)


@contextmanager
def compiler_errors() -> Iterator[None]:
    """Turn an error of the compiler into a TrainError that says what to do."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor", "triton")):
            raise
        cause = f"{type(error.__cause__ or error).__name__}: {' '.join(str(error.__cause__ or error).split())[:300]}"
        raise TrainError(f"compile: a decoder layer could not be compiled ({cause}); set compile: false and rerun") from error

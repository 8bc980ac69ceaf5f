"""A stand-in for the package of FlashAttention 3: the operators that torch looks for, without kernels."""

import sys
from contextlib import contextmanager
from types import ModuleType

import torch
from torch import library


@contextmanager
def package(monkeypatch, *operators):
    """Within the context, `flash_attn_interface` can be imported, this machine looks like one with a Hopper GPU, and torch has these operators."""
    module = ModuleType("flash_attn_interface")
    monkeypatch.setitem(sys.modules, "flash_attn_interface", module)
    monkeypatch.setattr("train.varlen.find_spec", lambda name: module if name == "flash_attn_interface" else None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    with library._scoped_library("flash_attn_3", "DEF") as defined:
        for operator in operators:
            defined.define(f"{operator}(Tensor x) -> Tensor")
        yield

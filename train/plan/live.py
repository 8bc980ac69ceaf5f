"""Bytes of live tensors while code runs, on any device, including meta."""

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of tensors that are made and freed within this context. `known` tensors already exist and are not counted.

    `now` and `peak` are the bytes alive now and at the peak so far. The idea is that of torch.distributed's MemTracker; with meta tensors it
    measures the memory of a step without using that memory.
    """

    def __init__(self, known: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.now = 0
        self.peak = 0
        self._known = [tensor.untyped_storage() for tensor in known]
        self._alive: dict[int, Any] = {storage._cdata: storage for storage in self._known}

    def __torch_dispatch__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and count the tensors that it makes."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def restart_peak(self) -> None:
        """Reset `peak` to the bytes alive now."""
        self.peak = self.now

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._alive:
            return
        n_bytes = storage.nbytes()
        self.now += n_bytes
        self.peak = max(self.peak, self.now)

        def freed(_: Any) -> None:
            del self._alive[key]  # the next storage may reuse this address
            self.now -= n_bytes

        self._alive[key] = weakref.ref(storage, freed)

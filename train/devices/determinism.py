"""Whether a repeated run is equal bit for bit.

torch has deterministic versions of most operations, and raises an error or warns at the others. On CUDA three kinds of operations matter here:

- Attention. The backward passes of flash attention (varlen and sdpa in half precision) and of memory-efficient attention (sdpa in float32) add up in a
  fixed order only in torch's strict mode, `warn_only=False`; with `warn_only=True` they keep their faster, non-deterministic order. cuDNN's attention is
  not chosen in strict mode. The kernels of flex attention have a fixed order anyway.
- Sums by index (losses by source, gradients of embeddings, of index_select and of repeat_interleave): torch has deterministic versions. Our own kernel of
  the loss adds nothing atomically.
- Whatever else the layers of an architecture call. `settle` finds out: it runs one forward and backward pass, and takes strict mode if every operation
  has a deterministic version.
"""

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch

from train.batch import BatchRows, make_batch
from train.errors import TrainError
from train.model import CausalModel
from train.optimize.weights import TrainedWeights

Exactness = Literal["bits", "spread"]
"""`bits`: a repeat on the same hardware, software and number of processes is equal bit for bit. `spread`: it differs by rounding."""

_NO_VERSION = re.compile(r"(\S.*?) does not have a deterministic implementation|because it uses (CuBLAS)")
_DOCUMENTS = (11, 1, 20)
_ROW_TOKENS = 40


@contextmanager
def deterministic_algorithms(wanted: bool) -> Iterator[None]:
    """Use torch's deterministic algorithms, and restore the previous mode at the end. Enter it before CUDA starts: cuBLAS reads its setting only once.

    Operations without a deterministic version warn, until `settle` has seen that the model needs none of them. Raises TrainError if a later operation
    has none.
    """
    mode, warn_only = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(wanted, warn_only=True)
    try:
        yield
    except RuntimeError as error:
        if match := _NO_VERSION.search(str(error)):
            raise TrainError(f"deterministic: {match[1] or match[2]} has no deterministic version on this device; set deterministic: false") from error
        raise
    finally:
        torch.use_deterministic_algorithms(mode, warn_only=warn_only)


def settle(model: CausalModel, weights: TrainedWeights, wanted: bool) -> Exactness:
    """How exactly a repeat of this run is equal to it. Switches torch to strict mode if every operation of a training step has a deterministic version;
    otherwise logs a warning that names those that have none. Changes no weights; every process of a sharded model must call it."""
    if not wanted:
        return "spread"
    names = _operations_without_version(model, weights)
    if names:
        logging.warning("deterministic: %s: no deterministic version on this device, so repeats of this run differ by rounding", ", ".join(names))
        return "spread"
    torch.use_deterministic_algorithms(True, warn_only=False)
    return "bits"


def _operations_without_version(model: CausalModel, weights: TrainedWeights) -> list[str]:
    """Names of the operations without a deterministic version in a forward and backward pass, attention aside. Layers run uncompiled, and attention by
    document, so that nothing is compiled for this row."""
    backend, model.backend = model.backend, "sdpa"
    try:
        with warnings.catch_warnings(record=True) as caught, torch.compiler.set_stance("force_eager"):
            warnings.simplefilter("always")
            batch = make_batch(_row(), 1).to(model.device)
            (model.loss(batch).total / batch.n_targets).backward()
    finally:
        model.backend = backend
        weights.drop_gradients()
    matches = [match for warning in caught if (match := _NO_VERSION.search(str(warning.message)))]
    return sorted({match[1] or match[2] for match in matches})


def _row() -> BatchRows:
    n_tokens, n_documents = sum(_DOCUMENTS), len(_DOCUMENTS)
    row = np.zeros((1, _ROW_TOKENS), dtype=np.int64)
    return BatchRows(row, np.array([0, n_documents]), np.array(_DOCUMENTS), np.zeros(n_documents, dtype=np.int16), np.array([n_tokens]))

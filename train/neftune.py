"""Uniform noise on the embeddings of training batches (NEFTune, arXiv 2310.05914)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import xxhash
from torch import Tensor

from train.batch import MicroBatch


class EmbeddingNoise:
    """Adds noise, uniform in ±alpha / sqrt(n * d), to each of the d numbers of an embedding, where n is the number of tokens that attend to each other.

    In the paper n is the length of the sequence, which is one example. In packed rows it is the length of the document (or its piece in the row), so that
    the size of a document's noise does not depend on its neighbours; without document mask it is the length of the row. The noise is a function of `seed` and
    the row's number in the run: a resumed run and any number of processes on the same kind of device draw the same.
    """

    def __init__(self, alpha: float, seed: int) -> None:
        self._alpha, self._seed = alpha, seed

    def values(self, batch: MicroBatch, n_dimensions: int) -> Tensor:
        """(n, L, `n_dimensions`) float32 on the batch's device."""
        n_rows, row_tokens = batch.input_ids.shape
        device = batch.input_ids.device
        noise = torch.empty(n_rows, row_tokens, n_dimensions, device=device)
        for row, number in zip(noise, batch.row_numbers.tolist(), strict=True):
            generator = torch.Generator(device)
            generator.manual_seed(xxhash.xxh3_64_intdigest(f"neftune/{self._seed}/{number}") >> 1)
            row.uniform_(-1, 1, generator=generator)
        lengths = batch.cu_seqlens.diff()
        of_token = lengths.repeat_interleave(lengths, output_size=n_rows * row_tokens).view(n_rows, row_tokens, 1)
        return noise.mul_(self._alpha / (of_token * n_dimensions).sqrt())

    @contextmanager
    def added(self, network: Any, batch: MicroBatch) -> Iterator[None]:
        """Context in which the network's input embeddings of `batch` have noise."""

        def add(module: Any, arguments: Any, output: Tensor) -> Tensor:
            return output + self.values(batch, output.shape[-1]).to(output.dtype)

        handle = network.get_input_embeddings().register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()

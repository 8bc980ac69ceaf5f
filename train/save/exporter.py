"""Writes a run's results: the trained model, its moving average, its adapter; and the model in each checkpoint."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from train.adapt.adapt import Adaptation
from train.adapt.export import PlainWeights, stored_dtypes, write_adapter
from train.devices.world import World
from train.errors import TrainError
from train.model import DTYPES, stored_dtype
from train.recipe import TrainRecipe
from train.save.checkpoint import WriteModel
from train.save.folder import replaced_folder
from train.save.model import export_state, export_tensors, save_model, whole

Write = Callable[[Path], None]
"""Writes files into a folder; only called on the main process."""


class Exporter:
    """Turns a run's weights into Hugging Face folders. `network` is the trained one, with `adaptation` if it was adapted; `base` its model folder.

    Every process of a sharded network must call the same methods in the same order.
    """

    def __init__(self, recipe: TrainRecipe, out: Path, base: Path, network: Any, adaptation: Adaptation | None, world: World) -> None:
        self._recipe, self._out, self._base, self._network, self._adaptation, self._world = recipe, out, base, network, adaptation, world
        self._dtype: torch.dtype = DTYPES[recipe.save_dtype] if recipe.save_dtype else stored_dtype(base)

    def model(self, weights: Mapping[str, Tensor]) -> Write:
        """Copy the model with these weights to the CPU; the result writes it."""
        network = self._network
        if self._adaptation is not None:
            network, weights = self._adaptation.plain, PlainWeights(network, self._adaptation, weights, self._base)
        state = export_state(network, weights, self._dtype, keep=self._world.is_main, dtypes=self._dtypes(network))
        return partial(save_model, network, state, dtype=self._dtype, base=self._base)

    def in_checkpoint(self, masters: Mapping[str, Tensor]) -> WriteModel:
        """Writes the model of a checkpoint from the checkpoint's own copy of the weights. An adapted model is copied at once, because all processes must
        take part in merging it. An error is raised only when the result is called: a checkpoint holds more than the model."""
        try:
            if self._adaptation is not None:
                write_now = self.model(masters)
                return lambda folder, _: write_now(folder)
            network, dtype = self._network, self._dtype
            tensors = network.state_dict(keep_vars=True)  # here, because asking a sharded network in the middle of a step would take its gathered weights
            dtypes = self._dtypes(network)
        except Exception as error:  # whatever it is, training must go on
            return partial(_raise, error)
        return lambda folder, weights: save_model(network, export_tensors(tensors, weights, dtype, dtypes=dtypes), folder, dtype=dtype, base=self._base)

    def final(self, masters: Mapping[str, Tensor], ema: Mapping[str, Tensor] | None) -> None:
        """Write OUT/model, the moving average to OUT/model-ema or instead of it, and the adapter, if any, to OUT/adapter.

        Raises TrainError on all processes if something cannot be written.
        """
        averaging = self._recipe.averaging.ema
        if averaging is not None and ema is not None and averaging.export == "beside":
            self._write("model-ema", lambda: self.model(ema))
        final = ema if averaging is not None and ema is not None and averaging.export == "instead" else masters
        if self._recipe.adapt and self._recipe.adapt.lora:
            self._write("adapter", lambda: self._adapter(final))
        self._write("model", lambda: self.model(final))

    def _dtypes(self, network: Any) -> dict[str, torch.dtype]:
        return stored_dtypes(network, self._base, self._adaptation) if self._recipe.save_dtype is None else {}

    def _adapter(self, weights: Mapping[str, Tensor]) -> Write:
        trained = {name: whole(tensor.detach()) for name, tensor in weights.items()}
        return partial(write_adapter, self._network, trained, self._recipe.model)

    def _write(self, name: str, collect: Callable[[], Write]) -> None:
        target = self._out / name
        try:
            write = collect()
        except Exception as error:
            raise _unwritten(target, error) from error

        def commit() -> None:
            try:
                with replaced_folder(self._out, name) as folder:
                    write(folder)
            except TrainError:
                raise
            except Exception as error:
                raise _unwritten(target, error) from error

        self._world.from_main(commit)


def _unwritten(target: Path, error: Exception) -> TrainError:
    if isinstance(error, TrainError):
        return error
    logging.debug("%s", target, exc_info=error)
    return TrainError(f"{target}: could not be written ({type(error).__name__}: {' '.join(str(error).split())[:300]})")


def _raise(error: Exception, _folder: Path, _weights: Mapping[str, Tensor]) -> None:
    raise error

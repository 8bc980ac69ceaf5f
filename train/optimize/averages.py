"""Changes to weights between optimizer steps: moving averages, steps back towards earlier weights, redrawn embeddings."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from train.optimize.local import local, zeros_beside
from train.optimize.recipe import AveragingRecipe, EmaRecipe
from train.optimize.rounding import Noise, Store, slices

_EVERYTHING = slice(None)


def ema_decay(n_updates: int, settings: EmaRecipe) -> float:
    """Weight of the old average in update `n_updates`, counted from 0."""
    return min(settings.decay, (1 + n_updates) / (10 + n_updates)) if settings.warmup else settings.decay


def pull_back(anchor: Tensor, weights: Tensor, kept: float) -> Tensor:
    """anchor + kept * (weights - anchor): Reptile's step with epsilon = kept, or the replacing average with alpha = 1 - kept."""
    return anchor.lerp(weights, kept)


class Averages:
    """The averages of a run, over the stores of its weights; `weights` give shape and placement."""

    def __init__(self, weights: Mapping[str, Tensor], stores: Mapping[str, Store], settings: AveragingRecipe) -> None:
        self._weights, self._stores, self._ema = weights, stores, settings.ema
        self._pull = settings.reptile or settings.replacing_ema
        self.ema = self._copies() if self._ema else {}
        """The moving average by name, float32; it starts as a copy of the weights."""
        self._anchor = self._copies() if self._pull else {}

    def _copies(self) -> dict[str, Tensor]:
        copies = {name: zeros_beside(tensor, torch.float32) for name, tensor in self._weights.items()}
        for name, copy in copies.items():
            local(copy).copy_(self._stores[name].read(_EVERYTHING))
        return copies

    def restart(self) -> None:
        """Begin anew at the current weights."""
        for average in (self.ema, self._anchor):
            for name, copy in average.items():
                local(copy).copy_(self._stores[name].read(_EVERYTHING))

    def state(self) -> dict[str, Tensor]:
        """`ema.NAME`: the moving average. `anchor.NAME`: the weights after the last step back."""
        return {f"{kind}.{name}": tensor for kind, tensors in (("ema", self.ema), ("anchor", self._anchor)) for name, tensor in tensors.items()}

    def after_step(self, step: int) -> None:
        """Update the averages that are due after optimizer step `step`, counted from 1."""
        if self._pull and step % self._pull.every_steps == 0:
            for name, anchor in self._anchor.items():
                for rows in slices(anchor):
                    pulled = pull_back(local(anchor)[rows], self._stores[name].read(rows), self._pull.kept)
                    self._stores[name].write(rows, pulled)
                    local(anchor)[rows].copy_(self._stores[name].read(rows))
        if self._ema:
            share = 1 - ema_decay(step - 1, self._ema)
            for name, average in self.ema.items():
                for rows in slices(average):
                    local(average)[rows].lerp_(self._stores[name].read(rows), share)


def input_embedding(network: nn.Module) -> str | None:
    """Name of the input embedding's weight; None if there is none or it is frozen."""
    weight = getattr(getattr(network, "get_input_embeddings", lambda: None)(), "weight", None)
    return next((name for name, parameter in network.named_parameters() if parameter is weight and parameter.requires_grad), None)


def redraw(weight: Tensor, store: Store, noise: Noise, std: float) -> None:
    """Fill an embedding with normal values of standard deviation `std`."""
    for rows in slices(weight):
        values = torch.empty_like(local(weight)[rows], dtype=torch.float32)
        noise.normal_(values, std)
        store.write(rows, values)

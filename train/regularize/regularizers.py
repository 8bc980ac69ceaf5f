"""The interface of methods against forgetting, and those of a recipe as one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from torch import Tensor

from train.devices.world import World
from train.errors import TrainError
from train.model import CausalModel
from train.optimize.local import local
from train.optimize.weights import TrainedWeights
from train.recipe import TrainRecipe
from train.regularize.cache import load_or_estimate
from train.regularize.importance import Kind, estimate, new_importance, sample_batches
from train.regularize.pull import PullToBase, base_values
from train.regularize.recipe import RegularizeRecipe
from train.regularize.soft_mask import SoftMask, kept_shares


class Regularizer(Protocol):
    """Changes gradients before the optimizer's update, or weights after it. Weights without a gradient are not trained in this step and stay as they are.

    It keeps no state between steps besides what the base model and the recipe determine, so a checkpoint holds nothing of it.
    """

    def before_update(self) -> dict[str, Tensor]:
        """Called when the gradients of a step are complete. Returns penalties by name: float64 scalars on the device, the same on every rank."""
        ...

    def after_update(self, lr: float, skip: Tensor) -> None:
        """Called after the optimizer's update with learning rate `lr`; changes nothing if `skip`, a boolean scalar on the device, is true."""
        ...


class Regularizers:
    """Several regularizers as one: gradients are changed in their order, weights in the opposite one."""

    def __init__(self, members: Sequence[Regularizer] = ()) -> None:
        self._members = list(members)

    def before_update(self) -> dict[str, Tensor]:
        """See `Regularizer`."""
        return {name: value for member in self._members for name, value in member.before_update().items()}

    def after_update(self, lr: float, skip: Tensor) -> None:
        """See `Regularizer`."""
        for member in reversed(self._members):
            member.after_update(lr, skip)


def check_regularize(recipe: TrainRecipe) -> None:
    """Raise TrainError for regularizers of weights that have no value in the base model."""
    if recipe.regularize is not None and recipe.adapt is not None and recipe.adapt.lora is not None:
        raise TrainError(
            "regularize: adapt.lora trains new matrices beside frozen weights, and regularize compares weights with the base model's; leave one of them out"
        )


def make_regularizers(
    settings: RegularizeRecipe | None, model: CausalModel, weights: TrainedWeights, importance: Callable[[Sequence[Kind]], dict[str, Tensor]]
) -> Regularizers:
    """The recipe's regularizers. `model` and `weights` must still be the base model's; `importance` estimates importances of some kinds, or reads them."""
    if settings is None:
        return Regularizers()
    kinds: list[Kind] = [*(("fisher",) if settings.ewc else ()), *(("units",) if settings.soft_mask else ())]
    tensors = importance(kinds) if kinds else {}
    base = base_values(weights) if settings.l2_sp or settings.ewc else {}
    members: list[Regularizer] = []
    if settings.l2_sp:
        members.append(PullToBase("l2_sp", weights, base, settings.l2_sp.strength, settings.l2_sp.at))
    if settings.ewc:
        fisher = {name: local(tensors[f"fisher.{name}"]) for name in weights.masters}
        members.append(PullToBase("ewc", weights, base, settings.ewc.strength, settings.ewc.at, fisher))
    if settings.soft_mask:
        kept = kept_shares({name: tensors[f"units.{name}"] for name in weights.masters}, settings.soft_mask)
        shapes = {name: local(master).shape for name, master in weights.masters.items()}
        broadcast = {name: share.view(*shapes[name][:-1], 1) if len(shapes[name]) > 1 else share for name, share in kept.items()}
        members.append(SoftMask(weights, broadcast, settings.soft_mask))
    return Regularizers(members)


def regularizers_of_run(
    recipe: TrainRecipe, model: CausalModel, weights: TrainedWeights, base: Path, row_tokens: int, out: Path, identity: dict[str, str], world: World
) -> Regularizers:
    """The regularizers of a run whose weights are still those of `base`; importances are kept in `out`."""

    def importance(kinds: Sequence[Kind]) -> dict[str, Tensor]:
        assert recipe.regularize is not None and recipe.regularize.sample is not None
        sample, tensors = recipe.regularize.sample, new_importance(weights, kinds)
        load_or_estimate(out, identity, tensors, lambda: estimate(model, weights, sample_batches(sample, base, row_tokens), tensors), world)
        return tensors

    return make_regularizers(recipe.regularize, model, weights, importance)

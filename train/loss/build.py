"""Builds the objective of a recipe, with the frozen model that it reads."""

from pathlib import Path

import torch

from train.attention import choose_backend
from train.devices.world import World
from train.errors import TrainError
from train.loss.distill import Distillation
from train.loss.objective import FrozenModel, Objective, Plain
from train.loss.recipe import ObjectiveRecipe
from train.loss.selective import Selective
from train.model import load_model, local_folder
from train.selfcheck import check_model


def second_folder(settings: ObjectiveRecipe, world: World) -> Path | None:
    """Folder of the model that the objective reads, None if it reads none; every process must call this. Raises TrainError if it cannot be found."""
    name = settings.second_model
    key = "loss.selective.reference" if settings.selective is not None else "loss.distill.teacher"

    def find(name: str) -> Path:
        try:
            return local_folder(name)
        except TrainError as error:
            raise TrainError(f"{key}: {str(error).removeprefix('model: ')}") from None

    return None if name is None else world.from_main(lambda: find(name))


def make_objective(settings: ObjectiveRecipe, second_model: Path | None, n_vocab: int, row_tokens: int, device: torch.device) -> Objective:
    """The recipe's objective. `second_model` is the folder from `second_folder`, already checked against the mix; `n_vocab` is the trained model's,
    `row_tokens` the length of the longest row.

    Raises TrainError if the teacher has fewer token ids than the model, or if the second model fails the self-check.
    """
    if second_model is None:
        return Plain(settings.z_loss)
    frozen = load_frozen(second_model, row_tokens, device)
    if settings.selective is not None:
        return Selective(frozen, settings.selective.share, settings.z_loss)
    assert settings.distill is not None
    if frozen.model.n_vocab < n_vocab:
        raise TrainError(f"loss.distill.teacher: {second_model} has {frozen.model.n_vocab} token ids, the model {n_vocab}; choose a teacher with all of them")
    return Distillation(frozen, settings.distill.temperature, settings.distill.weight, settings.z_loss)


def load_frozen(folder: Path, row_tokens: int, device: torch.device) -> FrozenModel:
    """A model that is only read; the device holds all of it, in bfloat16 on CUDA, else in float32."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model = load_model(folder, device)
    for parameter in model.parameters():  # only parameters: rotary frequencies stay in float32
        parameter.data = parameter.data.to(dtype)
    model.backend = choose_backend("auto", model.network, device, dtype)
    check_model(model, row_tokens)
    return FrozenModel(model)

"""`train merge`: checks the parents against each other, merges them tensor by tensor, and writes a model folder with a record of the recipe."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import xxhash
from torch import Tensor

from shards import console
from shards.record import canonical_json
from train.errors import TrainError
from train.merge import methods
from train.merge.configs import refuse_other_configs
from train.merge.embeddings import propagate
from train.merge.recipe import MergeRecipe
from train.merge.tied import drop_tied_copies
from train.merge.tokens import refuse_other_tokens
from train.model import DTYPES, local_folder, weights_hash
from train.save.files import copy_files
from train.save.folder import new_folder
from train.save.tensors import StoredWeights, TensorInfo, same_tensors, write_weights

RECORD = "merge.json"


@dataclass(frozen=True)
class Merged:
    """The written model: number of tensors, bytes, folder."""

    n_tensors: int
    n_bytes: int
    out: Path


def merge(recipe: MergeRecipe) -> Merged:
    """Write the merged model to `recipe.out`.

    Raises TrainError for an `out` in use, for parents whose tensors, shapes, tokens or configs differ, and for values that are not finite in a
    parent or in the result.
    """
    if recipe.out is None:
        raise TrainError("out: required, but not given; set it in the recipe or with --out")
    folders = {role: local_folder(str(folder)) for role, folder in recipe.parents().items()}
    parents = {role: StoredWeights(folder) for role, folder in folders.items()}
    for weights in parents.values():
        drop_tied_copies(weights)
    with new_folder(recipe.out) as folder:
        if recipe.method == "lep":
            infos, tensor_of = propagate(recipe, folders, parents, folder)
        else:
            same_tensors(parents)
            refuse_other_tokens(folders)
            infos, tensor_of = parents[recipe.like_role()].infos, _merged(recipe, parents)
            copy_settings(folders[recipe.like_role()], folder)
        refuse_other_configs(folders, recipe.may_differ)
        if recipe.dtype is not None:
            infos = {name: _stored_as(info, DTYPES[recipe.dtype]) for name, info in infos.items()}
            _set_dtype(folder / "config.json", str(DTYPES[recipe.dtype]).removeprefix("torch."))
        n_bytes = _write(folder, infos, tensor_of, recipe)
        record = {"recipe": recipe.model_dump(mode="json"), "parents": {role: weights_hash(parent) for role, parent in folders.items()}}
        (folder / RECORD).write_text(canonical_json(record))
    return Merged(len(infos), n_bytes, recipe.out)


def _write(folder: Path, infos: dict[str, TensorInfo], tensor_of: Callable[[str], Tensor], recipe: MergeRecipe) -> int:
    with console.progress(f"merge, {recipe.method}", len(infos)) as meter:

        def with_progress(name: str) -> Tensor:
            tensor = _stored(name, tensor_of(name), infos[name].dtype)
            meter.advance(1, MB=tensor.nbytes / 1e6)
            return tensor

        return write_weights(folder, infos, with_progress, recipe.shard_bytes)


def _stored(name: str, merged: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in the dtype of the result. Raises TrainError if it holds a value that is not finite there."""
    stored = merged.to(dtype)
    if bool(torch.isfinite(stored).all()):
        return stored
    if bool(torch.isfinite(merged).all()):
        limit = f"{float(merged.abs().max()):.4g} does not fit into {str(dtype).removeprefix('torch.')} (at most {torch.finfo(dtype).max:.4g})"
        raise TrainError(f"{name}: the merged value {limit}; set dtype: bf16 or fp32")
    raise TrainError(f"{name}: merging gives NaN or infinite values from finite parents; use smaller weights or a smaller scale")


def copy_settings(source: Path, target: Path) -> None:
    """Copy a model folder's configuration and all other files that merging does not change."""
    shutil.copyfile(source / "config.json", target / "config.json")
    copy_files(source, target)


def _stored_as(info: TensorInfo, dtype: torch.dtype) -> TensorInfo:
    return TensorInfo(dtype if info.dtype.is_floating_point else info.dtype, info.shape)


def _set_dtype(config: Path, dtype: str) -> None:
    settings: dict[str, Any] = json.loads(config.read_text())
    config.write_text(json.dumps(settings | {"dtype": dtype, "torch_dtype": dtype}, indent=2, sort_keys=True) + "\n")


def _merged(recipe: MergeRecipe, parents: dict[str, StoredWeights]) -> Callable[[str], Tensor]:
    """A function that returns a merged tensor by name, in float32. Integer tensors must be equal in all parents, and stay unchanged."""
    densities, normalize = [parent.density for parent in recipe.models], recipe.normalizes()

    def tensor_of(name: str) -> Tensor:
        stored = {role: weights[name] for role, weights in parents.items()}
        first = next(iter(stored.values()))
        if not first.is_floating_point():
            if any(not tensor.equal(first) for tensor in stored.values()):
                raise TrainError(f"{name}: an integer tensor that differs between the models; merge models of one architecture")
            return first
        tensors = {role: tensor.float() for role, tensor in stored.items()}
        models = [tensors[f"models.{number}"] for number in range(len(recipe.models))]
        t, scale, weights = recipe.settings_of(name)
        match recipe.method:
            case "linear":
                return methods.linear(models, weights, normalize=normalize)
            case "slerp":
                return methods.slerp(models[0], models[1], t)
            case "karcher":
                return methods.karcher(models, weights)
            case "task_arithmetic":
                return methods.task_arithmetic(tensors["base"], models, weights, scale, normalize=normalize)
            case "ties":
                return methods.ties(tensors["base"], models, weights, densities, scale, normalize=normalize)
            case "model_stock":
                return methods.model_stock(tensors["base"], models)
            case "residual":
                return methods.residual(models[0], tensors["base"], tensors["instruct"], scale)
        generators = [_generator(recipe.seed, number, name) for number in range(len(models))]
        return methods.dare(
            tensors["base"],
            models,
            weights,
            densities,
            scale,
            generators,
            elect_signs=recipe.method in ("dare_ties", "della"),
            normalize=normalize,
            epsilon=recipe.epsilon if recipe.method in ("della", "della_linear") else 0.0,
        )

    return tensor_of


def _generator(seed: int, number: int, name: str) -> torch.Generator:
    """Random numbers that depend only on seed, model index and tensor name."""
    return torch.Generator().manual_seed(xxhash.xxh3_64_intdigest(f"{seed}/{number}/{name}") >> 1)

"""Checkpoints: a Hugging Face model folder each, with what an exact resume needs beside it.

    OUT/checkpoints/step-000100/            config.json, model.safetensors, tokenizer files
    OUT/checkpoints/step-000100/trainer_state/state.safetensors   float32 weights, AdamW's moments, random states
    OUT/checkpoints/step-000100/trainer_state/state.json          where the run stood, hashes, checksums of all files

A checkpoint is written to a folder with another name, every file is fsynced, and the folder is renamed: one with its final name is whole.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor

from shards.manifest import canonical_json, file_checksum, sync_folder
from train.errors import TrainError
from train.loop import RunState
from train.weights import MasterWeights

_STATE = "trainer_state/state.safetensors"
_FACTS = "trainer_state/state.json"
_NAME = re.compile(r"step-(\d{6,})")


class Facts(BaseModel):
    """`state.json`: what the run was and where it stood. `files` maps names to xxh3-128 checksums."""

    step: int
    tokens: int
    next_row: int
    identity: dict[str, str]
    files: dict[str, str]


def save_checkpoint(
    folder: Path, weights: MasterWeights, state: RunState, next_row: int, identity: dict[str, str], write_model: Callable[[Path], None]
) -> Path:
    """Write the checkpoint of `state` into `folder` (OUT/checkpoints) and return its path. `write_model` fills a folder with the HF model."""
    target = folder / f"step-{state.step:06d}"
    temporary = folder / f".{target.name}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    (temporary / _STATE).parent.mkdir(parents=True)
    write_model(temporary)
    tensors = {name: tensor.contiguous() for name, tensor in {**weights.state(), **_random_states()}.items()}
    save_file(tensors, temporary / _STATE)
    files = {str(path.relative_to(temporary)): file_checksum(path) for path in sorted(temporary.rglob("*")) if path.is_file()}
    facts = Facts(step=state.step, tokens=state.tokens, next_row=next_row, identity=identity, files=files)
    (temporary / _FACTS).write_text(canonical_json(facts.model_dump()))
    commit_folder(temporary, target)
    return target


def commit_folder(temporary: Path, target: Path) -> None:
    """fsync everything in `temporary` and rename it to `target`, replacing a folder of that name."""
    for path in sorted(temporary.rglob("*")):
        if path.is_dir():
            sync_folder(path)
            continue
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    sync_folder(temporary)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(temporary, target)
    sync_folder(target.parent)


def list_checkpoints(folder: Path) -> list[Path]:
    """Committed checkpoints in OUT/checkpoints, oldest first."""
    found = [(int(match[1]), path) for path in folder.glob("step-*") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def keep_last(folder: Path, n_kept: int) -> None:
    """Delete all but the `n_kept` newest checkpoints, and what killed runs left half-written."""
    for path in [*list_checkpoints(folder)[:-n_kept], *folder.glob(".step-*.tmp")]:
        shutil.rmtree(path, ignore_errors=True)


def read_facts(checkpoint: Path) -> Facts:
    """The facts of a checkpoint. Raises TrainError if they are missing or damaged."""
    try:
        return Facts.model_validate_json((checkpoint / _FACTS).read_text())
    except (OSError, ValidationError) as error:
        raise TrainError(
            f"{checkpoint / _FACTS}: not a readable checkpoint ({_first_line(error)}); delete {checkpoint} to resume from the one before"
        ) from None


def restore(checkpoint: Path, facts: Facts, weights: MasterWeights) -> RunState:
    """Put the weights, optimizer and random states of a checkpoint back. Raises TrainError naming a file that is missing or damaged."""
    for name, checksum in facts.files.items():
        path = checkpoint / name
        if not path.exists() or file_checksum(path) != checksum:
            problem = "missing" if not path.exists() else "damaged (its checksum differs)"
            raise TrainError(f"{path}: {problem}; delete {checkpoint} to resume from the checkpoint before it")
    tensors = load_file(checkpoint / _STATE)
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    weights.load(tensors)
    return RunState(facts.step, facts.tokens)


def _random_states() -> dict[str, Tensor]:
    states = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["random.cuda"] = torch.cuda.get_rng_state()
    return states


def _first_line(error: Any) -> str:
    return str(error).splitlines()[0]

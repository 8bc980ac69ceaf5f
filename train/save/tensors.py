"""Reads and writes model folders one tensor at a time, so that merging needs the memory of a few tensors, not of whole models."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from torch import Tensor

from train.errors import TrainError
from train.save.files import INDEX

_SINGLE = "model.safetensors"

# The dtype names of the safetensors format, https://github.com/huggingface/safetensors
_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32,
    "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class TensorInfo(NamedTuple):
    """What the header of a weight file says about a tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]


class StoredWeights:
    """The tensors of a model folder by name. `infos` maps names to dtype and shape, in sorted order; `weights[name]` reads a tensor.

    Reading raises TrainError for a tensor with NaN or infinite values.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Any] = {}
        self._opened = [safe_open(path, framework="pt") for path in _weight_files(folder)]
        self.infos: dict[str, TensorInfo] = {}
        for file in self._opened:
            for name in file.keys():  # noqa: SIM118 (not a dict)
                piece = file.get_slice(name)
                self._files[name] = file
                self.infos[name] = TensorInfo(_dtype(folder, name, piece.get_dtype()), tuple(piece.get_shape()))
        self.infos = dict(sorted(self.infos.items()))

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._files[name].get_tensor(name)
        if not bool(torch.isfinite(tensor).all()):
            raise TrainError(f"{self.folder}: tensor {name} holds NaN or infinite values, so the model is damaged; use another checkpoint")
        return tensor

    def drop(self, name: str) -> None:
        """Leave out the tensor `name`."""
        del self.infos[name], self._files[name]

    def __contains__(self, name: str) -> bool:
        return name in self._files


def _weight_files(folder: Path) -> list[Path]:
    """The files that transformers would load: those of the index if there is one (some folders also hold a second set of weights)."""
    try:
        if (folder / INDEX).exists():
            names = sorted(set(json.loads((folder / INDEX).read_text())["weight_map"].values()))
            return [folder / name for name in names]
    except (ValueError, KeyError, AttributeError) as error:
        raise TrainError(f"{folder / INDEX}: not an index of weight files ({error}); download the model again") from None
    return [folder / _SINGLE] if (folder / _SINGLE).exists() else sorted(folder.glob("*.safetensors"))


def _dtype(folder: Path, name: str, stored: str) -> torch.dtype:
    if stored not in _DTYPES:
        raise TrainError(
            f"{folder}: tensor {name} is stored as {stored}, which is not a plain number type (is the model quantised?); use the unquantised model"
        )
    return _DTYPES[stored]


def write_weights(folder: Path, infos: Mapping[str, TensorInfo], tensor_of: Callable[[str], Tensor], shard_bytes: int) -> int:
    """Write `tensor_of(name)` for each name to a Hugging Face folder's weight files of at most about `shard_bytes` each. Returns total bytes.

    Each tensor must have the dtype and shape in `infos`, because headers are written first; only one tensor at a time is in memory.
    """
    shards = _cut(infos, shard_bytes)
    names = [_SINGLE] if len(shards) == 1 else [f"model-{n:05d}-of-{len(shards):05d}.safetensors" for n in range(1, len(shards) + 1)]
    for file_name, shard in zip(names, shards, strict=True):
        _write_file(folder / file_name, {name: infos[name] for name in shard}, tensor_of)
    total = sum(_n_bytes(info) for info in infos.values())
    if len(shards) > 1:
        weight_map = {name: file_name for file_name, shard in zip(names, shards, strict=True) for name in shard}
        (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=2) + "\n")
    return total


def _cut(infos: Mapping[str, TensorInfo], shard_bytes: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    filled = 0
    for name, info in infos.items():
        if shards[-1] and filled + _n_bytes(info) > shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += _n_bytes(info)
    return shards


def _write_file(path: Path, infos: Mapping[str, TensorInfo], tensor_of: Callable[[str], Tensor]) -> None:
    """One safetensors file: 8 bytes of header length, the header (JSON, padded with spaces to 8 bytes), then the tensors' bytes in order."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, info in infos.items():
        header[name] = {"dtype": _NAMES[info.dtype], "shape": list(info.shape), "data_offsets": [offset, offset + _n_bytes(info)]}
        offset += _n_bytes(info)
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little"))
        file.write(encoded)
        for name, info in infos.items():
            tensor = tensor_of(name)
            assert (tensor.dtype, tuple(tensor.shape)) == info, f"{name}: {tensor.dtype} {tuple(tensor.shape)}, promised {info}"
            file.write(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def _n_bytes(info: TensorInfo) -> int:
    n_elements = 1
    for size in info.shape:
        n_elements *= size
    return n_elements * info.dtype.itemsize


def same_tensors(parents: Mapping[str, StoredWeights], without: Iterable[str] = ()) -> None:
    """Raise TrainError that names tensors unless all parents hold the same names and shapes, ignoring the names in `without`."""
    (first, reference), *others = parents.items()
    skipped = set(without)
    for role, other in others:
        missing = sorted((reference.infos.keys() ^ other.infos.keys()) - skipped)
        if missing:
            holder = first if missing[0] in reference else role
            raise TrainError(
                f"{first} ({reference.folder}) and {role} ({other.folder}) hold different tensors: {_first_names(missing)} only in {holder}; "
                "merge models of one architecture"
            )
        differing = [name for name, info in reference.infos.items() if name not in skipped and info.shape != other.infos[name].shape]
        if differing:
            shapes = f"{differing[0]} is {list(reference.infos[differing[0]].shape)} and {list(other.infos[differing[0]].shape)}"
            raise TrainError(f"{first} ({reference.folder}) and {role} ({other.folder}) differ in shape: {shapes}; merge models of one size and vocabulary")


def _first_names(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

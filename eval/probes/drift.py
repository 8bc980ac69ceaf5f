"""Drift of weights from the baseline, read tensor by tensor from safetensors files: no model is loaded, and only parts of two tensors are in memory.

The distance is ‖new − base‖ / ‖base‖ (Frobenius), by layer and part. Rows of the embedding and of the output head are matched by the text of their
token, so that a model with an extended vocabulary can be compared; its new rows are counted.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eval.errors import EvalError
from eval.models import ModelFolder

PARTS = ("embeddings", "attention", "mlp", "norms", "head", "other")
_LAYER = re.compile(r"(?:^|\.)(?:layers|layer|h|blocks|block)\.(\d+)\.")
_PART_PATTERNS = (
    ("norms", re.compile(r"(norm\w*|(^|\.)ln_?\w*)(\.|$)", re.IGNORECASE)),
    ("attention", re.compile(r"attn|attention|linear_attn|mixer|ssm|(?:^|\.)(?:[qkvo]_proj|query_key_value)(?:\.|$)", re.IGNORECASE)),
    ("mlp", re.compile(r"mlp|ffn|feed_forward|experts|moe|(?:^|\.)(?:gate|up|down)_proj(?:\.|$)", re.IGNORECASE)),
    ("head", re.compile(r"(?:^|\.)(?:lm_head|embed_out|output_projection)\.", re.IGNORECASE)),
    ("embeddings", re.compile(r"(?:^|\.)(?:embed_tokens|embed_in|wte|wpe|word_embeddings|embeddings?|embed_positions)(?:\.|$)", re.IGNORECASE)),
)
_WORDS_NAME = re.compile(r"(?:embed_tokens|embed_in|wte|word_embeddings|lm_head|embed_out)\.weight$")
_NUMBERS_AT_ONCE = 1 << 23


class Place(NamedTuple):
    """Where a tensor belongs: its layer, None outside of layers, and one of `PARTS`."""

    layer: int | None
    part: str


def place_of(name: str) -> Place:
    """Layer and part of a tensor by its name in transformers' conventions."""
    layer = _LAYER.search(name)
    rest = name[layer.end() :] if layer else name
    part = next((part for part, pattern in _PART_PATTERNS if pattern.search(rest)), "other")
    return Place(int(layer[1]) if layer else None, part)


class _Sums:
    """Squares and products of two tensors, summed over parts."""

    def __init__(self) -> None:
        self.change = self.base = self.new = self.product = 0.0
        self.numbers = 0

    def add(self, base: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Add two arrays of equal shape `(n, …)`; returns the squared change by row, `(n,)`."""
        base, new = (array.reshape(len(array), -1).astype(np.float64) for array in (base, new))
        rows = ((new - base) ** 2).sum(axis=1)
        self.change += float(rows.sum())
        self.base += float((base**2).sum())
        self.new += float((new**2).sum())
        self.product += float((base * new).sum())
        self.numbers += base.size
        return rows

    def figures(self) -> dict[str, float | int | None]:
        """Relative distance and cosine, null where a norm is 0; and the numbers compared."""
        relative = (self.change / self.base) ** 0.5 if self.base else (0.0 if not self.change else None)
        cosine = self.product / (self.base * self.new) ** 0.5 if self.base and self.new else None
        return {"relative": relative, "cosine": cosine, "numbers": self.numbers}


class _Weights:
    """The tensors of a model folder by name, sharded or not."""

    def __init__(self, folder: ModelFolder) -> None:
        from safetensors import safe_open

        self.folder = folder
        self._files = {path: safe_open(path, framework="pt") for path in sorted(Path(folder.path).glob("*.safetensors"))}
        self._where = {name: file for file in self._files.values() for name in file.keys()}  # noqa: SIM118 (not a dict)
        words = next((name for name in self._where if _WORDS_NAME.search(name) and place_of(name).part == "embeddings"), None)
        has_head = any(place_of(name).part == "head" for name in self._where)
        tied = bool(folder.config.get("tie_word_embeddings")) or not has_head
        self.tied_to = words if tied else None
        if tied and has_head:
            self._where = {name: file for name, file in self._where.items() if place_of(name).part != "head"}

    def names(self) -> list[str]:
        """Names of all tensors, without a head that is tied to the embedding."""
        return list(self._where)

    def shape(self, name: str) -> list[int]:
        """Shape of a tensor."""
        return list(self._where[name].get_slice(name).get_shape())

    def rows(self, name: str, start: int, stop: int) -> np.ndarray:
        """Rows of a tensor as float32; a scalar counts as one row. Raises EvalError for quantized weights and for NaN."""
        part = self._where[name].get_slice(name)
        tensor: Any = part[start:stop] if part.get_shape() else self._where[name].get_tensor(name).reshape(1)
        if not tensor.is_floating_point():
            message = f"drift: {name} of model {self.folder.name} holds {str(tensor.dtype).removeprefix('torch.')} numbers; quantized weights"
            raise EvalError(f"{message} cannot be compared, give the folder of the full weights or set drift: null")
        numbers = np.asarray(tensor.float().numpy())
        if not np.isfinite(numbers).all():
            raise EvalError(f"drift: {name} of model {self.folder.name} holds numbers that are not finite; the checkpoint is damaged or has diverged")
        return numbers


def measure_drift(base: ModelFolder, new: ModelFolder, vocabularies: tuple[dict[str, int], dict[str, int]], n_rows: int) -> dict[str, Any]:
    """Distance of `new` from `base`: `cells` by layer and part, `total`, `rows` of the embedding that moved most, and names `not_compared`.

    `vocabularies`: token text → id of both models.
    """
    old, young = _Weights(base), _Weights(new)
    sums: dict[Place, _Sums] = {}
    total, skipped, rows = _Sums(), [], {}
    for name in young.names():
        source = name if name in old.names() else old.tied_to if place_of(name).part == "head" else None
        is_words = _WORDS_NAME.search(name) is not None and len(young.shape(name)) == 2
        if source is None or (not is_words and old.shape(source) != young.shape(name)) or (is_words and old.shape(source)[1] != young.shape(name)[1]):
            skipped.append(name)
            continue
        here = sums.setdefault(place_of(name), _Sums())
        if is_words:
            changes, facts = _compare_words(old, young, source, name, vocabularies, (here, total))
            if place_of(name).part == "embeddings":
                rows = facts | {"largest": _largest(changes, n_rows)}
        else:
            for start, stop in _blocks(young.shape(name)):
                pair = old.rows(source, start, stop), young.rows(name, start, stop)
                here.add(*pair)
                total.add(*pair)
    gone = [name for name in old.names() if name not in young.names() and not (place_of(name).part == "head" and young.tied_to)]
    cells = [{"layer": place.layer, "part": place.part, **figures.figures()} for place, figures in sorted(sums.items(), key=_order)]
    if not cells:
        raise EvalError(f"drift: models {base.name} and {new.name} have no tensor of the same name and shape; set drift: null, or leave {new.name} out")
    return {"cells": cells, "total": total.figures(), "rows": rows, "not_compared": sorted({*skipped, *gone})}


def _order(item: tuple[Place, _Sums]) -> tuple[int, int]:
    place, _ = item
    return (-1 if place.layer is None else place.layer, PARTS.index(place.part))


def _blocks(shape: list[int]) -> Iterator[tuple[int, int]]:
    """Row ranges of at most 2²³ numbers."""
    n_rows = shape[0] if shape else 1
    at_once = max(_NUMBERS_AT_ONCE // max(int(np.prod(shape[1:])), 1), 1)
    for start in range(0, n_rows, at_once):
        yield start, min(start + at_once, n_rows)


def _compare_words(
    old: _Weights, young: _Weights, source: str, name: str, vocabularies: tuple[dict[str, int], dict[str, int]], into: tuple[_Sums, _Sums]
) -> tuple[dict[str, float], dict[str, int]]:
    """Add the rows of tokens that both vocabularies have; returns their relative changes by token text, and the counts of rows."""
    before, after = vocabularies
    n_old, n_young = old.shape(source)[0], young.shape(name)[0]
    shared = [(text, before[text], number) for text, number in after.items() if text in before and before[text] < n_old and number < n_young]
    shared.sort(key=lambda item: item[2])
    numbers = np.array([number for _, _, number in shared], np.int64)
    changes: dict[str, float] = {}
    for start, stop in _blocks(young.shape(name)):
        first, last = np.searchsorted(numbers, [start, stop])
        chosen = shared[first:last]
        if not chosen:
            continue
        new = young.rows(name, start, stop)[numbers[first:last] - start]
        base = _gather(old, source, np.array([number for _, number, _ in chosen], np.int64))
        moved = into[0].add(base, new)
        into[1].add(base, new)
        norms = (base.astype(np.float64) ** 2).sum(axis=1)
        changes |= {text: float((change / norm) ** 0.5) for (text, _, _), change, norm in zip(chosen, moved, norms, strict=True) if norm}
    return changes, {"compared": len(shared), "added": len(after) - len(shared), "removed": len(set(before) - set(after))}


def _gather(weights: _Weights, name: str, numbers: np.ndarray) -> np.ndarray:
    """Rows `numbers` of a tensor, in their order; read in one piece where they lie close together."""
    first, last = int(numbers.min()), int(numbers.max()) + 1
    if last - first <= 2 * len(numbers):
        return weights.rows(name, first, last)[numbers - first]
    return np.concatenate([weights.rows(name, number, number + 1) for number in numbers.tolist()])


def _largest(changes: dict[str, float], n: int) -> list[dict[str, Any]]:
    ordered = sorted(changes.items(), key=lambda item: (-item[1], item[0]))
    return [{"token": text, "relative": change} for text, change in ordered[:n]]

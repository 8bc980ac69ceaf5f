"""The recipe of `train merge`."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from shards.amounts import Bytes
from shards.recipe import Recipe

Method = Literal["linear", "slerp", "task_arithmetic", "ties", "dare", "dare_ties", "residual", "lep"]

Share = Annotated[float, Field(ge=0, le=1)]

_BASED = ("task_arithmetic", "ties", "dare", "dare_ties", "residual", "lep")
_USES = {
    "linear": {"weight", "normalize"},
    "slerp": {"t"},
    "task_arithmetic": {"weight", "scale"},
    "ties": {"weight", "scale", "density"},
    "dare": {"weight", "scale", "density", "seed"},
    "dare_ties": {"weight", "scale", "density", "seed"},
    "residual": {"scale"},
    "lep": {"alignment"},
}
"""Settings that each method uses; other settings are refused, because they would have no effect."""


class ParentRecipe(Recipe):
    """A model to merge. A folder alone means the model with all defaults."""

    model: Path
    """Its folder (Hugging Face, safetensors)."""
    weight: float = 1.0
    """Its weight relative to the other models."""
    density: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of its task vector to keep: the largest entries (ties; arXiv 2306.01708 keeps 0.2) or a random choice (dare)."""


class ForTensorsRecipe(Recipe):
    """Settings that override the recipe's for some tensors."""

    names: str
    """Pattern of tensor names, e.g. `*.mlp.*` or `model.layers.1[0-9].*`."""
    t: Share | None = None
    """slerp: overrides the recipe's `t`."""
    scale: float | None = None
    """Overrides the recipe's `scale`."""
    weights: list[float] | None = None
    """Overrides the weights of the models, in their order."""


def _named(value: Any) -> Any:
    return {"model": value} if isinstance(value, str | Path) else value


class MergeRecipe(Recipe):
    """Merge models of one architecture."""

    method: Method
    """linear (model soup), slerp (two models), task_arithmetic, ties, dare, dare_ties (all against `base`), residual (the instruction residual:
    models[0] + scale * (instruct - base)), lep (Learned Embedding Propagation: the embeddings of models[0] in the body of instruct)."""
    models: Annotated[list[Annotated[ParentRecipe, BeforeValidator(_named)]], Field(min_length=1)]
    """Folders, or folders with `weight` and `density`. residual and lep: a single model, the one with continued pre-training."""
    base: Path | None = None
    """Folder of the model that all others were trained from."""
    instruct: Path | None = None
    """residual, lep: folder of the instruction-tuned model of the same base."""
    t: Share = 0.5
    """slerp: 0 is the first model, 1 the second."""
    scale: float = 1.0
    """Factor (λ) of the change that is added to the base."""
    normalize: bool = True
    """linear: divide by the sum of the weights."""
    alignment: Literal["swap", "overlap", "conversion"] = "conversion"
    """lep: how embeddings are mapped to the instruct model's space (arXiv 2412.21140, section 2.2); conversion did best there."""
    tensors: list[ForTensorsRecipe] = []
    """Settings that override the recipe's for some tensors; the first matching pattern applies."""
    seed: int = 0
    """dare: seed of the dropped entries. The same tensor at the same position in `models` always loses the same entries."""
    like: Path | None = None
    """The parent that gives the result its config, tokenizer and, with dtype null, tensor dtypes; null: instruct, else the first model."""
    dtype: Literal["fp32", "bf16", "fp16"] | None = None
    """Dtype of the result; arithmetic is always float32. null: each tensor has its dtype in `like`."""
    shard_bytes: Bytes = 5_000_000_000
    """Upper limit of a weight file in bytes (transformers 5 cuts at 50 GB; a smaller file is quicker to repeat when a transfer breaks)."""
    out: Annotated[Path | None, Field(exclude=True)] = None
    """Folder to write; `--out` overrides it."""

    @model_validator(mode="after")
    def _complete(self) -> "MergeRecipe":
        n_models = len(self.models)
        if (self.base is not None) != (self.method in _BASED):
            raise ValueError(f"base: {self.method} {'needs' if self.base is None else 'does not use'} a base model")
        if (self.instruct is not None) != (self.method in ("residual", "lep")):
            raise ValueError(f"instruct: {self.method} {'needs' if self.instruct is None else 'does not use'} an instruct model")
        if self.method in ("residual", "lep") and n_models != 1:
            raise ValueError(f"models: {self.method} takes one model, the one with continued pre-training, not {n_models}")
        if self.method == "slerp" and n_models != 2:
            raise ValueError(f"models: slerp is defined between two models, not {n_models}; use linear, or merge two at a time")
        if self.method == "linear" and self.normalize and not sum(parent.weight for parent in self.models):
            raise ValueError("models: the weights sum to 0, so they cannot be normalised")
        if self.like is not None and self.like not in self.parents().values():
            raise ValueError(f"like: {self.like} is not one of the merged models")
        return self

    @model_validator(mode="after")
    def _has_no_unused_settings(self) -> "MergeRecipe":
        used = _USES[self.method] | ({"weights"} if "weight" in _USES[self.method] else set())
        given = self.model_fields_set & {"t", "scale", "normalize", "alignment", "seed"}
        for entry in [*self.models, *self.tensors]:
            given |= entry.model_fields_set & {"weight", "density", "t", "scale", "weights"}
        if given - used:
            raise ValueError(f"{', '.join(sorted(given - used))}: not used by {self.method}")
        if any(entry.weights is not None and len(entry.weights) != len(self.models) for entry in self.tensors):
            raise ValueError(f"tensors: weights needs one number for each of the {len(self.models)} models")
        return self

    def parents(self) -> dict[str, Path]:
        """Folder of each parent by its role: base, instruct, models.0, models.1, …"""
        optional = {"base": self.base, "instruct": self.instruct}
        roles = {role: folder for role, folder in optional.items() if folder is not None}
        return roles | {f"models.{number}": parent.model for number, parent in enumerate(self.models)}

    def like_role(self) -> str:
        """Role of the parent that `like` selects."""
        if self.like is not None:
            return next(role for role, folder in self.parents().items() if folder == self.like)
        return "instruct" if self.instruct is not None else "models.0"

    def settings_of(self, tensor: str) -> tuple[float, float, list[float]]:
        """t, scale and the models' weights for a tensor."""
        override = next((entry for entry in self.tensors if fnmatchcase(tensor, entry.names)), ForTensorsRecipe(names=""))
        weights = override.weights if override.weights is not None else [parent.weight for parent in self.models]
        return (self.t if override.t is None else override.t), (self.scale if override.scale is None else override.scale), weights

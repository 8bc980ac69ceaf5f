"""The recipe of `train merge`."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from shards.amounts import Bytes
from shards.recipe import Recipe

Method = Literal["linear", "slerp", "karcher", "task_arithmetic", "ties", "dare", "dare_ties", "della", "della_linear", "model_stock", "residual", "lep"]

Share = Annotated[float, Field(ge=0, le=1)]

_UNBASED = ("linear", "slerp", "karcher")
_SUM = {"weight", "scale", "normalize"}
_USES = {
    "linear": {"weight", "normalize"},
    "slerp": {"t"},
    "karcher": {"weight"},
    "task_arithmetic": _SUM,
    "ties": _SUM | {"density"},
    "dare": _SUM | {"density", "seed"},
    "dare_ties": _SUM | {"density", "seed"},
    "della": _SUM | {"density", "seed", "epsilon"},
    "della_linear": _SUM | {"density", "seed", "epsilon"},
    "model_stock": set(),
    "residual": {"scale"},
    "lep": {"alignment"},
}
"""Settings that each method uses; other settings are refused, because they would have no effect."""
_NORMALIZED = ("linear", "karcher", "ties", "dare_ties", "della")
"""Methods that divide by the sum of weights."""
_MEANS = ("karcher", "ties", "dare_ties", "della")
"""Methods whose normalised result is a weighted mean, which negative weights do not have."""
_CANCELLED = 1e-6
"""Weights whose sum is a smaller share of their absolute sum cancel: dividing by that sum would only magnify rounding errors."""


class ParentRecipe(Recipe):
    """A model to merge. A folder alone means the model with all defaults."""

    model: Path
    """Its folder (Hugging Face, safetensors)."""
    weight: float = 1.0
    """Its weight relative to the other models."""
    density: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of its task vector to keep: the largest entries (ties; arXiv 2306.01708 keeps 0.2) or a random choice (dare, della)."""


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
    """linear (model soup), slerp (two models), karcher (slerp's mean of any number), task_arithmetic, ties, dare, dare_ties, della, della_linear,
    model_stock (all against `base`), residual (the instruction residual: models[0] + scale * (instruct - base)), lep (Learned Embedding Propagation:
    the embeddings of models[0] in the body of instruct)."""
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
    normalize: bool | None = None
    """Divide by the sum of the weights (ties, dare_ties, della: of those that agree with the elected sign). null: as in the method's paper, true for
    linear, ties, dare_ties and della. mergekit's default for dare_ties is false."""
    epsilon: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """della: the probability to keep an entry rises from density - epsilon/2 for the smallest of a row to density + epsilon/2 for the largest, as in
    arXiv 2406.11617. mergekit's `epsilon` is half of this; its default 0.15 is our 0.3."""
    alignment: Literal["swap", "overlap", "conversion"] = "conversion"
    """lep: how embeddings are mapped to the instruct model's space (arXiv 2412.21140, section 2.2); conversion did best there."""
    tensors: list[ForTensorsRecipe] = []
    """Settings that override the recipe's for some tensors; the first matching pattern applies."""
    seed: int = 0
    """dare, della: seed of the dropped entries. The same tensor at the same position in `models` always loses the same entries."""
    like: Path | None = None
    """The parent that gives the result its config, tokenizer and, with dtype null, tensor dtypes; null: instruct, else the first model."""
    may_differ: list[str] = []
    """Config keys that may differ between the models, e.g. `rope_parameters`; the result has those of `like`. All other keys that change what a model
    computes must be equal."""
    dtype: Literal["fp32", "bf16", "fp16"] | None = None
    """Dtype of the result; arithmetic is always float32. null: each tensor has its dtype in `like`."""
    shard_bytes: Bytes = 5_000_000_000
    """Upper limit of a weight file in bytes (transformers 5 cuts at 50 GB; a smaller file is quicker to repeat when a transfer breaks)."""
    out: Annotated[Path | None, Field(exclude=True)] = None
    """Folder to write; `--out` overrides it."""

    @model_validator(mode="after")
    def _complete(self) -> "MergeRecipe":
        n_models = len(self.models)
        if (self.base is not None) == (self.method in _UNBASED):
            raise ValueError(f"base: {self.method} {'needs' if self.base is None else 'does not use'} a base model")
        if (self.instruct is not None) != (self.method in ("residual", "lep")):
            raise ValueError(f"instruct: {self.method} {'needs' if self.instruct is None else 'does not use'} an instruct model")
        if self.method in ("residual", "lep") and n_models != 1:
            raise ValueError(f"models: {self.method} takes one model, the one with continued pre-training, not {n_models}")
        if self.method == "slerp" and n_models != 2:
            raise ValueError(f"models: slerp is defined between two models, not {n_models}; use linear, or merge two at a time")
        if self.method == "model_stock" and n_models < 2:
            raise ValueError("models: model_stock needs two models or more, because it compares their changes; for one, use task_arithmetic")
        if self.like is not None and self.like not in self.parents().values():
            raise ValueError(f"like: {self.like} is not one of the merged models")
        return self

    @model_validator(mode="after")
    def _has_no_unused_settings(self) -> "MergeRecipe":
        used = _USES[self.method] | ({"weights"} if "weight" in _USES[self.method] else set())
        given = self.model_fields_set & {"t", "scale", "normalize", "epsilon", "alignment", "seed"}
        for entry in [*self.models, *self.tensors]:
            given |= entry.model_fields_set & {"weight", "density", "t", "scale", "weights"}
        if given - used:
            raise ValueError(f"{', '.join(sorted(given - used))}: not used by {self.method}")
        if any(entry.weights is not None and len(entry.weights) != len(self.models) for entry in self.tensors):
            raise ValueError(f"tensors: weights needs one number for each of the {len(self.models)} models")
        return self

    @model_validator(mode="after")
    def _has_weights_that_normalize(self) -> "MergeRecipe":
        if "weight" not in _USES[self.method] or not self.normalizes():
            return self
        for key, weights in self._all_weights().items():
            if self.method in _MEANS and min(weights) < 0:
                raise ValueError(f"{key}: weight {min(weights):g} is negative, but {self.method} takes a weighted mean; use weights of at least 0")
            if abs(sum(weights)) <= _CANCELLED * sum(map(abs, weights)):
                raise ValueError(f"{key}: the weights sum to {sum(weights):g}, so they cannot be normalised; change them")
        return self

    @model_validator(mode="after")
    def _keeps_with_probabilities(self) -> "MergeRecipe":
        half = self.epsilon / 2 if "epsilon" in _USES[self.method] else 0.0
        for number, parent in enumerate(self.models):
            if parent.density < 1 and not half < parent.density <= 1 - half:
                raise ValueError(
                    f"models.{number}.density: {parent.density:g} ± {half:g} (epsilon / 2) is not between 0 and 1; use a smaller epsilon, or density 1"
                )
        return self

    def _all_weights(self) -> dict[str, list[float]]:
        """All lists of weights that some tensor may be merged with, by the key that they stand under."""
        overrides = {f"tensors.{number}.weights": entry.weights for number, entry in enumerate(self.tensors) if entry.weights is not None}
        return {"models": [parent.weight for parent in self.models]} | overrides

    def normalizes(self) -> bool:
        """Whether the method divides by the sum of weights."""
        return self.method in _NORMALIZED if self.normalize is None else self.normalize

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

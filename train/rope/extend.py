"""Extends a model's context: changes the rotary parameters of its configuration before the network is built.

transformers computes the frequencies (its `ROPE_INIT_FUNCTIONS`), so whoever loads the saved model gets the same ones. Where layers have parameters of
their own by type (Gemma 3), those with full attention are extended: a sliding window never sees more positions than before.
"""

from typing import Any, cast

from train.errors import TrainError
from train.rope.by_document import rope_types, rotary_modules
from train.rope.recipe import RopeRecipe

_EXTENDED_LAYERS = "full_attention"


def extend_config(config: Any, recipe: RopeRecipe, model: str) -> None:
    """Change the rotary parameters and the number of positions of a transformers configuration in place; `model` names it in messages.

    Raises TrainError if the architecture has no RoPE, was extended by another kind before, would lose positions, or refuses the parameters.
    """
    text = config.get_text_config()
    parameters = extended_layers(text, model)
    earlier = parameters.get("rope_type", "default")
    kind = "default" if recipe.kind == "ntk" else recipe.kind
    if earlier not in ("default", kind):
        raise TrainError(
            f"rope.kind: {recipe.kind}: model {model} already has rotary embeddings of kind {earlier}, which this kind would replace; "
            + (f"use kind {earlier} with a larger factor" if earlier in ("linear", "yarn", "llama3") else "leave rope out")
        )
    original = recipe.original or _original_positions(text, parameters)
    positions = round(original * recipe.factor)
    if positions < text.max_position_embeddings:
        raise TrainError(
            f"rope: {original} positions x factor {recipe.factor:g} are {positions}, fewer than the {text.max_position_embeddings} of model {model}; "
            f"raise factor to {text.max_position_embeddings / original:g} or more"
        )
    base = recipe.base or parameters["rope_theta"]
    if recipe.kind == "ntk" and recipe.base is None:
        base *= _ntk_stretch(recipe.factor, rotated_dimensions(text, parameters), model)
    parameters.pop("attention_factor", None)  # that of an earlier extension belongs to its factor
    parameters |= {"rope_type": kind, "rope_theta": float(base)} | _of_kind(recipe, original)
    text.max_position_embeddings = positions
    try:
        text.validate_rope()
    except (KeyError, TypeError, ValueError) as error:
        raise TrainError(f"rope.kind: {recipe.kind}: this architecture ({text.model_type}) does not take it: {' '.join(str(error).split())}") from None


def check_extended(network: Any, recipe: RopeRecipe) -> None:
    """Raise TrainError if the network was built without the parameters that `extend_config` wrote."""
    kinds = {kind for module in rotary_modules(network) for kind in rope_types(module).values()}
    if ("default" if recipe.kind == "ntk" else recipe.kind) not in kinds:
        raise TrainError(f"rope.kind: {recipe.kind}: {type(network).__name__} does not read the rotary parameters of its configuration; leave rope out")


def position_limit(config: Any) -> int | None:
    """Longest sequence that a configuration is made for, in tokens; None if it has no limit. Dynamic NTK goes `factor` times beyond its own positions."""
    text = config.get_text_config()
    limit = getattr(text, "max_position_embeddings", None)
    if limit is None:
        return None
    parameters = getattr(text, "rope_parameters", None) or {}
    stretched = [one["factor"] for one in (parameters, *parameters.values()) if isinstance(one, dict) and one.get("rope_type") == "dynamic"]
    return round(limit * max([1.0, *stretched]))


def extended_layers(text: Any, model: str) -> dict[str, Any]:
    """The rotary parameters that an extension changes. Raises TrainError if the architecture has none."""
    parameters = getattr(text, "rope_parameters", None)
    if not parameters or getattr(text, "max_position_embeddings", None) is None:
        raise TrainError(f"rope: model {model} ({text.model_type}) has no rotary embeddings that transformers can change; leave rope out")
    if not any(isinstance(value, dict) for value in parameters.values()):
        return cast(dict[str, Any], parameters)
    if not isinstance(parameters.get(_EXTENDED_LAYERS), dict):
        rotated = [kind for kind, value in parameters.items() if isinstance(value, dict)]
        raise TrainError(
            f"rope: model {model} ({text.model_type}) has rotary parameters for {', '.join(rotated)}, none for {_EXTENDED_LAYERS}; "
            "it is not known which to extend, so leave rope out"
        )
    return cast(dict[str, Any], parameters[_EXTENDED_LAYERS])


def rotated_dimensions(text: Any, parameters: dict[str, Any]) -> int:
    """Dimensions of each head that are rotated."""
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(head * parameters.get("partial_rotary_factor", 1.0))


def _original_positions(text: Any, parameters: dict[str, Any]) -> int:
    """Positions before any extension."""
    if parameters.get("rope_type") == "linear":
        return round(text.max_position_embeddings / parameters["factor"])
    return int(parameters.get("original_max_position_embeddings") or text.max_position_embeddings)


def _ntk_stretch(factor: float, size: int, model: str) -> float:
    """Factor of the base that divides the lowest of `size` / 2 frequencies by `factor` and keeps the highest."""
    if size <= 2:
        raise TrainError(f"rope.kind: ntk: in model {model} a head has {size} rotated dimensions; no base follows from the factor, so give rope.base")
    return float(factor ** (size / (size - 2)))


def _of_kind(recipe: RopeRecipe, original: int) -> dict[str, Any]:
    """Parameters of one kind, in transformers' names."""
    if recipe.kind == "ntk":
        return {}
    if recipe.kind == "linear":
        return {"factor": recipe.factor}
    own = {"yarn": ("beta_fast", "beta_slow"), "llama3": ("low_freq_factor", "high_freq_factor")}[recipe.kind]
    return {"factor": recipe.factor, "original_max_position_embeddings": original} | {name: getattr(recipe, name) for name in own}

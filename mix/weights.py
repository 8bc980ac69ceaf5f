"""How a weight changes over its stage: constant, linear, piecewise, in steps, or along a named curve."""

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from shards.recipe import Recipe

Array = NDArray[np.float64]
Curve = Literal["linear", "cosine", "exponential", "sqrt", "quadratic", "inverse_quadratic"]

PROGRESS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "cosine": lambda x: (1 - np.cos(np.pi * x)) / 2,
    "sqrt": np.sqrt,
    "quadratic": np.square,
    "inverse_quadratic": lambda x: 1 - np.square(1 - x),
}
"""Progress of a ramp at each position of its stage, both from 0 to 1. `exponential` is a constant growth rate instead."""


class RampRecipe(Recipe):
    """A weight that goes from one value to another over its stage."""

    model_config = ConfigDict(validate_by_name=True)

    start: float = Field(alias="from", ge=0)
    """Weight at the beginning of the stage."""

    to: float = Field(ge=0)
    """Weight at the end of the stage."""

    curve: Curve = "linear"
    """linear; cosine: slow, fast, slow; sqrt and inverse_quadratic: fast first; quadratic: slow first; exponential: by equal factors."""

    @model_validator(mode="after")
    def _exponential_needs_a_ratio(self) -> "RampRecipe":
        if self.curve == "exponential" and not (self.start > 0 and self.to > 0):
            raise ValueError("an exponential ramp needs from and to above 0")
        return self

    def at(self, x: Array, *, before: bool) -> Array:
        """Weight at each position `x` of the stage."""
        if self.curve == "exponential":
            return self.start * (self.to / self.start) ** x
        return self.start + (self.to - self.start) * PROGRESS[self.curve](x)


_Position = Annotated[float, Field(ge=0, le=1)]
_Value = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PointsRecipe(Recipe):
    """A weight that is linear between points, and constant before the first and after the last."""

    points: list[tuple[_Position, _Value]] = Field(min_length=1)
    """[position in the stage from 0 to 1, weight], in order."""

    @field_validator("points")
    @classmethod
    def _in_order(cls, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return _ordered(points)

    def at(self, x: Array, *, before: bool) -> Array:
        """Weight at each position `x` of the stage."""
        positions, values = zip(*self.points, strict=True)
        return np.interp(x, positions, values)


class StepsRecipe(Recipe):
    """A weight that is constant from each position to the next."""

    steps: list[tuple[_Position, _Value]] = Field(min_length=1)
    """[position in the stage from 0 to 1, weight from there on], in order; the first at 0."""

    @field_validator("steps")
    @classmethod
    def _in_order_from_0(cls, steps: list[tuple[float, float]]) -> list[tuple[float, float]]:
        if steps[0][0] != 0:
            raise ValueError("the first step must be at 0")
        return _ordered(steps)

    def at(self, x: Array, *, before: bool) -> Array:
        """Weight at each position `x` of the stage; exactly at a step, the weight before or after it."""
        positions, values = (np.asarray(column, np.float64) for column in zip(*self.steps, strict=True))
        return values[np.maximum(np.searchsorted(positions, x, side="left" if before else "right") - 1, 0)]


def _form(value: object) -> str:
    """The tag of a weight's form, so that pydantic reports the faults of that form alone."""
    if isinstance(value, RampRecipe | PointsRecipe | StepsRecipe):
        return type(value).__name__.removesuffix("Recipe").lower()
    if isinstance(value, dict):
        return next((key for key in ("points", "steps") if key in value), "ramp")
    return "number"


Weight = Annotated[
    Annotated[float, Tag("number")] | Annotated[RampRecipe, Tag("ramp")] | Annotated[PointsRecipe, Tag("points")] | Annotated[StepsRecipe, Tag("steps")],
    Discriminator(_form),
]


def _ordered(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if any(second[0] <= first[0] for first, second in pairwise(points)):
        raise ValueError("positions must increase")
    return points


def weight_at(weight: Weight, x: Array, *, before: bool = False) -> Array:
    """(n,) float64: a weight at positions `x` (n,) of its stage, from 0 to 1. At a step, `before` selects the value before it."""
    return np.full(len(x), float(weight)) if isinstance(weight, int | float) else weight.at(x, before=before)


def knots(weight: Weight) -> list[float]:
    """Positions in the stage, besides 0 and 1, at which a weight bends or steps."""
    return [position for position, _ in (weight.points if isinstance(weight, PointsRecipe) else weight.steps if isinstance(weight, StepsRecipe) else [])]


def is_curved(weight: Weight) -> bool:
    """Whether linear pieces only approximate a weight."""
    return isinstance(weight, RampRecipe) and weight.curve != "linear"

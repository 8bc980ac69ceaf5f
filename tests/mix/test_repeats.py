import math

import numpy as np
import pytest
from pydantic import ValidationError

from mix.open import _times
from mix.recipe import RepeatsRecipe
from mix.repeats import repeat_ranges


class Column:
    """A column of documents as `_times` asks for it."""

    def __init__(self, *values: float) -> None:
        self.values = np.array(values, np.float64)

    def numbers(self, name: str) -> np.ndarray:
        return self.values


def times(table: dict, *values: float) -> list[int]:
    return _times(RepeatsRecipe(column="score", times=table), Column(*values)).tolist()  # type: ignore[arg-type]


def test_ranges_hold_their_lower_end_and_not_their_upper_one():
    assert times({">=0.9": 4, "<0.5": 0, "0.5..0.9": 2}, -1e9, 0.4999, 0.5, 0.8999, 0.9, 7, math.nan) == [0, 0, 2, 2, 4, 4, 1]


def test_numbers_of_any_kind_are_lower_bounds_and_smaller_values_appear_once():
    assert times({0: 0, 0.5: 2, 0.9: 4}, -0.1, 0, 0.49, 0.5, 0.95, math.nan) == [1, 0, 0, 2, 4, 1]
    assert times({"-1.5": 3, "2": 5}, -2, -1.5, 2) == [1, 3, 5]


def test_negative_and_scientific_bounds_are_read():
    assert [(step.low, step.high) for step in repeat_ranges({"<-2": 1, "-2..1e-3": 1, "1e-3 .. 2.5": 1, ">=2.5": 1})] == [
        (-math.inf, -2),
        (-2, 1e-3),
        (1e-3, 2.5),
        (2.5, math.inf),
    ]


@pytest.mark.parametrize(
    "table, said",
    [
        ({"<0.5": 1, "0.6..0.9": 2, ">=0.9": 4}, "from 0.5 to 0.6 are in no range"),
        ({"<0.5": 1, "0.4..0.9": 2, ">=0.9": 4}, "from 0.4 to 0.5 are in two ranges"),
        ({"0.5..0.9": 2, ">=0.9": 4}, "from -inf to 0.5 are in no range"),
        ({"<0.5": 2, "0.5..0.9": 4}, "from 0.9 to inf are in no range"),
        ({"<0.5": 1, 0.5: 2}, "0.5 is not a range; write all keys as ranges"),
        ({"<=0.5": 1, ">0.5": 2}, "is not a range"),
        ({"<low": 1, ">=0.5": 2}, "'<low' is not a range of numbers"),
        ({"0.9..0.5": 1}, "is empty"),
        ({".inf": 1}, "is not a range"),
        ({"inf": 1}, "lower bounds are finite numbers"),
        ({"1": 1, 1.0: 2}, "appears twice"),
        ({}, "no ranges"),
    ],
)
def test_tables_with_gaps_or_overlaps_are_refused(table, said):
    with pytest.raises(ValidationError) as caught:
        RepeatsRecipe(times=table)
    assert said in str(caught.value)

import math

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from mix.weights import PointsRecipe, RampRecipe, StepsRecipe, Weight, knots, weight_at


def read(raw):
    return TypeAdapter(Weight).validate_python(raw)


def at(raw, *places, before=False):
    return weight_at(read(raw), np.array(places, float), before=before).tolist()


@pytest.mark.parametrize(
    "curve, middle",
    [("linear", 6), ("cosine", 6), ("exponential", 2 * math.sqrt(5)), ("sqrt", 2 + 8 * math.sqrt(0.5)), ("quadratic", 4), ("inverse_quadratic", 8)],
)
def test_every_curve_goes_from_its_start_to_its_end(curve, middle):
    assert at({"from": 2, "to": 10, "curve": curve}, 0, 0.5, 1) == pytest.approx([2, middle, 10])


def test_cosine_is_slow_at_both_ends_and_symmetric():
    quarter, three = at({"from": 0, "to": 1, "curve": "cosine"}, 0.25, 0.75)
    assert quarter == pytest.approx((1 - math.sqrt(0.5)) / 2) and three == pytest.approx(1 - quarter)


def test_points_are_joined_by_lines_and_constant_outside():
    assert at({"points": [[0.2, 1], [0.6, 3]]}, 0, 0.2, 0.4, 0.6, 1) == pytest.approx([1, 1, 2, 3, 3])


def test_a_step_holds_until_the_next_and_has_a_value_on_both_sides():
    steps = {"steps": [[0, 5], [0.5, 1]]}
    assert at(steps, 0, 0.49, 0.5, 1) == [5, 5, 1, 1]
    assert at(steps, 0, 0.5, 1, before=True) == [5, 5, 1]


def test_numbers_are_constant_and_only_points_and_steps_have_knots():
    assert at(3, 0, 0.7) == [3, 3]
    assert knots(3) == knots(RampRecipe(start=0, to=1)) == []
    assert knots(PointsRecipe(points=[(0.1, 1), (0.9, 2)])) == [0.1, 0.9] and knots(StepsRecipe(steps=[(0, 1), (0.4, 2)])) == [0, 0.4]


@pytest.mark.parametrize(
    "raw, said",
    [
        ({"from": 0, "to": 1, "curve": "exponential"}, "from and to above 0"),
        ({"points": [[0.5, 1], [0.5, 2]]}, "positions must increase"),
        ({"points": [[1.5, 1]]}, "less than or equal to 1"),
        ({"points": [[0, -1]]}, "greater than or equal to 0"),
        ({"steps": [[0.1, 1]]}, "first step must be at 0"),
        ({"steps": [[0, 1], [0.5, 2], [0.2, 1]]}, "positions must increase"),
        ({"from": 0, "to": 1, "curve": "bump"}, "cosine"),
    ],
)
def test_weights_that_mean_nothing_are_refused(raw, said):
    with pytest.raises(ValidationError, match=said):
        read(raw)

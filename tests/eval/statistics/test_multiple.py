import pytest

from eval.statistics.multiple import holm


def test_adjusted_values_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_one_test_is_not_adjusted_and_none_gives_none():
    assert holm([0.04]) == [0.04] and holm([]) == []


def test_adjusted_values_keep_the_order_of_p_values_and_never_exceed_one():
    values = [0.9, 0.2, 0.6, 0.0001, 0.2]
    adjusted = holm(values)
    assert max(adjusted) == 1.0
    assert [adjusted[index] for index in sorted(range(5), key=values.__getitem__)] == sorted(adjusted)

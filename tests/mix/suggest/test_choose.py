import numpy as np
import pytest

from mix.suggest.choose import divergence


def test_divergence_from_a_prior_is_zero_at_it_and_infinite_where_it_rules_out() -> None:
    prior = np.array([0.5, 0.5, 0.0])
    found = divergence(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.4, 0.4, 0.2]]), prior)
    assert found.tolist() == pytest.approx([0, np.log(2), np.inf])

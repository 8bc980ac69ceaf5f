import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.areas import DECAY, of_rates


def slow_areas(rates, decay=DECAY):
    """The definition of arXiv 2505.07796, with its double sum."""
    forward, annealing = [], []
    for t in range(1, len(rates) + 1):
        forward.append(sum(rates[:t]))
        annealing.append(sum((rates[k - 1] - rates[k]) * decay ** (i - k) for i in range(t) for k in range(1, i + 1)))
    return np.array(forward), np.array(annealing)


@pytest.mark.parametrize("decay", [0.999, 0.9, 0.0, 1.0])
def test_areas_equal_the_double_sum(decay):
    rates = np.random.default_rng(0).uniform(0, 3e-4, 60)
    forward, annealing = of_rates(rates, decay=decay, warmup="as it is")
    expected = slow_areas(rates.tolist(), decay)
    np.testing.assert_allclose(forward, expected[0], rtol=1e-12)
    np.testing.assert_allclose(annealing, expected[1], rtol=1e-9, atol=1e-16)


def test_a_constant_rate_has_no_annealing_area():
    forward, annealing = of_rates(np.full(100, 2e-4))
    assert forward[-1] == pytest.approx(0.02) and not annealing.any()


def test_warmup_counts_as_the_peak_unless_told():
    rates = [1.0, 2.0, 3.0, 4.0, 4.0, 2.0]
    forward, annealing = of_rates(rates)
    assert forward.tolist() == [4, 8, 12, 16, 20, 22] and annealing.tolist() == [0, 0, 0, 0, 0, 2]
    forward, annealing = of_rates(rates, warmup="as it is")
    assert forward.tolist() == [1, 3, 6, 10, 14, 16] and annealing[2] == pytest.approx(-1 - (1 + DECAY))


def test_a_rise_after_a_fall_is_no_warmup():
    rates = [1.0, 4.0, 2.0, 3.0, 3.0]
    forward, annealing = of_rates(rates)
    assert forward.tolist() == [4, 8, 10, 13, 16]
    assert annealing[3] == pytest.approx(2 + (2 * DECAY - 1))


def test_short_sequences():
    assert [part.tolist() for part in of_rates([])] == [[], []]
    assert [part.tolist() for part in of_rates([3e-4])] == [[3e-4], [0.0]]


@pytest.mark.parametrize("wrong", [float("nan"), -1e-4, float("inf")])
def test_a_rate_that_is_none_is_named_with_its_step(wrong):
    with pytest.raises(MixError, match="step 2:"):
        of_rates([1e-4, wrong, 1e-4])


def test_the_argument_is_not_changed():
    rates = np.array([0.0, 1.0, 2.0])
    of_rates(rates)
    assert rates.tolist() == [0, 1, 2]

import numpy as np
import pytest

from mix.fit.misfit import misfit
from tests.mix.fit.tables import FittedLine, rows_of

SHARES = np.repeat(np.linspace(0, 1, 6), 2)


def losses_of(bend: float, noise: float) -> np.ndarray:
    return 1 + SHARES + bend * SHARES * (1 - SHARES) + noise * np.tile([1.0, -1.0], 6)


def test_a_form_within_the_noise_does_not_fail_and_one_beyond_it_does():
    right = misfit(FittedLine(1, 1), rows_of(SHARES, losses_of(0.01, 0.02), noise=0.02, noise_freedom=6))
    wrong = misfit(FittedLine(1, 1), rows_of(SHARES, losses_of(1, 0.02), noise=0.02, noise_freedom=6))
    assert right.freedom == wrong.freedom == 4 and not right.fails and wrong.fails
    assert right.reduced_chi_squared < 1 < 100 < wrong.reduced_chi_squared


def test_reduced_chi_squared_and_its_probability_by_hand():
    rows = rows_of(SHARES, losses_of(0.1, 0.02), noise=0.02)
    off = 0.1 * np.linspace(0, 1, 6) * (1 - np.linspace(0, 1, 6))
    expected = 2 * np.sum(off**2) / 0.02**2
    known = misfit(FittedLine(1, 1), rows)
    assert known.reduced_chi_squared == pytest.approx(expected / 4)
    from scipy.stats import chi2

    assert known.p == pytest.approx(chi2.sf(expected, 4))


def test_a_noise_known_from_few_runs_proves_less():
    stated, estimated = (misfit(FittedLine(1, 1), rows_of(SHARES, losses_of(0.3, 0.02), noise=0.02, noise_freedom=n)) for n in (0, 2))
    assert stated.reduced_chi_squared == estimated.reduced_chi_squared and stated.fails and not estimated.fails


def test_without_noise_or_spare_points_nothing_is_said():
    assert misfit(FittedLine(1, 1), rows_of(SHARES, losses_of(1, 0.02))) is None
    assert misfit(FittedLine(1, 1), rows_of([0.1, 0.5], [1, 2], noise=0.1)) is None

import numpy as np
import pytest

from mix.laws.catalog import LAWS
from mix.laws.law import Evidence, Points
from mix.laws.tangent import central_differences


def test_central_differences_are_derivatives() -> None:
    x = np.linspace(0, 1, 7)
    found = central_differences(lambda p: p[0] * np.exp(p[1] * x), np.array([300.0, -2.0]))
    exact = np.stack([np.exp(-2 * x), 300 * x * np.exp(-2 * x)], axis=1)
    assert np.allclose(found, exact, rtol=1e-8, atol=1e-7)
    assert central_differences(lambda p: x, np.zeros(0)).shape == (7, 0)


@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if not law.along_runs])
def test_a_refit_to_slightly_other_losses_moves_within_the_tangent(name: str) -> None:
    # The tangent is what a form could predict nearby, so the change between two fits must lie in it, at points of the evidence and at others.
    shares = np.linspace(0.02, 0.98, 24)
    points = Points.of_shares(("old", "new"), np.stack([shares, 1 - shares], axis=1))
    losses = 1.4 + 0.3 * np.exp(-3.0 * shares)
    evidence = Evidence(points, losses, np.arange(24), source=0)
    law = LAWS[name]
    if law.problem(evidence) is not None:
        pytest.skip("needs more than shares")
    fitted = law.fit(evidence)
    tangent = fitted.tangent(points)
    if tangent is None:
        return
    exact = fitted.predict(points)
    before, after = (law.fit(evidence.with_losses(exact + size * np.cos(5 * shares)), start=fitted).predict(points) for size in (0, 1e-4))
    change = after - before
    inside = tangent @ np.linalg.lstsq(tangent, change, rcond=1e-10)[0]
    assert np.abs(change).max() > 1e-5
    assert np.abs(change - inside).max() < 0.05 * np.abs(change).max()

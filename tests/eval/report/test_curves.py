import numpy as np
import pytest

from eval.report.curves import MAX_POINTS, run_curves, running_mean
from tests.eval import synthetic


@pytest.mark.parametrize("width", [1, 2, 5, 50])
def test_the_running_mean_is_that_of_the_window_as_far_as_it_goes(width):
    values = np.random.default_rng(0).normal(size=23)
    slow = [np.mean(values[max(place - width // 2, 0) : place + width // 2 + 1]) for place in range(23)]
    assert np.allclose(running_mean(values, width), slow)


def test_curves_are_thinned_but_keep_both_ends_and_leave_out_steps_without_the_source():
    steps = synthetic.metrics({"domain": 0.7, "general": 0.3}, {"domain": 2.0, "general": 3.0}, n_steps=2000)
    for step in steps[:500]:
        del step["loss_by_source"]["general"]
    curves = run_curves("run", steps)
    for source, first in (("domain", 1), ("general", 501)):
        curve = curves["loss_by_source"][source]
        assert len(curve["step"]) == len(curve["raw"]) == len(curve["smooth"]) == MAX_POINTS
        assert (curve["step"][0], curve["step"][-1]) == (first, 2000)
        known = {step["step"]: step["loss_by_source"].get(source) for step in steps}
        assert all(value == pytest.approx(known[step], abs=1e-5) for step, value in zip(curve["step"], curve["raw"], strict=True))

"""Made evidence: losses of runs that follow a known law, with noise."""

import numpy as np
from numpy.typing import NDArray

from mix.laws.law import Evidence, Points
from mix.suggest.request import Request

Array = NDArray[np.float64]

SHARES = (0.0, 0.0, 0.01, 0.05, 0.05, 0.1, 0.15, 0.2, 0.25, 0.25, 0.3, 0.35, 0.4, 0.5, 0.5)
BASE = {"general": 1.4457, "python": 2.2755}


def replay_losses(shares: Array) -> dict[str, Array]:
    """Losses of both domains at shares of general text: about what docs/explanation/replay.md reports."""
    fallen = np.log1p(shares / 0.02) / np.log1p(0.5 / 0.02)
    return {"general": 1.6386 - 0.1425 * fallen, "python": 1.9264 + 0.0667 * (shares / 0.5) ** 1.5}


def replay_evidence(seed: int = 0, noise: float = 0.004, shares: tuple[float, ...] = SHARES) -> dict[str, Evidence]:
    """Evidence of both domains at shares of general text."""
    random = np.random.default_rng(seed)
    general = np.array(shares)
    points = Points.of_shares(("general", "python"), np.stack([general, 1 - general], axis=1), tokens=250_000.0, parameters=2.75e6)
    return {
        name: Evidence(points, losses + noise * random.standard_normal(len(shares)), np.arange(len(shares)), source, BASE[name])
        for source, (name, losses) in enumerate(replay_losses(general).items())
    }


def replay_request(increase: float | None = 0.05) -> Request:
    """The lowest loss in Python, with a budget for the general loss."""
    budget = {} if increase is None else {"general": increase}
    return Request(("general", "python"), {"python": 1.0}, np.zeros(2), np.ones(2), budget)

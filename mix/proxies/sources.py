"""The sources whose shares vary."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sources:
    """Names of the mix's sources, float64[k] their real tokens, and float64[k] the largest share that each may have in a run (above 1: any share)."""

    names: tuple[str, ...]
    tokens: NDArray[np.float64]
    largest: NDArray[np.float64]

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.fit.importance import log_ratio
from curate.models.importance import gumbel_noise, load_importance


def column(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def test_gumbel_noise_belongs_to_the_text_and_samples_by_weight() -> None:
    texts = [f"text {number}" for number in range(30_000)]
    noise = gumbel_noise(column(texts), 3)
    assert (gumbel_noise(column(texts[::-1]), 3) == noise[::-1]).all()
    assert not (gumbel_noise(column(texts), 4) == noise).any()
    # The largest of log weight + noise is item i with probability weight i / sum of weights.
    weights = np.array([1.0, 2.0, 5.0])
    chosen = (np.log(weights) + noise.reshape(-1, 3)).argmax(axis=1)
    assert np.bincount(chosen) / len(chosen) == pytest.approx(weights / weights.sum(), abs=0.015)
    assert noise.mean() == pytest.approx(0.5772, abs=0.03) and noise.var() == pytest.approx(math.pi**2 / 6, abs=0.08)


def test_text_without_words_and_folders_without_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match="the raw text has no words"):
        log_ratio(np.ones(3, np.int64), np.zeros(3, np.int64))
    with pytest.raises(CurateError, match="make them with `curate fit-importance`"):
        load_importance(str(tmp_path))

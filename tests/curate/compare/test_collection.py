from pathlib import Path

import numpy as np

from tests.curate.compare.collections import collection


def test_cuts_come_out_sorted_by_document_and_place(tmp_path: Path) -> None:
    found = collection(tmp_path, [1, 2], [9, 9], [True, True], [None] * 2)
    found.cut(np.array([1, 0]), np.array([2, 5]), np.array([4, 6]))
    found.cut(np.array([0]), np.array([1]), np.array([3]))
    assert found.cuts.tolist() == [[0, 1, 3], [0, 5, 6], [1, 2, 4]]

from pathlib import Path

from curate.compare.minhash import drop_near_duplicates
from tests.curate.compare.collections import collection, recipe


def test_near_copies_count_the_exact_copies_they_stood_for(tmp_path: Path) -> None:
    found = collection(tmp_path, [1, 2, 3, 4], [10, 30, 20, 5], [True] * 4, [[1, 2, 3, 4], [1, 2, 9, 9], [6, 6, 9, 9], None])
    found.cluster_size[:] = [2, 1, 3, 1]
    drop_near_duplicates(found, recipe("longest"))
    assert found.survivors().tolist() == [1, 3] and found.cluster_size[[1, 3]].tolist() == [6, 1]
    assert found.verdicts["row"].to_list() == [0, 2] and found.verdicts["value"].to_list() == [0.5, 0.5]

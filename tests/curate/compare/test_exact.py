from pathlib import Path

import pytest

from curate.compare.exact import drop_exact_duplicates
from curate.compare.minhash import drop_near_duplicates
from tests.curate.compare.collections import collection, recipe


@pytest.fixture
def unsigned() -> list[list[int] | None]:
    return [None] * 5


def test_exact_copies_go_and_the_survivor_stands_for_them(tmp_path: Path, unsigned: list[list[int] | None]) -> None:
    found = collection(tmp_path, [5, 7, 5, 5, 9], [10] * 5, [True] * 5, unsigned)
    drop_exact_duplicates(found, recipe("longest"))
    assert found.survivors().tolist() == [0, 1, 4] and found.cluster_size[found.survivors()].tolist() == [3, 1, 1]
    twin = (5).to_bytes(16, "little").hex() + " f:0"
    assert found.verdicts["row"].to_list() == [2, 3] and found.verdicts["detail"].to_list() == [twin, twin]


def test_a_document_that_was_dropped_before_takes_no_part(tmp_path: Path) -> None:
    found = collection(tmp_path, [5, 5, 5], [1, 1, 1], [False, True, True], [None] * 3)
    drop_exact_duplicates(found, recipe("first"))
    assert found.survivors().tolist() == [1] and found.verdicts["row"].to_list() == [2] and found.cluster_size[1] == 2


def test_no_documents_give_no_copies(tmp_path: Path) -> None:
    found = collection(tmp_path, [], [], [], [])
    drop_exact_duplicates(found, recipe("longest"))
    drop_near_duplicates(found, recipe("longest"))
    assert found.verdicts.height == 0 and found.cuts.shape == (0, 3)

import json
from pathlib import Path

import pytest

from tests.curate.compare.cutting import curated, texts_with_notice


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.tasks.TASK_BYTES", 4_000)


def test_cuts_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    dedup = {"lines": {"scope": "line"}, "substring": {"min_bytes": 40, "memory_gib": 1e-6}}
    reports = [curated(tmp_path, texts_with_notice(), workers, **dedup) for workers in (1, 2)]
    assert json.dumps(reports[0][0]) == json.dumps(reports[1][0])
    assert reports[0][1] == reports[1][1]

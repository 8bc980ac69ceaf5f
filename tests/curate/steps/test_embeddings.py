from pathlib import Path

import pytest

from curate.errors import CurateError
from tests.curate.compare.embedded import curated


def test_what_cannot_be_used_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad.parquet").write_text("no")
    for semantic, message in (({"model": "nowhere"}, "no such folder"), ({"model": "bad"}, "config.json"), ({"embeddings": "bad.parquet"}, "Parquet")):
        with pytest.raises(CurateError, match=message):
            curated(tmp_path, ["a"], **{name: str(tmp_path / path) for name, path in semantic.items()})
    with pytest.raises(ValueError, match="either `model` or `embeddings`"):
        curated(tmp_path, ["a"], model="a", embeddings="b")

from pathlib import Path

import pytest

from curate.pipeline.run import run
from tests.curate.compare.copies import LONG, near, recipe, texts


@pytest.mark.parametrize("dedup, kept", [({"exact": True}, 2), ({"exact": "yes", "keep": "first"}, 2), ({"exact": True, "minhash": {}}, 1), ({}, 1)])
def test_exact_alone_leaves_near_copies_in_and_makes_no_signatures(tmp_path: Path, dedup: dict[str, object], kept: int) -> None:
    run(recipe(tmp_path / "in", {"a": [{"text": LONG[0]}, {"text": LONG[0]}, {"text": near(0)}]}, **dedup), tmp_path / "out", 1)
    assert len(texts(tmp_path / "out")) == kept
    assert (tmp_path / "out" / "bands").exists() == (kept == 1)

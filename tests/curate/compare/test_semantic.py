from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.steps.identity import content_ids
from tests.curate.compare.embedded import curated
from tests.curate.corpus import document


@pytest.mark.parametrize("key", ["id", "url"])
def test_embeddings_from_a_file_decide_and_documents_it_lacks_stay(tmp_path: Path, key: str) -> None:
    texts = [document(seed) for seed in range(5)]
    names = [one.hex() for one in content_ids(pa.array(texts, pa.large_string())).to_pylist()] if key == "id" else [f"u{row}" for row in range(5)]
    vectors = [[1.0, 0, 0], [0.0, 1, 0], [2.0, 0.1, 0], [0.0, 0, 3]]
    pq.write_table(pa.table({key: names[:4], "v": vectors}), tmp_path / "e.parquet")
    report, verdicts, kept = curated(tmp_path, texts, embeddings=str(tmp_path / "e.parquet"), key=key, column="v", clusters=1, keep="longest", threshold=0.99)
    dropped = {0, 2} - set(kept)
    assert len(dropped) == 1 and set(kept) == {0, 1, 2, 3, 4} - dropped
    assert (verdicts[0]["rule"], verdicts[0]["threshold"]) == ("semantic/duplicate", 0.99)
    assert verdicts[0]["value"] == pytest.approx(2 / np.hypot(2, 0.1), abs=1e-3)
    assert verdicts[0]["detail"].endswith(f"in.jsonl:{({0, 2} - dropped).pop()}")  # type: ignore[attr-defined]
    assert report["removed"]["semantic"] == {"documents": 4, "dropped": 1, "clusters": 1}  # type: ignore[index]

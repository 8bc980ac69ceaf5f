from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.inspect.rehydrate import rehydrate
from curate.inspect.why import explain
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.curate.corpus import document, jsonl


def test_semantic_duplicates_are_duplicates_to_why_to_rehydration_and_to_the_report(tmp_path: Path) -> None:
    """Documents 0 to 19 have a duplicate each; 20 to 39 are short, so that a rule drops both them and what they stand for."""
    texts = [document(number, 20) for number in range(40)] + [f"Too few words in number {number}." for number in range(40)]
    (tmp_path / "in.jsonl").write_bytes(jsonl([{"text": text, "url": f"u{number}"} for number, text in enumerate(texts)]))
    directions = np.eye(60, dtype=np.float32)
    vectors = [directions[number % 20 if number < 40 else 20 + (number - 40) % 20] for number in range(80)]
    pq.write_table(pa.table({"url": [f"u{number}" for number in range(80)], "embedding": vectors}), tmp_path / "vectors.parquet")
    semantic = {"embeddings": str(tmp_path / "vectors.parquet"), "key": "url", "clusters": 1, "keep": "longest"}
    dedup = {"minhash": None, "semantic": semantic, "before_rules": True}
    recipe = {"name": "s", "inputs": [str(tmp_path / "in.jsonl")], "language": None, "rules": ["gopher_quality"], "dedup": dedup}
    outcome = run(CurateRecipe.model_validate(recipe), tmp_path / "out", 1)
    assert outcome.report["duplicates"] == {"exact": 0, "minhash": 0, "semantic": 40, "largest_cluster": 2}
    gone = next(row for row in ShardSet(tmp_path / "out" / "verdicts").to_table().to_pylist() if row["stage"] == "semantic")
    explained = "\n".join(explain(tmp_path / "out", f"{gone['file']}:{gone['row']}"))
    assert f"semantic/duplicate: 1, threshold 0.95 duplicate of {gone['detail']}, which is kept" in explained
    result = rehydrate(tmp_path / "out", None, 4, min_documents=1)
    assert result["cluster_sizes"] == [2] and result["survivors"] == [40] and result["removal_rates"] == [0.5]

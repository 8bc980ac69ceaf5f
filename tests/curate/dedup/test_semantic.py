import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.dedup.semantic import Twins, Vectors, find_twins, normalized
from curate.errors import CurateError
from curate.inspect.rehydrate import rehydrate
from curate.inspect.why import explain
from curate.models.embed import load_embedder
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.steps.identity import content_ids
from shards.read import ShardSet
from tests.curate.corpus import document, jsonl


def groups(seed: int) -> np.ndarray:
    """300 vectors in 16 dimensions: 60 directions with five noisy copies each, in random order."""
    draw = np.random.default_rng(seed)
    rows = np.repeat(draw.normal(size=(60, 16)), 5, axis=0) + 0.12 * draw.normal(size=(300, 16))
    return normalized(rows[draw.permutation(300)])


def twins(rows: np.ndarray, docs: np.ndarray, n_clusters: int, keep: str, threshold: float = 0.95) -> Twins:
    return find_twins(Vectors(docs, lambda some: rows[some]), np.arange(len(rows))[::-1].copy(), threshold, n_clusters, keep, 1)  # type: ignore[arg-type]


def slow(rows: np.ndarray, docs: np.ndarray, order: np.ndarray, threshold: float) -> dict[int, int]:
    """One cluster: each document in order goes if one that stayed is similar enough; its twin is the most similar."""
    kept: list[int] = []
    dropped: dict[int, int] = {}
    for doc in docs[order]:
        similar = [(float(rows[doc] @ rows[one]), one) for one in kept]
        if similar and max(similar)[0] >= threshold:
            dropped[int(doc)] = int(max(similar)[1])
        else:
            kept.append(doc)
    return dropped


@pytest.mark.parametrize("keep", ["farthest", "closest", "longest"])
def test_each_dropped_document_has_its_most_similar_twin_among_those_that_stay(keep: str) -> None:
    rows, docs = groups(1), np.arange(10, 260)
    centre = normalized(rows[docs].sum(axis=0, keepdims=True))[0]
    order = np.argsort({"farthest": rows[docs] @ centre, "closest": -(rows[docs] @ centre), "longest": docs}[keep], kind="stable")
    found = twins(rows, docs, 1, keep)
    assert dict(zip(found.dropped.tolist(), found.twin.tolist(), strict=True)) == slow(rows, docs, order, 0.95)
    assert 60 < len(found.dropped) < 240
    assert found.similarity == pytest.approx([rows[a] @ rows[b] for a, b in zip(found.dropped, found.twin, strict=True)], abs=1e-6)


def test_clusters_lose_few_copies_and_add_none() -> None:
    rows, docs = groups(2), np.arange(300)
    whole, parts = twins(rows, docs, 1, "longest"), twins(rows, docs, 12, "longest")
    assert len(whole.dropped) * 0.8 < len(parts.dropped) <= len(whole.dropped) + 5
    assert not set(parts.twin.tolist()) & set(parts.dropped.tolist())
    again = twins(rows, docs, 12, "longest")
    assert (again.dropped == parts.dropped).all() and (again.twin == parts.twin).all()


def test_no_documents_give_no_twins() -> None:
    assert len(twins(groups(1), np.empty(0, np.int64), 4, "closest").dropped) == 0


def curated(folder: Path, texts: list[str], **semantic: object) -> tuple[dict[str, object], list[dict[str, object]], list[int]]:
    """The report, the verdicts, and the rows that were kept."""
    (folder / "in.jsonl").write_bytes(jsonl([{"text": text, "url": f"u{row}"} for row, text in enumerate(texts)]))
    keys = {"name": "t", "inputs": [{"path": str(folder / "in.jsonl")}], "language": None, "rules": [], "dedup": {"minhash": None, "semantic": semantic}}
    report = run(CurateRecipe.model_validate(keys), folder / "out", 1).report
    tables = [ShardSet(folder / "out" / name).to_table().to_pylist() for name in ("verdicts", "documents")]
    return report, tables[0], [row["row"] for row in tables[1]]


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


def static_model(folder: Path) -> Path:
    """Three words with a vector each, as model2vec lays them out."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder.mkdir()
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "cat": 1, "dog": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({"embeddings": np.array([[0, 0], [1, 0], [0, 2]], np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    return folder


def test_static_vectors_are_averaged_over_tokens(tmp_path: Path) -> None:
    embedder = load_embedder(str(static_model(tmp_path / "m")), 3)
    assert embedder.embed(["cat dog", "dog dog dog cat cat", ""]).tolist() == [[0.5, 1.0], [0.0, 2.0], [0.0, 0.0]]


def test_a_models_last_layer_is_averaged_whatever_the_padding(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, LlamaConfig, PreTrainedTokenizerFast

    static_model(tmp_path / "m")
    PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "m" / "tokenizer.json")).save_pretrained(tmp_path / "h")
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=3, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    model = AutoModel.from_config(config).eval()
    model.save_pretrained(tmp_path / "h")
    with torch.inference_mode():
        expected = [model(input_ids=torch.tensor([ids])).last_hidden_state[0].mean(0).numpy() for ids in ([1, 2, 2, 1, 1], [2], [1, 2, 0])]
    found = load_embedder(str(tmp_path / "h"), 5).embed(["cat dog dog cat cat dog", "dog", "cat dog cow"])
    assert np.abs(found - np.stack(expected)).max() < 1e-5


def test_what_cannot_be_used_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad.parquet").write_text("no")
    for semantic, message in (({"model": "nowhere"}, "no such folder"), ({"model": "bad"}, "config.json"), ({"embeddings": "bad.parquet"}, "Parquet")):
        with pytest.raises(CurateError, match=message):
            curated(tmp_path, ["a"], **{name: str(tmp_path / path) for name, path in semantic.items()})
    with pytest.raises(ValueError, match="either `model` or `embeddings`"):
        curated(tmp_path, ["a"], model="a", embeddings="b")


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

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import CurateError
from curate.models.embed import EmbeddingFile, load_embedder
from tests.eval.conftest import save_model

VECTORS = np.array([[1, 2], [3, 4], [5, 8]], np.float32)


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A model2vec folder: three words, two dimensions."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "ship": 1, "sea": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    save_file({"embeddings": VECTORS}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    return tmp_path


def test_a_static_model_gives_the_mean_of_its_token_vectors(static: Path) -> None:
    embedder = load_embedder(str(static), max_tokens=2)
    found = embedder.embed(["ship sea", "sea", "", "ship ship sea sea"])  # the last is truncated to two tokens
    assert embedder.n_dims == 2 and found.tolist() == [[4, 6], [5, 8], [0, 0], [3, 4]]


def test_a_pooled_model_gives_the_same_vector_in_any_batch(tmp_path: Path) -> None:
    embedder = load_embedder(str(save_model(tmp_path / "model", 0)), max_tokens=8)
    texts = ["a", "", "a longer text", "ab", "a longer text that is cut"]
    together = embedder.embed(texts)
    assert together.shape == (5, embedder.n_dims) and not together[1].any()
    np.testing.assert_allclose(together, np.concatenate([embedder.embed([text]) for text in texts]), atol=1e-6)
    np.testing.assert_allclose(embedder.embed(["a longer"]), embedder.embed(["a longer text"]), atol=1e-6)


def test_folders_that_hold_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match=r"not a model folder, as its config\.json cannot be read"):
        load_embedder(str(tmp_path), 8)
    (tmp_path / "config.json").write_text('{"model_type": "model2vec"}')
    with pytest.raises(CurateError, match="cannot be loaded"):
        load_embedder(str(tmp_path), 8)


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.list_(pa.float32(), 2)])
def test_vectors_of_a_file_are_found_by_key(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(pa.table({"id": [7, 8], "vector": pa.array([[1, 2], [3, 4]], kind)}), tmp_path / "v.parquet")
    file = EmbeddingFile(str(tmp_path / "v.parquet"), "id", "vector")
    assert file.n_dims == 2 and file.vectors(["8", "9", "7"]).tolist() == [[3, 4], [0, 0], [1, 2]]


def test_files_without_equal_vectors_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}), tmp_path / "v.parquet")
    with pytest.raises(CurateError, match="vector must be a list column without nulls"):
        EmbeddingFile(str(tmp_path / "v.parquet"), "id", "vector")
    with pytest.raises(CurateError, match="cannot be read as Parquet with columns id and embedding"):
        EmbeddingFile(str(tmp_path / "v.parquet"), "id", "embedding")


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

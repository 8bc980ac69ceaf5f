import pytest
from transformers import LlamaConfig


@pytest.fixture(scope="session")
def billion(tmp_path_factory):
    """A Llama of 1.24B parameters: its configuration alone."""
    folder = tmp_path_factory.mktemp("billion")
    shape = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64}
    LlamaConfig(vocab_size=128256, max_position_embeddings=8192, tie_word_embeddings=True, **shape).save_pretrained(folder)
    return folder

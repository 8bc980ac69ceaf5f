import pytest
import torch
from torch import nn

from train.attention import document_attention
from train.errors import TrainError

SCALE = 0.4


def slow(query, key, value, boundaries, window=None):
    """Softmax attention of each token over the tokens of its document that are not after it."""
    n_rows, n_heads, row_tokens, size = query.shape
    groups = n_heads // key.shape[1]
    out = torch.zeros(n_rows, row_tokens, n_heads, size)
    document = [max(i for i, start in enumerate(boundaries) if start <= place) for place in range(n_rows * row_tokens)]
    for place in range(n_rows * row_tokens):
        row, now = divmod(place, row_tokens)
        seen = [t for t in range(now + 1) if document[row * row_tokens + t] == document[place] and (window is None or now - t < window)]
        for head in range(n_heads):
            scores = torch.stack([query[row, head, now] @ key[row, head // groups, t] for t in seen]) * SCALE
            out[row, now, head] = scores.softmax(0) @ value[row, head // groups, seen]
    return out


def tensors(n_kv_heads):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(2, heads, 9, 8, generator=generator) for heads in (4, n_kv_heads, n_kv_heads)]


@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
@pytest.mark.parametrize("window", [None, 1, 3, 100])
def test_each_document_attends_to_its_own_past_only(n_kv_heads, window):
    boundaries = [0, 4, 5, 9, 18]
    padded = torch.tensor([*boundaries, 18, 18], dtype=torch.int32)
    query, key, value = tensors(n_kv_heads)
    found, _ = document_attention(nn.Module(), query, key, value, None, scaling=SCALE, sliding_window=window, cu_seq_lens_q=padded)
    torch.testing.assert_close(found, slow(query, key, value, boundaries, window), rtol=1e-5, atol=1e-5)


def test_without_boundaries_each_row_is_one_document():
    query, key, value = tensors(4)
    found, _ = document_attention(nn.Module(), query, key, value, None, scaling=SCALE)
    torch.testing.assert_close(found, slow(query, key, value, [0, 9, 18]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("option", [{"softcap": 50.0}, {"dropout": 0.1}, {"s_aux": torch.zeros(4)}])
def test_what_cannot_be_computed_exactly_is_refused(option):
    with pytest.raises(TrainError, match="does not compute"):
        document_attention(nn.Module(), *tensors(4), None, **option)

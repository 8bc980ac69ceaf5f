import pytest
import torch
from torch.nn.attention.flex_attention import create_block_mask

from train import flex


@pytest.mark.parametrize("window", [None, 1, 40, 128, 200, 5000])
@pytest.mark.parametrize("row_tokens", [512, 300, 40])
def test_blocks_of_the_mask_are_those_that_hold_something(window, row_tokens):
    generator = torch.Generator().manual_seed(row_tokens)
    starts = torch.randint(1, 3 * row_tokens, (9,), generator=generator).tolist()
    boundaries = sorted({0, row_tokens, 2 * row_tokens, 3 * row_tokens, *starts})
    cu_seqlens = torch.tensor([*boundaries, 3 * row_tokens, 3 * row_tokens], dtype=torch.int32)
    document = torch.searchsorted(cu_seqlens, torch.arange(3 * row_tokens), right=True).view(3, row_tokens)

    def sees(row, head, query, key):
        return (key <= query) & (document[row, query] == document[row, key]) & (query - key < (window or row_tokens))

    expected = create_block_mask(sees, 3, None, row_tokens, row_tokens, device="cpu")
    found = flex.block_mask(cu_seqlens, 3, row_tokens, window)
    assert found.to_dense().equal(expected.to_dense())
    assert found.full_kv_num_blocks.equal(expected.full_kv_num_blocks)
    assert found.shape == (3, 1, row_tokens, row_tokens)
    places = torch.arange(row_tokens)
    for row in range(3):
        one = torch.tensor(row)
        assert found.mask_mod(one, 0, places[:, None], places).equal(sees(one, 0, places[:, None], places))

from functools import partial

import pytest
import torch
from torch._dynamo.exc import BackendCompilerFailed
from torch.nn.attention.flex_attention import create_block_mask

from train import flex
from train.errors import TrainError


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


@pytest.fixture
def kernels(monkeypatch):
    """Graphs that PyTorch would make kernels of; they run uncompiled here."""
    compiled = []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    flex._compiled.cache_clear()
    torch._dynamo.reset()
    yield compiled
    flex._compiled.cache_clear()
    torch._dynamo.reset()


def attended(row_tokens, seed, window=None, **options):
    """Attention over two documents in each of two rows."""
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (torch.randn(2, 2, row_tokens, 8, generator=generator) for _ in range(3))
    end = int(torch.randint(1, row_tokens, (), generator=generator))
    cu_seqlens = torch.tensor([0, end, row_tokens, row_tokens + 1, 2 * row_tokens], dtype=torch.int32)
    with torch.no_grad():
        return flex.fused(query, key, value, block_mask=flex.block_mask(cu_seqlens, 2, row_tokens, window), **options)


def test_batches_of_one_shape_share_a_kernel_whatever_their_documents_and_windows(kernels):
    for seed, window in enumerate((None, None, 7, 300)):
        attended(256, seed, window)
    assert len(kernels) == 1
    attended(128, 0)
    attended(256, 0)
    assert len(kernels) == 2


def test_too_many_shapes_are_refused_instead_of_computing_all_scores(kernels, monkeypatch):
    monkeypatch.setattr(flex, "MAX_KERNELS", 2)
    with torch._dynamo.config.patch(recompile_limit=2):  # monkeypatch would leave the setting without its default
        attended(128, 0)
        attended(256, 0)
        with pytest.raises(TrainError, match="attention: flex: more than 2 shapes of batches"):
            attended(384, 0)


def test_a_kernel_that_cannot_be_compiled_is_refused_with_the_cause(monkeypatch):
    def fail(*arguments, **options):
        raise BackendCompilerFailed(lambda: None, RuntimeError("out of resource: shared memory"), [])

    monkeypatch.setattr(flex, "_compiled", lambda: fail)
    with pytest.raises(TrainError, match=r"cannot compile it for heads of 8 dimensions \(.*shared memory.*use attention: sdpa"):
        attended(128, 0)


def test_memory_that_runs_out_stays_an_error_of_memory(monkeypatch):
    def fail(*arguments, **options):
        raise torch.OutOfMemoryError("2 GiB")

    monkeypatch.setattr(flex, "_compiled", lambda: fail)
    with pytest.raises(torch.OutOfMemoryError):
        attended(128, 0)

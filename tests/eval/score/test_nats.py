import math

import numpy as np
import pytest
import torch

from eval.models import ModelFolder, ModelTokenizer, load_model
from eval.score.nats import score_documents, token_nats

TEXTS = ["a", "Hello, world. ", "the quick brown fox " * 9, "naïve 漢字 </s> <s>", "x" * 70]


def slow_nats(model, ids: list[int], n_vocab: int, bos_id: int | None, context: int, stride: int, bos_again: bool = False) -> list[float]:
    """Nats of each token, by one forward pass over exactly the context its window gives it."""
    sequence = ids if bos_id is None else [bos_id, *ids]
    nats = [math.log(n_vocab)] if bos_id is None and ids else []
    stride = min(stride, context - bos_again)
    for target in range(1, len(sequence)):
        start = 0
        while target > start + context - (bos_again and start > 0):  # the first window that reaches the target
            start += stride
        inputs = torch.tensor([([bos_id] if bos_again and start else []) + sequence[start:target]])
        with torch.inference_mode():
            logits = model(input_ids=inputs, use_cache=False).logits[0, -1].double()
        nats.append(-torch.log_softmax(logits, 0)[sequence[target]].item())
    return nats


@pytest.mark.parametrize("name", ["base", "with_bos"])
@pytest.mark.parametrize("context, stride", [(64, 64), (16, 16), (16, 5)])
def test_nats_are_those_of_predicting_token_by_token(model_folders, name, context, stride):
    folder = ModelFolder(name, model_folders[name])
    tokenizer, model = ModelTokenizer(folder), load_model(folder, "float32", "cpu")
    assert tokenizer.bos_id == (256 if name == "with_bos" else None)
    tokens = tokenizer.encode(TEXTS)
    options = {"bos_id": tokenizer.bos_id, "n_vocab": tokenizer.n_vocab, "context_tokens": context, "stride_tokens": stride}
    found = score_documents(model, tokens, batch_tokens=100, **options)
    expected = [slow_nats(model, ids.tolist(), 258, tokenizer.bos_id, context, stride) for ids in tokens]
    assert np.allclose(found.nats, [sum(nats) for nats in expected], rtol=1e-5)
    assert np.allclose(found.first, [nats[0] for nats in expected], rtol=1e-5)


@pytest.mark.parametrize("context, stride", [(64, 64), (16, 16), (16, 5), (2, 1)])
def test_a_beginning_of_text_token_can_come_before_every_window(model_folders, context, stride):
    folder = ModelFolder("with_bos", model_folders["with_bos"])
    model = load_model(folder, "float32", "cpu")
    tokens = ModelTokenizer(folder).encode(TEXTS[:3] if context == 2 else TEXTS)
    options = {"bos_id": 256, "n_vocab": 258, "context_tokens": context, "stride_tokens": stride, "batch_tokens": 100}
    found = score_documents(model, tokens, bos_every_window=True, **options)
    expected = [slow_nats(model, ids.tolist(), 258, 256, context, stride, bos_again=True) for ids in tokens]
    assert np.allclose(found.nats, [sum(nats) for nats in expected], rtol=1e-5)
    plain = score_documents(model, tokens, **options)
    longer = [len(ids) > context for ids in tokens]
    assert [not np.isclose(a, b, rtol=1e-6) for a, b in zip(found.nats, plain.nats, strict=True)] == longer
    assert np.allclose(found.first, plain.first)


def test_nats_do_not_depend_on_batches_or_on_the_other_documents(model_folders):
    folder = ModelFolder("base", model_folders["base"])
    tokens, model = ModelTokenizer(folder).encode(TEXTS), load_model(folder, "float32", "cpu")
    options = {"bos_id": None, "n_vocab": 258, "context_tokens": 32, "stride_tokens": 16}
    together = score_documents(model, tokens, batch_tokens=4096, **options).nats
    alone = [score_documents(model, [ids], batch_tokens=1, **options).nats[0] for ids in tokens]
    assert np.allclose(together, alone, rtol=1e-6)
    assert np.array_equal(together, score_documents(model, tokens, batch_tokens=4096, **options).nats)


def test_advance_is_told_of_every_predicted_token(model_folders):
    folder = ModelFolder("base", model_folders["base"])
    tokens = ModelTokenizer(folder).encode(TEXTS)
    told: list[int] = []
    model = load_model(folder, "float32", "cpu")
    score_documents(model, tokens, bos_id=None, n_vocab=258, context_tokens=20, stride_tokens=10, batch_tokens=64, advance=told.append)
    assert sum(told) == sum(len(ids) - 1 for ids in tokens)


def test_token_nats_of_chosen_rows_equal_log_softmax_whatever_the_slices(monkeypatch):
    torch.manual_seed(0)
    logits, places, targets = torch.randn(50, 11) * 5, torch.tensor([3, 49, 0, 3]), torch.tensor([10, 0, 5, 2])
    expected = -torch.log_softmax(logits, 1)[places, targets]
    assert torch.allclose(token_nats(logits, places, targets), expected)
    monkeypatch.setattr("eval.score.nats._LOGITS_AT_ONCE", 25)
    assert torch.allclose(token_nats(logits, places, targets), expected)
    assert token_nats(logits.bfloat16(), places, targets).dtype == torch.float32

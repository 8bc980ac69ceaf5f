import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from eval.long_context.positions import nats_by_context, token_nats_of

SEQUENCES = [np.random.default_rng(seed).integers(0, 258, n) for seed, n in enumerate((60, 41, 80))]


@pytest.fixture(scope="module")
def model(model_folders):
    return AutoModelForCausalLM.from_pretrained(model_folders["base"], dtype=torch.float32).eval()


def slow_nats(model, ids):
    with torch.no_grad():
        logits = model(input_ids=torch.from_numpy(ids)[None], use_cache=False).logits[0].double().log_softmax(-1)
    return np.array([-logits[index, ids[index + 1]].item() for index in range(len(ids) - 1)])


def test_buckets_hold_the_tokens_by_how_many_stand_before_them(model):
    nats, counts = nats_by_context(model, SEQUENCES, [10, 40, 60], 4096)
    for number, ids in enumerate(SEQUENCES):
        slow = slow_nats(model, ids[:61])
        parts = [slow[:10], slow[10:40], slow[40:60]]
        assert counts[number].tolist() == [len(part) for part in parts]
        assert nats[number] == pytest.approx([part.sum() for part in parts], rel=1e-4)


@pytest.mark.parametrize("batch_tokens", [7, 59, 60, 1000])
def test_a_window_computed_in_parts_has_the_same_nats(model, batch_tokens):
    assert token_nats_of(model, SEQUENCES[0], batch_tokens) == pytest.approx(slow_nats(model, SEQUENCES[0]), rel=1e-3, abs=1e-4)

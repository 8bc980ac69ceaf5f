from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from eval.probes.generate import continue_prompts, greedy, nucleus

PROMPTS = [np.arange(first, first + length) for first, length in ((40, 3), (60, 9), (90, 5), (100, 5), (120, 1), (50, 12))]


@pytest.fixture(scope="module")
def model(model_folders):
    return AutoModelForCausalLM.from_pretrained(model_folders["base"], dtype=torch.float32).eval()


def alone(model, ids: np.ndarray, n_tokens: int) -> list[int]:
    """The definition: the whole text is read again for every token."""
    text = ids.tolist()
    for _ in range(n_tokens):
        with torch.no_grad():
            text.append(int(model(input_ids=torch.tensor([text])).logits[0, -1].argmax()))
    return text[len(ids) :]


def test_greedy_continuations_are_those_of_reading_each_text_alone(model):
    made = continue_prompts(model, PROMPTS, n_tokens=10, ends=[], batch=4)
    assert [one.tokens.tolist() for one in made] == [alone(model, ids, 10) for ids in PROMPTS]
    assert all(one.end is None for one in made)


@pytest.mark.parametrize("mode", ["greedy", "sampled"])
def test_continuations_do_not_depend_on_the_batch(model, mode):
    uniforms = np.random.default_rng(0).random((len(PROMPTS), 10))
    pick = greedy if mode == "greedy" else nucleus(uniforms, 1.0, 0.95)
    made = [continue_prompts(model, PROMPTS, n_tokens=10, ends=[7, 200], pick=pick, batch=batch) for batch in (1, 2, 5, 16)]
    shown = [[(one.tokens.tolist(), one.end) for one in run] for run in made]
    assert all(run == shown[0] for run in shown)


def test_an_end_stops_its_text_only(model):
    free = [alone(model, ids, 10) for ids in PROMPTS]
    end = free[0][4]
    made = continue_prompts(model, PROMPTS, n_tokens=10, ends=[end], batch=16)
    for one, text in zip(made, free, strict=True):
        stop = text.index(end) if end in text else None
        assert one.tokens.tolist() == text[:stop] and one.end == (None if stop is None else end)


def test_sampling_follows_the_probabilities_inside_the_nucleus():
    probabilities = torch.tensor([0.1, 0.5, 0.02, 0.3, 0.08])
    uniforms = (np.arange(1000)[:, None] + 0.5) / 1000
    pick = nucleus(uniforms, 1.0, 0.85)
    chosen = np.array([pick(number, 0, probabilities.log()) for number in range(1000)])
    shares = np.bincount(chosen, minlength=5) / 1000
    assert shares == pytest.approx([0.1 / 0.9, 0.5 / 0.9, 0, 0.3 / 0.9, 0], abs=0.002)


def test_temperature_sharpens_and_the_whole_distribution_is_a_nucleus_of_one():
    logits = torch.tensor([0.0, 1.0])
    uniforms = (np.arange(400)[:, None] + 0.5) / 400
    for temperature in (0.5, 2.0):
        share = np.mean([nucleus(uniforms, temperature, 1.0)(number, 0, logits) for number in range(400)])
        assert share == pytest.approx(1 / (1 + np.exp(-1 / temperature)), abs=0.003)


def test_a_model_without_a_cache_reads_the_text_again(model):
    def without_cache(input_ids, past_key_values=None, use_cache=False):
        return SimpleNamespace(logits=model(input_ids=input_ids, use_cache=False).logits)

    without_cache.device = torch.device("cpu")
    made = continue_prompts(without_cache, PROMPTS, n_tokens=6, ends=[], batch=3)
    assert [one.tokens.tolist() for one in made] == [alone(model, ids, 6) for ids in PROMPTS]

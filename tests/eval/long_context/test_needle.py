import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from eval.long_context.needle import DIGITS, NEEDLE, QUESTION, answer_nats, answer_trial, make_trial
from eval.long_context.positions import token_nats_of
from tests.eval.long_context.models import Copying, Uniform, encode

N_NEEDLE = len(NEEDLE.format(key="1" * DIGITS))
FILLER = np.random.default_rng(0).integers(97, 123, 600)


def trial(length=300, depth=0.5, n_alternatives=4, seed=0, start=()):
    return make_trial(encode, start, FILLER, length, depth, n_alternatives, np.random.default_rng(seed))


def text_of(ids):
    return bytes(ids.astype(np.uint8)).decode()


@pytest.mark.parametrize("depth", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("length", [130, 300])
def test_a_prompt_and_its_answer_fill_the_length_and_hold_the_needle_at_its_depth(length, depth):
    made = trial(length, depth)
    text = text_of(made.prompt)
    needle = text.index("\nThe pass key is ")
    key = text[needle + 17 : needle + 17 + DIGITS]
    assert len(made.prompt) + len(made.answers[0]) == length
    assert text.endswith(QUESTION) and text.count(key) == 2 and text_of(made.answers[0]) == f" {key}"
    n_filler = length - N_NEEDLE - len(QUESTION) - DIGITS - 1
    assert needle == round(depth * n_filler)
    assert text.replace(text[needle : needle + N_NEEDLE], "").removesuffix(QUESTION) == text_of(FILLER[:n_filler])


def test_a_beginning_token_stands_before_everything():
    made = trial(start=[256], depth=0.0)
    assert made.prompt[0] == 256 and len(made.prompt) + len(made.answers[0]) == 300


def test_keys_are_different_and_have_equally_many_tokens():
    made = trial(n_alternatives=50)
    assert len({answer.tobytes() for answer in made.answers}) == 51 and {len(answer) for answer in made.answers} == {DIGITS + 1}


def test_a_length_without_room_for_filler_is_refused():
    least = N_NEEDLE + len(QUESTION) + DIGITS + 1
    assert len(trial(length=least + 1).prompt) == least + 1 - DIGITS - 1
    with pytest.raises(ValueError, match=f"take {least} tokens"):
        trial(length=least)


@pytest.mark.parametrize("depth", [0.0, 0.7, 1.0])
def test_a_model_that_copies_finds_the_key_and_one_that_guesses_does_not(depth):
    assert answer_trial(Copying(), trial(depth=depth), 64).rank == 1
    assert answer_trial(Uniform(), trial(depth=depth), 64).rank == 5


def test_answers_have_the_nats_of_the_whole_text(model_folders):
    model = AutoModelForCausalLM.from_pretrained(model_folders["base"], dtype=torch.float32).eval()
    made = trial(length=120, n_alternatives=3)
    whole = [token_nats_of(model, np.concatenate([made.prompt, answer]), 1000)[-len(answer) :].sum() for answer in made.answers]
    for batch_tokens in (1000, 50):
        assert answer_nats(model, made, batch_tokens) == pytest.approx(whole, rel=1e-4)

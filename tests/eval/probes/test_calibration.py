import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from eval.probes.calibration import Predictions, binned, calibration_error, error_difference, error_interval, predictions
from eval.statistics.interval import verdict


def documents(n: int, temperature: float, seed: int = 0) -> list[Predictions]:
    """Tokens that come true with probability p and are predicted with p sharpened by a temperature."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        p = rng.uniform(0.05, 0.95, 200)
        said = 1 / (1 + np.exp(-np.log(p / (1 - p)) / temperature))
        made.append(Predictions(said, (rng.random(200) < p).astype(float), np.zeros(200), np.zeros(200)))
    return made


def test_predictions_are_those_of_reading_each_text_alone(model_folders):
    model = AutoModelForCausalLM.from_pretrained(model_folders["base"], dtype=torch.float32).eval()
    texts = [np.arange(10, 10 + n) for n in (30, 2, 1, 17)]
    for text, one in zip(texts, predictions(model, texts, batch=3), strict=True):
        with torch.no_grad():
            p = torch.softmax(model(input_ids=torch.from_numpy(text)[None]).logits[0, :-1].double(), -1).numpy()
        assert one.confidence == pytest.approx(p.max(1), rel=1e-4) and (one.right == (p.argmax(1) == text[1:])).all()
        assert one.entropy == pytest.approx(-(p * np.log(p)).sum(1), rel=1e-4)
        assert one.nats == pytest.approx(-np.log(p[np.arange(len(text) - 1), text[1:]]), rel=1e-4)


def test_a_token_that_can_not_come_does_not_spoil_the_entropy():
    class Never:
        device = torch.device("cpu")

        def __call__(self, input_ids, use_cache=False):
            from types import SimpleNamespace

            logits = torch.zeros(*input_ids.shape, 5)
            logits[..., 4] = -math.inf
            return SimpleNamespace(logits=logits)

    (one,) = predictions(Never(), [np.array([0, 1, 2])], 1)
    assert one.entropy == pytest.approx(math.log(4)) and one.confidence == pytest.approx(0.25)


def test_the_error_is_the_mean_gap_between_confidence_and_truth():
    # two bins of two tokens: .2, .4 with one right (gap .2), .8, .9 with both right (gap .15)
    one = Predictions(np.array([0.4, 0.9, 0.2, 0.8]), np.array([1.0, 1, 0, 1]), np.zeros(4), np.zeros(4))
    sums = binned([one], 2)[0]
    assert sums.tolist() == [pytest.approx([0.6, 1, 2]), pytest.approx([1.7, 2, 2])]
    assert calibration_error(sums) == pytest.approx((0.4 + 0.3) / 4)


def test_bins_hold_equally_many_tokens():
    sums = binned(documents(20, 1.0), 8).sum(axis=0)
    assert sums[:, 2].tolist() == [500] * 8


def test_a_sharpened_model_is_found_and_a_sound_one_is_not():
    sound, twin, sharp = (binned(documents(40, temperature), 10) for temperature in (1.0, 1.0, 0.4))
    other = binned(documents(40, 1.0, seed=1), 10)
    assert verdict(error_difference(sound, sharp, None)) == "worse" and verdict(error_difference(sharp, sound, None)) == "better"
    assert error_difference(sound, twin, None).p_value == 1
    assert verdict(error_difference(sound, other, None)) == "undetectable"
    interval = error_interval(sharp, None)
    assert interval.low < interval.estimate < interval.high and interval.estimate == pytest.approx(calibration_error(sharp.sum(axis=0)))


def test_clusters_widen_the_interval_and_one_cluster_has_none():
    sums = np.repeat(binned(documents(10, 0.5), 5), 4, axis=0)
    alone, together = error_interval(sums, None), error_interval(sums, np.repeat(np.arange(10), 4))
    assert together.standard_error == pytest.approx(2 * alone.standard_error, rel=0.1) and together.clusters == 10
    assert math.isinf(error_interval(sums, np.zeros(40)).high)

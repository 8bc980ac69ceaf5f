import math

import numpy as np
import pytest
import torch

from tests.train.devices.test_world import go_together
from tests.train.parts import CONFIGS, ROW_TOKENS, pack, random_rows, tiny_model
from tests.train.runs import curve, go, stop_at, weights
from train.batch import make_batch
from train.neftune import EmbeddingNoise

WIDTH = 32


def batch_of(rows, numbers=None, **options):
    packed = pack(rows)
    return make_batch(packed._replace(row_numbers=np.array(numbers if numbers is not None else range(len(rows)))), 2, **options)


def test_the_size_of_the_noise_follows_from_the_length_of_the_document():
    rows = [[(0, list(range(2, 2 + 30))), (1, [5])], [(0, list(range(2, 2 + ROW_TOKENS)))]]
    noise = EmbeddingNoise(5.0, 0).values(batch_of(rows), WIDTH)
    for part, length in ((noise[0, :30], 30), (noise[0, 30:31], 1), (noise[1], ROW_TOKENS)):
        limit = 5 / math.sqrt(length * WIDTH)
        assert 0.9 * limit < float(part.abs().max()) <= limit
        assert float(part.std()) == pytest.approx(limit / math.sqrt(3), rel=0.2)
    whole = EmbeddingNoise(5.0, 0).values(batch_of(rows, document_mask=False), WIDTH)
    assert float(whole[0].abs().max()) <= 5 / math.sqrt(ROW_TOKENS * WIDTH), "without document mask the row is the sequence"


def test_the_noise_of_a_row_follows_from_seed_and_number_alone():
    rows = random_rows(4)
    together = EmbeddingNoise(5.0, 1).values(batch_of(rows, [7, 8, 9, 10]), WIDTH)
    alone = EmbeddingNoise(5.0, 1).values(batch_of(rows[2:3], [9]), WIDTH)
    assert together[2].equal(alone[0])
    assert not together[0].equal(together[1])
    for seed, number in ((2, 9), (1, 10)):
        other = EmbeddingNoise(5.0, seed).values(batch_of(rows[2:3], [number]), WIDTH)
        assert not other.equal(alone)


@pytest.mark.parametrize("architecture", CONFIGS)
def test_the_loss_is_that_of_noisy_embeddings_and_evaluation_has_none(architecture):
    model, batch = tiny_model(architecture), batch_of(random_rows(3))
    plain, nats, hidden = model.loss(batch).total, model.nats(batch), model.hidden_states(batch)
    model.embedding_noise = EmbeddingNoise(5.0, 0)
    noisy = model.loss(batch).total
    assert 0 < abs(float((noisy - plain).detach())) < 0.2 * float(plain.detach())
    assert model.nats(batch).equal(nats) and model.hidden_states(batch).equal(hidden)
    embedding = model.network.get_input_embeddings()
    assert not embedding._forward_hooks
    noise = EmbeddingNoise(5.0, 0).values(batch, WIDTH)
    table = torch.nn.Embedding.from_pretrained(embedding.weight.detach())
    embedding.forward = lambda ids: table(ids) + noise
    model.embedding_noise = None
    assert float(model.loss(batch).total.detach()) == pytest.approx(float(noisy.detach()), rel=1e-6)


def test_a_document_of_another_row_gets_the_same_scale():
    document = list(range(2, 12))
    first, second = batch_of([[(0, document)]]), batch_of([[(1, [4] * 20), (0, document)]])
    noise = EmbeddingNoise(1.0, 0)
    limits = [float(values.abs().max()) for values in (noise.values(first, WIDTH)[0, :10], noise.values(second, WIDTH)[0, 20:30])]
    assert limits[0] == pytest.approx(limits[1], rel=0.05)


def test_without_noise_no_bit_changes_and_with_it_a_resumed_run_is_exact(write_recipe, tmp_path, monkeypatch):
    go(write_recipe(steps=4), f"out={tmp_path / 'plain'}")
    go(write_recipe(steps=4, neftune_alpha=0.0), f"out={tmp_path / 'zero'}")
    assert curve(tmp_path / "zero") == curve(tmp_path / "plain")
    recipe = write_recipe(steps=4, neftune_alpha=5.0)
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        go(recipe)
    go(recipe)
    assert curve(tmp_path / "run") == curve(tmp_path / "straight") != curve(tmp_path / "plain")
    assert all(tensor.equal(weights(tmp_path / "straight")[key]) for key, tensor in weights(tmp_path / "run").items())


def test_micro_batches_of_another_size_have_the_same_noise(write_recipe, tmp_path):
    recipe = write_recipe(steps=3, neftune_alpha=5.0)
    go(recipe)
    go(recipe, f"out={tmp_path / 'small'}", "micro_batch_rows=1")
    assert [record["loss"] for record in curve(tmp_path / "small")] == pytest.approx([record["loss"] for record in curve(tmp_path / "run")], rel=1e-5)


@pytest.mark.slow
def test_two_processes_draw_the_noise_of_one(write_recipe, tmp_path):
    recipe = write_recipe(steps=3, neftune_alpha=5.0)
    go(recipe, f"out={tmp_path / 'one'}")
    go_together(2, recipe, f"out={tmp_path / 'two'}")
    one, two = ([record["loss"] for record in curve(tmp_path / out)] for out in ("one", "two"))
    assert two == pytest.approx(one, rel=2e-5)


def test_batches_that_are_moved_keep_their_row_numbers():
    batch = batch_of(random_rows(2), [3, 5])
    assert batch.to(torch.device("meta")).row_numbers.tolist() == [3, 5]

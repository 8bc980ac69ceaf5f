import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.train.parts import pack, random_rows, tiny_model
from train.batch import make_batch
from train.devices.world import World
from train.errors import TrainError
from train.loop import RunState, StepRows, train, train_step
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights

ALONE = World(torch.device("cpu"))


def steps(rows, micro_rows, batch_rows=4):
    for start in range(0, len(rows), batch_rows):
        pieces = [rows[first : first + micro_rows] for first in range(start, start + batch_rows, micro_rows)]
        yield StepRows(start, start + batch_rows, [make_batch(pack(piece), 2) for piece in pieces])


def losses(micro_rows, precision=torch.float32):
    model = tiny_model()
    weights = TrainedWeights(model.network, precision, OptimizerRecipe(lr=1e-2))
    found = []
    train(model, weights, steps(random_rows(20, seed=3), micro_rows), lambda step: 1e-2, RunState(), lambda report: found.append(report) is None, ALONE)
    return found


def test_the_loss_does_not_depend_on_how_a_batch_is_cut_into_micro_batches():
    whole, cut = losses(4), losses(1)
    assert [report.loss for report in cut] == pytest.approx([report.loss for report in whole], rel=1e-6)
    assert [report.grad_norm for report in cut] == pytest.approx([report.grad_norm for report in whole], rel=1e-5)


def test_two_runs_are_equal_bit_for_bit():
    assert [(report.loss, report.grad_norm) for report in losses(2)] == [(report.loss, report.grad_norm) for report in losses(2)]


def test_training_lowers_the_loss_on_what_it_sees():
    model = tiny_model()
    weights = TrainedWeights(model.network, torch.float32, OptimizerRecipe(lr=1e-2))
    batch = [make_batch(pack(random_rows(4)), 2)]
    first = train_step(model, weights, batch, 1e-2, ALONE)[0].nats_by_source.sum()
    for _ in range(10):
        last = train_step(model, weights, batch, 1e-2, ALONE)[0].nats_by_source.sum()
    assert last < 0.7 * first


def test_losses_by_source_are_those_of_the_sources_documents_and_sum_to_the_total():
    rows = random_rows(4, seed=5)
    expected = np.zeros(2)
    network = tiny_model().network
    for source, ids in [segment for row in rows for segment in row if len(segment[1]) > 1]:
        tokens = torch.tensor([ids])
        expected[source] += F.cross_entropy(network(tokens, use_cache=False).logits[0, :-1], tokens[0, 1:], reduction="sum").item()
    model = tiny_model()
    found, _ = train_step(model, TrainedWeights(model.network, torch.float32, OptimizerRecipe()), [make_batch(pack(rows), 2)], 0.0, ALONE)
    assert found.nats_by_source == pytest.approx(expected, rel=1e-5)


def test_the_report_counts_tokens_and_targets():
    report = losses(2)[-1]
    rows = random_rows(20, seed=3)
    assert report.state == RunState(5, sum(len(ids) for row in rows for _, ids in row))
    assert report.targets_by_source.sum() == sum(len(ids) - 1 for row in rows[16:] for _, ids in row)
    assert report.loss == pytest.approx(report.nats_by_source.sum() / report.targets_by_source.sum())


def test_a_loss_that_is_not_finite_stops_and_names_step_and_rows():
    model = tiny_model()
    weights = TrainedWeights(model.network, torch.float32, OptimizerRecipe())

    def poison(report):
        with torch.no_grad():
            model.head_weight[5] = float("nan")
        return True

    with pytest.raises(TrainError, match="step 2, rows 4, 5, 6, 7 of the mix: loss nan"):
        train(model, weights, steps(random_rows(12), 2), lambda step: 1e-3, RunState(), poison, ALONE)


def test_only_the_rows_whose_loss_is_not_finite_are_named():
    model = tiny_model()
    rows = [[(0, [2, 3, 4])], [(0, [2, 3, 5, 6])], [(0, [2, 3, 4])], [(0, [3, 2, 4])]]
    with torch.no_grad():
        model.network.get_input_embeddings().weight[5] = float("nan")
        model.network.get_output_embeddings().weight = torch.nn.Parameter(torch.zeros(96, 32))
    weights = TrainedWeights(model.network, torch.float32, OptimizerRecipe())
    with pytest.raises(TrainError, match="step 1, row 1 of the mix: loss nan"):
        train(model, weights, steps(rows, 2), lambda step: 1e-3, RunState(), lambda report: True, ALONE)


def test_bfloat16_trains_like_float32():
    exact, half = losses(2), losses(2, torch.bfloat16)
    assert [report.loss for report in half] == pytest.approx([report.loss for report in exact], rel=0.03)


def test_documents_of_one_token_alone_have_no_loss_and_do_not_stop_the_run():
    model = tiny_model()
    weights = TrainedWeights(model.network, torch.float32, OptimizerRecipe())
    seen = []
    only = StepRows(0, 1, [make_batch(pack([[(0, [5]), (1, [6])]]), 2)])
    train(model, weights, [only], lambda step: 1e-3, RunState(), lambda report: seen.append(report.loss) is None, ALONE)
    assert seen == [0.0]

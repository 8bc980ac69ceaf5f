"""Documents of one batch have the rotary frequencies that each would have alone."""

import pytest
import torch

from tests.train.parts import pack
from tests.train.rope.models import CONFIGS, LIMIT, long_network
from tests.train.test_architectures import alone, ours
from train.batch import make_batch
from train.rope.by_document import document_lengths, longest_short_sequences, treat_batch_as_one_sequence

LENGTHS = ((30, 5, LIMIT), (LIMIT + 1, 1, 20), (7, LIMIT, LIMIT + 1, 2))


def rows_of(lengths):
    generator = torch.Generator().manual_seed(7)
    return [[(0, torch.randint(2, 96, (length,), generator=generator).tolist()) for length in row] for row in lengths]


@pytest.mark.parametrize("name", CONFIGS)
def test_losses_and_gradients_are_those_of_each_document_alone(name):
    rows = rows_of(LENGTHS)
    nats, gradients = zip(*(alone(long_network(name).eval(), [[document]]) for row in rows for document in row if len(document[1]) > 1), strict=True)
    model, batch = ours(long_network(name)), make_batch(pack(rows), 2)
    for _ in range(2):  # the second pass starts from what the first one left in the rotary module
        model.network.zero_grad()
        loss = model.loss(batch)
        loss.total.backward()
        torch.testing.assert_close(loss.nats[batch.targets.flatten() >= 0], torch.cat(nats), rtol=1e-5, atol=1e-5)
    for parameter_name, parameter in model.network.named_parameters():
        expected = [of_document[parameter_name] for of_document in gradients if parameter_name in of_document]
        if expected:
            torch.testing.assert_close(parameter.grad, sum(expected), rtol=1e-4, atol=1e-5 * float(sum(expected).abs().max()) + 1e-7)


@pytest.mark.parametrize("name", CONFIGS)
def test_one_sequence_alone_is_what_transformers_computes(name):
    network, long, short = long_network(name).eval(), rows_of([(30,)])[0][0][1], rows_of([(9,)])[0][0][1]
    expected = [long_network(name).eval()(torch.tensor([ids]), use_cache=False).logits.detach() for ids in (long, short)]
    ours(network)
    network.set_attn_implementation("eager")
    for whole in (False, True, False):
        treat_batch_as_one_sequence(network, whole)
        for ids, logits in zip((long, short), expected, strict=True):
            torch.testing.assert_close(network(torch.tensor([ids]), use_cache=False).logits, logits, rtol=1e-5, atol=1e-5)


def test_a_long_document_changes_the_others_without_the_hook():
    """What the hook exists for."""
    model, batch = ours(long_network("longrope")), make_batch(pack(rows_of([(30, 5, LIMIT)])), 2)
    with torch.no_grad():
        by_document = model.nats(batch)
        treat_batch_as_one_sequence(model.network, True)
        assert (model.nats(batch) - by_document)[30:47].abs().max() > 0.1


def test_each_token_knows_the_length_of_its_document():
    position_ids = torch.tensor([[0, 1, 2, 0, 0, 1], [0, 1, 2, 3, 4, 5], [0, 1, 0, 1, 0, 1]])
    assert document_lengths(position_ids).tolist() == [[3, 3, 3, 1, 2, 2], [6] * 6, [2] * 6]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_longest_short_sequence_is_that_of_the_configuration(name):
    assert longest_short_sequences(long_network(name)) == {LIMIT}

import pytest

from tests.train.parts import pack, random_rows
from tests.train.test_architectures import MORE, network_of, ours
from train import attention, diagnose
from train.batch import make_batch


@pytest.mark.parametrize("name", sorted({"llama", "gpt2", *MORE} - {"gptj"}))  # GPT-J keeps documents apart by a mask of its own
def test_a_network_that_can_be_trained_has_no_cause_against_it(name):
    assert diagnose.cause(ours(network_of(name)), make_batch(pack(random_rows(1)), 2)) is None


def test_the_network_is_left_as_it_was():
    from transformers import AttentionInterface

    model = ours(network_of("llama"))
    diagnose.cause(model, make_batch(pack(random_rows(1)), 2))
    assert model.network.config._attn_implementation == attention.NAME
    assert AttentionInterface()[attention.NAME] is attention.document_attention


def test_a_probe_that_fails_leaves_the_others_their_turn(monkeypatch):
    model = ours(network_of("llama"))

    def fail(*arguments):
        raise RuntimeError

    monkeypatch.setattr(diagnose, "_randomness", fail)
    monkeypatch.setattr(diagnose, "_positions", lambda model, batch: "it has no positions")
    assert diagnose.cause(model, make_batch(pack(random_rows(1)), 2)) == "it has no positions"

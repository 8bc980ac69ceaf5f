import math

import numpy as np
import pytest

from eval.errors import EvalError
from eval.probes.copying import copy_nats, random_sequences, shared_pieces
from tests.eval.long_context.models import Copying, Uniform


class Batched:
    """Lets a stand-in of one text read several."""

    def __init__(self, one) -> None:
        self.one, self.device = one, one.device

    def __call__(self, input_ids, use_cache=False):
        from types import SimpleNamespace

        import torch

        return SimpleNamespace(logits=torch.cat([self.one(row[None]).logits for row in input_ids]))


def test_a_model_that_copies_predicts_the_second_copy_and_not_the_first():
    sequences = random_sequences(200, 6, 10, seed=0)
    assert all(len(set(row)) == 10 for row in sequences.tolist())
    for start in ([], [257]):
        results = copy_nats(Batched(Copying()), sequences, start, batch=4)
        assert all(one.right == one.tokens == 9 and one.second_nats < 0.5 < 9 < one.first_nats for one in results)


def test_a_model_that_knows_nothing_loses_as_much_on_both():
    for one in copy_nats(Batched(Uniform()), random_sequences(200, 3, 10, seed=1), [], batch=2):
        assert one.first_nats == pytest.approx(9 * math.log(258)) == pytest.approx(one.second_nats)


def test_sequences_depend_on_the_seed_alone_and_repeat_only_if_they_must():
    assert (random_sequences(50, 4, 8, 3) == random_sequences(50, 4, 8, 3)).all() and (random_sequences(50, 4, 8, 3) != random_sequences(50, 4, 8, 4)).any()
    assert random_sequences(5, 2, 8, 0).max() < 5


def test_pieces_are_those_that_all_models_share_and_the_text_uses():
    old = {f"t{number:02d}": number for number in range(40)}
    new = {piece: 99 - number for piece, number in old.items() if piece != "t03"} | {"added": 100}
    used = {f"t{number:02d}" for number in range(20)}
    assert shared_pieces([old, new], used) == [f"t{number:02d}" for number in range(20) if number != 3]
    assert len(shared_pieces([old, new], {"t00"})) == 39
    with pytest.raises(EvalError, match="vocabularies share 1 tokens, 16 are needed; set copying: null"):
        shared_pieces([old, {"t01": 0}], set())


def test_equal_sequences_are_read_by_models_with_other_ids():
    sequences = np.array([[3, 1, 2, 5]])
    ids = np.array([9, 8, 7, 6, 5, 4])
    assert copy_nats(Batched(Copying()), ids[sequences], [], 1)[0].right == 3

import logging

import pytest
import torch

from train.devices.world import World
from train.regularize.cache import FOLDER, load_or_estimate

ALONE = World(torch.device("cpu"))
IDENTITY = {"recipe_hash": "a" * 32}


def asked(out, identity=IDENTITY, value=2.0):
    """The tensor that a call gives, and whether it was estimated."""
    tensors, calls = {"fisher.x": torch.zeros(3)}, []

    def estimate():
        calls.append(True)
        tensors["fisher.x"].fill_(value)

    load_or_estimate(out, identity, tensors, estimate, ALONE)
    return tensors["fisher.x"].tolist(), bool(calls)


def test_an_estimate_is_made_once(tmp_path):
    assert asked(tmp_path) == ([2.0] * 3, True)
    assert asked(tmp_path, value=7.0) == ([2.0] * 3, False)
    assert not list(tmp_path.glob(".*.tmp"))


def test_another_run_estimates_its_own(tmp_path):
    asked(tmp_path)
    assert asked(tmp_path, {"recipe_hash": "b" * 32}, 7.0) == ([7.0] * 3, True)
    assert asked(tmp_path, {"recipe_hash": "b" * 32}) == ([7.0] * 3, False)


@pytest.mark.parametrize("name", ["facts.json", "tensors/.metadata", "tensors/__0_0.distcp"])
def test_a_damaged_file_is_named_and_estimated_again(tmp_path, caplog, name):
    asked(tmp_path)
    (tmp_path / FOLDER / name).write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        assert asked(tmp_path) == ([2.0] * 3, True)
    assert name in caplog.text
    assert asked(tmp_path) == ([2.0] * 3, False)

import hashlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import torch
import yaml

from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.train.parts import tiny_network, write_mix, write_tokenizer
from tests.train.runs import go


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def base(tmp_path_factory) -> Path:
    """A tiny Llama with its tokenizer, as a Hugging Face folder."""
    folder = tmp_path_factory.mktemp("base")
    tiny_network().save_pretrained(folder)
    return write_tokenizer(folder)


@pytest.fixture(scope="session")
def mix(tmp_path_factory, base: Path) -> Path:
    """A mix of that tokenizer's ids."""
    return write_mix(tmp_path_factory.mktemp("mix"), hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest())


@pytest.fixture
def write_recipe(tmp_path: Path, base: Path, mix: Path) -> Callable[..., Path]:
    """write_recipe(**changes) writes a training recipe of 12 steps into the test's folder."""

    def write(**changes) -> Path:
        recipe = {
            "name": "tiny",
            "model": str(base),
            "mix": str(mix),
            "out": str(tmp_path / "run"),
            "batch_rows": 8,
            "micro_batch_rows": 4,
            "steps": 12,
            "threads": 1,
            "optimizer": {"lr": 0.01},
            "schedule": {"warmup_steps": 2},
            "checkpoint": {"every_steps": 5},
            "log": {"tensorboard": False},
        }
        path = tmp_path / "train.yaml"
        path.write_text(yaml.safe_dump(recipe | changes))
        return path

    return write


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    """A documents set of that tokenizer's words."""
    texts = [" ".join(f"w{2 + 2 * ((3 * word + first) % 40)}" for word in range(40)) for first in range(4)]
    rows = [{"id": bytes([number] * 16), "text": text} for number, text in enumerate(texts)]
    write_set(tmp_path / "held_out", "documents", DOCUMENTS, pa.Table.from_pylist(rows, schema=DOCUMENTS).to_batches())
    return tmp_path / "held_out"


@pytest.fixture
def straight(write_recipe, tmp_path):
    """Folder of a run of 12 steps that nothing disturbed."""
    go(write_recipe(), f"out={tmp_path / 'straight'}")
    return tmp_path / "straight"

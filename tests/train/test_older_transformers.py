"""What we save is the same model in transformers 4. Needs its environment: name a Python in CPTKIT_TRANSFORMERS_4, or let it be made in the cache."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.train import older_transformers
from tests.train.older_transformers import IDS, MODELS, PINS
from tests.venvs import make_venv, run_in
from train.model import load_network
from train.save.model import export_state, save_model
from train.save.tensors import StoredWeights

VARIABLE = "CPTKIT_TRANSFORMERS_4"
TOLERANCE = 2e-4  # of logits around 10; two versions order some sums differently


def python_of_transformers_4() -> Path:
    """The Python that the environment variable names, else one in an environment in the user's cache."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else make_venv(Path.home() / ".cache" / "cptkit-tests" / "transformers-4", PINS)


def resaved(base: Path, folder: Path) -> torch.Tensor:
    """Load `base` as training does, save it to `folder`, and return the logits of the network that was saved."""
    network = load_network(base).eval()
    with torch.no_grad():
        logits = network(input_ids=IDS, use_cache=False).logits
    folder.mkdir(parents=True)
    save_model(network, export_state(network, {}, torch.float32, keep=True), folder, torch.float32, base)
    return logits


def compare(python: Path, folder: Path) -> Iterator[tuple[str, int, float, str]]:
    """Name, version that wrote the base, largest difference of logits (nats), and what is wrong with names or loading ("" if nothing)."""
    program = str(Path(older_transformers.__file__))
    run_in(python, program, "bases", str(folder / "base-4"), folder=folder)
    older_transformers.make_bases(folder / "base-5")  # in this process: the names of transformers 5 only
    ours = {}
    for origin in (4, 5):
        for name in MODELS:
            ours[name, origin] = resaved(folder / f"base-{origin}" / name, folder / f"saved-{origin}" / name)
        run_in(python, program, "logits", str(folder / f"saved-{origin}"), folder=folder)
    for (name, origin), logits in ours.items():
        saved = folder / f"saved-{origin}" / name
        theirs, problem = torch.load(saved / "logits.pt")
        if StoredWeights(saved).infos != StoredWeights(folder / "base-4" / name).infos:
            problem += "; names or shapes differ from the base's"
        yield name, origin, float((logits - theirs).abs().max()), problem


@pytest.mark.slow
def test_transformers_4_reads_the_same_model_whichever_version_wrote_the_base(tmp_path):
    if VARIABLE not in os.environ:
        pytest.skip(f"set {VARIABLE} to a Python with transformers 4.57; python -m tests.train.older_transformers makes one")
    wrong = [row for row in compare(python_of_transformers_4(), tmp_path) if row[3] or not row[2] < TOLERANCE]
    assert not wrong, "\n".join(map(str, wrong))

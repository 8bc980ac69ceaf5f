"""The same merges by mergekit's own command, where it is installed; its random methods are compared with all entries kept."""

import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file

from tests.train.parts import tiny_network, write_tokenizer
from train.merge.recipe import MergeRecipe
from train.merge.run import merge

pytest.importorskip("mergekit")


@pytest.fixture(scope="module")
def parents(tmp_path_factory):
    """Folders base, a, b, c: a, b and c are the base with small changes, partly the same ones."""
    folder = tmp_path_factory.mktemp("parents")
    shared = torch.Generator().manual_seed(9)
    for seed, name in enumerate(("base", "a", "b", "c")):
        network = tiny_network(seed=0)
        own = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                if seed:
                    shared.manual_seed(parameter.numel())
                    parameter += 0.05 * torch.randn(parameter.shape, generator=shared) + 0.05 * torch.randn(parameter.shape, generator=own)
        network.save_pretrained(folder / name)
        write_tokenizer(folder / name)
    return folder


CASES = {
    "linear": ({"normalize": True}, {}, {}),
    "linear, a sum": ({"normalize": False}, {"normalize": False}, {}),
    "slerp": ({"t": 0.3}, {"t": 0.3}, {}),
    "karcher": ({}, {}, {}),
    "task_arithmetic": ({"lambda": 0.7}, {"scale": 0.7}, {}),
    "task_arithmetic, a mean": ({"normalize": True}, {"normalize": True}, {}),
    "ties": ({"lambda": 0.7}, {"scale": 0.7}, {"density": 0.5}),
    "ties, a sum": ({"normalize": False}, {"normalize": False}, {"density": 0.5}),
    "dare_linear": ({}, {}, {"density": 1.0}),
    "dare_ties": ({}, {"normalize": False}, {"density": 1.0}),
    "della": ({}, {}, {"density": 1.0}),
    "della_linear": ({}, {}, {"density": 1.0}),
    "model_stock": ({}, {}, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_result_is_mergekits(parents, tmp_path, case):
    method = case.split(",")[0]
    theirs, ours, of_models = CASES[case]
    names = ("a", "b") if method == "slerp" else ("a", "b", "c")
    weighted = method not in ("slerp", "karcher", "model_stock")
    each = [of_models | ({"weight": weight} if weighted else {}) for _, weight in zip(names, (1.0, 0.5, 0.8), strict=False)]
    based = {} if method in ("linear", "slerp", "karcher") else {"base_model": str(parents / "base")}
    recipe = {
        "merge_method": method,
        "dtype": "float32",
        "parameters": theirs,
        "models": [{"model": str(parents / name), "parameters": own} for name, own in zip(names, each, strict=True)],
        **({"base_model": str(parents / "a")} if method == "slerp" else based),
    }
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump(recipe))
    command = [sys.executable, "-m", "mergekit.scripts.run_yaml", str(tmp_path / "theirs.yaml"), str(tmp_path / "theirs")]
    subprocess.run(command, check=True, timeout=1200)
    models = [{"model": parents / name, **own} for name, own in zip(names, each, strict=True)]
    base = {"base": parents / "base"} if based else {}
    name = "dare" if method == "dare_linear" else method
    merge(MergeRecipe.model_validate({"method": name, "models": models, "out": tmp_path / "ours", **base, **ours}))
    expected, found = (load_file(tmp_path / folder / "model.safetensors") for folder in ("theirs", "ours"))
    differences = {name: float((expected[name] - found[name]).abs().max()) for name in expected.keys() & found.keys()}
    tolerance = 2e-5 if method == "karcher" else 1e-6  # mergekit stops its search at steps of 1e-5
    assert expected.keys() - {"lm_head.weight"} == found.keys() and max(differences.values()) < tolerance

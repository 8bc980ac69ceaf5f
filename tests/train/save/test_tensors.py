import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from train.errors import TrainError
from train.save.tensors import INDEX, StoredWeights, TensorInfo, same_tensors, write_weights

TENSORS = {
    "a": torch.arange(6, dtype=torch.float32).view(2, 3),
    "b": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "c.flags": torch.tensor([True, False, True]),
    "d": torch.tensor(3.25, dtype=torch.float16),
    "e": torch.zeros(0, 4),
    "f": torch.arange(5),
}


def write(folder, tensors=TENSORS, shard_bytes=10**9):
    folder.mkdir(exist_ok=True)
    infos = {name: TensorInfo(tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
    return write_weights(folder, infos, tensors.__getitem__, shard_bytes)


def test_what_is_written_is_what_safetensors_reads(tmp_path):
    write(tmp_path)
    found = load_file(tmp_path / "model.safetensors")
    assert found.keys() == TENSORS.keys()
    assert all(found[name].dtype == tensor.dtype and found[name].equal(tensor) for name, tensor in TENSORS.items())


def test_a_large_model_is_cut_into_files_that_an_index_lists(tmp_path):
    total = write(tmp_path, shard_bytes=30)
    index = json.loads((tmp_path / INDEX).read_text())
    assert index["metadata"]["total_size"] == total == sum(tensor.nbytes for tensor in TENSORS.values())
    files = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert sorted(set(index["weight_map"].values())) == files and len(files) > 1
    assert all(re.fullmatch(r"model-0000\d-of-0000\d.safetensors", name) for name in files)
    stored = StoredWeights(tmp_path)
    assert all(stored[name].equal(tensor) for name, tensor in TENSORS.items())


def test_a_second_set_of_weights_beside_the_index_is_not_read(tmp_path):
    write(tmp_path, shard_bytes=30)
    save_file({"layers.0.other": torch.ones(2)}, tmp_path / "consolidated.safetensors")
    assert "layers.0.other" not in StoredWeights(tmp_path)


def test_other_names_and_other_shapes_are_refused_by_name(tmp_path):
    write(tmp_path / "x")
    write(tmp_path / "y", {name: tensor for name, tensor in TENSORS.items() if name != "a"})
    write(tmp_path / "z", TENSORS | {"a": torch.ones(4, 3)})
    x, y, z = (StoredWeights(tmp_path / name) for name in "xyz")
    with pytest.raises(TrainError, match=r"different tensors: a only in base"):
        same_tensors({"base": x, "models.0": y})
    with pytest.raises(TrainError, match=r"differ in shape: a is \[2, 3\] and \[4, 3\]"):
        same_tensors({"base": x, "models.0": z})
    same_tensors({"base": x, "models.0": z}, without=["a"])

import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shards.folder import RECORD_NAME
from train.errors import TrainError
from train.save.folder import replaced_folder


def test_a_disk_without_room_is_one_line_and_what_was_there_stays(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with replaced_folder(tmp_path, "model") as folder:
        (folder / "old").write_text("finished")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(TrainError, match=r"model: could not be written .*; free some space"), replaced_folder(tmp_path, "model") as folder:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
            save_file({"weights": torch.zeros(1 << 16)}, folder / "model.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name for path in tmp_path.iterdir()} == {"model", RECORD_NAME} and (out / "old").read_text() == "finished"

"""The configuration of a model whose weights need not be there."""

from functools import partial
from pathlib import Path

from train.errors import TrainError
from train.hub import fetch


def config_folder(model: str) -> Path:
    """The folder with the model's config.json; of a hub id only that file is downloaded. Raises TrainError if it is not to be had."""
    path = Path(model)
    if path.name == "config.json" and path.is_file():
        return path.parent
    if path.is_dir():
        if not (path / "config.json").exists():
            raise TrainError(f"model: {model}: no config.json, so this is not a Hugging Face model folder")
        return path
    if path.is_absolute() or model.startswith(".") or model.count("/") > 1:
        raise TrainError(f"model: {model}: no such folder; give a Hugging Face model folder, a config.json or a hub id")
    from huggingface_hub import hf_hub_download

    return fetch(model, partial(hf_hub_download, filename="config.json")).parent

"""`train expand`: a model folder with more layers, which computes what the model did."""

from pathlib import Path

import torch

from train.adapt.adapt import adapt
from train.adapt.export import stored_dtypes
from train.adapt.recipe import AdaptRecipe, ExpandRecipe
from train.folder import new_folder
from train.model import export_state, load_network, local_folder, save_model, stored_dtype


def expand_model(model: str, blocks: int, out: Path) -> list[int]:
    """Write `model` (folder or hub id) with `blocks` new layers to `out`, tensors as they were stored. Returns the numbers of the new layers.

    Raises TrainError for an architecture that can't be expanded, or an `out` in use.
    """
    base = local_folder(model)
    with new_folder(out) as folder:
        network = load_network(base)
        adaptation = adapt(network, AdaptRecipe(expand=ExpandRecipe(blocks=blocks)), torch.float32, torch.device("cpu"))
        dtype = stored_dtype(base)
        state = export_state(network, {}, dtype, keep=True, dtypes=stored_dtypes(network, base, adaptation))
        save_model(network, state, folder, dtype, base)
    return adaptation.new_blocks

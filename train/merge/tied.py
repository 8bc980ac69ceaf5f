"""Tied weights that a model folder stores more than once."""

from collections import defaultdict

import torch

from train.errors import TrainError
from train.model import UNLOADABLE
from train.save.tensors import StoredWeights


def drop_tied_copies(weights: StoredWeights) -> None:
    """Leave out stored copies of tied weights (usually `lm_head.weight`), so that models with and without them can be merged.

    Raises TrainError for a copy with other values than the weight that config.json ties it to. Architectures unknown to transformers stay as they are.
    """
    for first, *copies in tied_names(weights):
        for copy in copies:
            if weights.infos[first].shape != weights.infos[copy].shape or not weights[first].float().equal(weights[copy].float()):
                raise TrainError(
                    f"{weights.folder}: config.json ties {copy} to {first} (tie_word_embeddings), but their stored values differ; "
                    "set tie_word_embeddings: false there if the model has a head of its own, else delete the stored head"
                )
            weights.drop(copy)


def tied_names(weights: StoredWeights) -> list[list[str]]:
    """Groups of two or more stored names that are a single parameter of the network."""
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(weights.folder, trust_remote_code=False)
        if not any(getattr(part, "tie_word_embeddings", False) for part in (config, config.get_text_config())):
            return []
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(config)
    except UNLOADABLE:
        return []
    names: dict[int, list[str]] = defaultdict(list)
    for name, parameter in network.named_parameters(remove_duplicate=False):
        if name in weights:
            names[id(parameter)].append(name)
    return [group for group in names.values() if len(group) > 1]

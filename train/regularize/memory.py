"""Memory that regularizers hold throughout a run."""

import torch

from train.optimize.local import local
from train.optimize.weights import TrainedWeights
from train.regularize.recipe import RegularizeRecipe


def regularizer_bytes(settings: RegularizeRecipe | None, weights: TrainedWeights, stored: torch.dtype) -> int:
    """Bytes on this rank of what `settings` keep for each trained weight, of base values, Fisher information and copies before a step. `stored` is the
    dtype of the base model's files: values stored in bfloat16 are kept in bfloat16. Works on device meta. The estimate itself, before the first step,
    takes 4 bytes more for each weight while optimizer and activations of a batch are not in use.
    """
    if settings is None:
        return 0
    total = 0
    for master in weights.masters.values():
        tensor = local(master)
        base_bytes = 2 if torch.bfloat16 in (stored, master.dtype) else 4
        total += tensor.numel() * (base_bytes if settings.l2_sp or settings.ewc else 0)
        total += tensor.numel() * (2 if settings.ewc else 0)
        if settings.soft_mask:
            n_units = tensor.numel() if tensor.ndim < 2 else tensor.shape[:-1].numel()
            total += 4 * n_units + (4 * tensor.numel() if settings.soft_mask.at == "step" else 0)
    return total

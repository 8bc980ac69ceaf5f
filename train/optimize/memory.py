"""What the optimizer's part of a run takes in memory, counted on its tensors; a network on device meta will do."""

from torch import Tensor, nn

from train.optimize.local import local
from train.optimize.weights import TrainedWeights

_AVERAGES = ("ema.", "anchor.")


def optimizer_bytes(network: nn.Module, weights: TrainedWeights) -> dict[str, int]:
    """Bytes on this rank, by what they hold: `parameters` of the network, frozen ones too; `masters` beside them, with what rounding left;
    `gradients`, once all are there; `moments` and whatever else the optimizer remembers; `averages` of weights.
    """
    kept = {name: _bytes(tensor) for name, tensor in weights.state().items()}
    of_weights = sum(size for name, size in kept.items() if name.startswith("weight."))
    trained = {id(master) for master in weights.masters.values()}
    averages = sum(size for name, size in kept.items() if name.startswith(_AVERAGES))
    return {
        "parameters": sum(_bytes(parameter) for parameter in network.parameters()),
        "masters": of_weights - sum(_bytes(parameter) for parameter in network.parameters() if id(parameter) in trained),
        "gradients": sum(_bytes(master) for master in weights.masters.values()),
        "moments": sum(kept.values()) - of_weights - averages,
        "averages": averages,
    }


def _bytes(tensor: Tensor) -> int:
    return local(tensor).numel() * tensor.element_size()

"""Losses of the routers of a mixture of experts: they keep the experts evenly used, and the routers' logits small.

transformers adds the balancing loss in its `ForCausalLM` classes, which the trainer does not call: it computes hidden states, and the loss in its own
head. So the loss is computed here from the same router logits.
"""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from train.batch import MicroBatch
from train.errors import TrainError
from train.loss.head import IGNORED
from train.loss.recipe import ObjectiveRecipe


class RouterLoss:
    """Balancing loss of Switch Transformers (arXiv 2101.03961, equations 4 to 6) for `top_k` of `n_experts` experts, and z-loss of routers (ST-MoE, arXiv
    2202.08906, equation 5).

    The balancing loss of a row is n_experts * the sum over experts of (share of tokens sent to the expert * mean probability of the expert), both over
    the row's real tokens in all layers together, as in transformers. It is smallest, `top_k`, where all experts are used equally. Each row has its own
    loss, and they are averaged by their targets: results do not depend on how rows are split into micro-batches and processes.
    """

    def __init__(self, routers: "RouterLogits", n_experts: int, top_k: int, balance: float, z_loss: float) -> None:
        self._routers, self._n_experts, self._top_k, self._balance, self._z_loss = routers, n_experts, top_k, balance, z_loss
        self.part_names = (*(("router_aux",) if balance else ()), *(("router_z_loss",) if z_loss else ()))

    def __call__(self, batch: MicroBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """What is added to the loss of `batch`, whose hidden states were computed last: a sum over targets, with gradient; and the losses without their
        coefficients, sums over targets."""
        n_rows, row_tokens = batch.input_ids.shape
        is_real = torch.arange(row_tokens, device=batch.input_ids.device) < batch.row_lengths[:, None]  # (n, L)
        n_targets = (batch.targets != IGNORED).sum(dim=1)
        losses = self._losses([logits.view(n_rows, row_tokens, self._n_experts).float() for logits in self._routers.take()], is_real)
        sums = {name: (losses[name] * n_targets).sum() for name in self.part_names}
        total = sum(coefficient * sums[name] for name, coefficient in (("router_aux", self._balance), ("router_z_loss", self._z_loss)) if name in sums)
        assert isinstance(total, Tensor)
        return total, {name: value.detach() for name, value in sums.items()}

    def _losses(self, logits_of_layers: Sequence[Tensor], is_real: Tensor) -> dict[str, Tensor]:
        """(n,) float32 loss of each row by name; 0 for a row of padding."""
        n_tokens = len(logits_of_layers) * is_real.sum(dim=1, keepdim=True).clamp_min(1)
        counts = torch.zeros(len(is_real), self._n_experts, device=is_real.device)
        probabilities, squares = torch.zeros_like(counts), counts.new_zeros(len(is_real))
        for logits in logits_of_layers:
            soft = torch.softmax(logits, dim=-1)
            chosen = soft.topk(self._top_k, dim=-1).indices
            counts.scatter_add_(1, chosen.flatten(1), is_real.float().repeat_interleave(self._top_k, dim=1))
            probabilities = probabilities + (soft * is_real[..., None]).sum(dim=1)
            if self._z_loss:
                squares = squares + (torch.logsumexp(logits, dim=-1).square() * is_real).sum(dim=1)
        balance = self._n_experts * (counts / n_tokens * (probabilities / n_tokens)).sum(dim=1)
        return {"router_aux": balance, "router_z_loss": squares / n_tokens[:, 0]}


class RouterLogits:
    """Records the logits of a network's routers in each forward pass.

    transformers has a recorder of its own, which breaks the graph of a compiled layer at each router; writing to an attribute of the router does not.
    """

    def __init__(self, network: Any) -> None:
        self._routers = routers(network)
        for router, index in self._routers:
            router.register_forward_hook(partial(_record, index))

    def take(self) -> list[Tensor]:
        """(n * L, n_experts) raw logits of each router in the latest forward pass, from the first layer to the last; drops them."""
        recorded = [router.recorded_logits for router, _ in self._routers]
        for router, _ in self._routers:
            router.recorded_logits = None
        return recorded


def _record(index: int, router: Any, arguments: Any, output: Any) -> None:
    router.recorded_logits = output[index] if isinstance(output, tuple) else output


def routers(network: Any) -> list[tuple[Any, int]]:
    """The routers of a transformers network in order, each with the position of the logits in its output; empty if transformers knows of none."""
    record = (getattr(network.base_model, "_can_record_outputs", None) or {}).get("router_logits")
    if record is None or isinstance(record, list):
        return []
    kind, index = getattr(record, "target_class", record), getattr(record, "index", 1)
    return [(module, index) for module in network.modules() if isinstance(module, kind)]


def make_router_loss(network: Any, settings: ObjectiveRecipe) -> RouterLoss | None:
    """The routers' losses of a run; None if they have no weight. Raises TrainError if weights are given for a model whose routers have none in
    transformers (models without experts, or whose experts are balanced in another way, e.g. DeepSeek-V3)."""
    balance = settings.router_aux
    if balance is None:
        config = network.config.get_text_config()
        balance = config.router_aux_loss_coef if getattr(config, "output_router_logits", False) and has_balancing_loss(network) else 0.0
    if not balance and not settings.router_z_loss:
        return None
    if not has_balancing_loss(network):
        raise TrainError(f"loss.router_aux, loss.router_z_loss: {type(network).__name__} has no balancing loss of routers in transformers; leave them out")
    return RouterLoss(RouterLogits(network), network.num_experts, network.num_experts_per_tok, balance, settings.router_z_loss)


def has_balancing_loss(network: Any) -> bool:
    """Whether transformers computes the balancing loss of this class."""
    module = sys.modules[type(network).__module__]
    needed = hasattr(module, "load_balancing_loss_func"), hasattr(network, "num_experts"), hasattr(network, "num_experts_per_tok"), routers(network)
    return all(needed)

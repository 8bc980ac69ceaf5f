"""Soft labels: part of the loss is the divergence from a teacher's distribution over the next token.

`(1 - weight) * cross-entropy + weight * temperature² * KL(teacher ‖ student)`, both distributions at the temperature (Hinton et al.,
arXiv 1503.02531). Logits of both models exist for one chunk of tokens at a time.
"""

import torch
from torch import Tensor

from train.batch import MicroBatch
from train.loss.cross_entropy import token_weights
from train.loss.head import IGNORED, ChunkResult, Head, LogitTransform, Loss, chunked_loss, through_transform, transformed
from train.loss.objective import FrozenModel

_COPIES = 4  # float32 tensors of the logits' shape are many; chunks a quarter as long bound them, and the products still run at full speed


class Distillation:
    """The objective. `weight` in [0, 1] is the weight of the divergence; `teacher` has the student's tokenizer. `like_cuda` allocates
    as on CUDA, for meta tensors."""

    def __init__(self, teacher: FrozenModel, temperature: float, weight: float, z_loss: float = 0.0, *, like_cuda: bool = False) -> None:
        self.teacher, self.temperature, self.weight, self.z_loss, self.like_cuda = teacher, temperature, weight, z_loss, like_cuda
        self.part_names = SoftLabels.part_names

    def __call__(self, hidden: Tensor, head: Head, batch: MicroBatch) -> Loss:
        """Loss of a batch whose final hidden states are `hidden` (T, D)."""
        targets = batch.targets.flatten()
        loss = SoftLabels(self.teacher.hidden(batch), self.teacher.head, targets, head.transform, self)
        return chunked_loss(hidden, head, loss, token_weights(targets), copies=_COPIES, like_cuda=self.like_cuda)


class SoftLabels:
    """A `ChunkLoss` whose teacher has final hidden states `teacher_hidden` (T, D_t) and the output head `teacher_head`."""

    part_names: tuple[str, ...] = ("kl",)

    def __init__(self, teacher_hidden: Tensor, teacher_head: Head, targets: Tensor, transform: LogitTransform, settings: Distillation) -> None:
        self.teacher_hidden, self.teacher_head, self.targets, self.transform = teacher_hidden, teacher_head, targets, transform
        self.temperature, self.weight, self.z_loss = settings.temperature, settings.weight, settings.z_loss

    def __call__(self, logits: Tensor, chunk: slice, with_gradients: bool) -> ChunkResult:
        """See `ChunkLoss`. The part `kl` is the divergence at the temperature, without weight and temperature²."""
        dtype, n_vocab = logits.dtype, logits.shape[1]
        used = self.targets[chunk] != IGNORED
        indices = self.targets[chunk].clamp_min(0)[:, None]
        logits = transformed(logits, self.transform)
        log_sum = torch.logsumexp(logits, dim=-1, keepdim=True)
        nats = torch.where(used, (log_sum - logits.gather(-1, indices))[:, 0], 0.0)
        log_soft = torch.log_softmax(logits / self.temperature, dim=-1)
        log_teacher = torch.log_softmax(self._teacher_logits(chunk)[:, :n_vocab] / self.temperature, dim=-1)
        teacher = log_teacher.exp()
        divergence = (teacher * (log_teacher - log_soft)).sum(dim=-1)
        z_loss = self.z_loss * log_sum[:, 0].square()
        minimised = (1 - self.weight) * nats + self.weight * self.temperature**2 * divergence + z_loss
        if not with_gradients:
            return ChunkResult(minimised, nats, divergence[None], None)
        d_logits = log_soft.exp_().sub_(teacher).mul_(self.weight * self.temperature)
        d_logits.addcmul_(torch.softmax(logits, dim=-1), 1 - self.weight + 2 * self.z_loss * log_sum)
        d_logits.scatter_add_(-1, indices, d_logits.new_full((1, 1), self.weight - 1).expand(len(indices), 1))
        return ChunkResult(minimised, nats, divergence[None], through_transform(d_logits, logits, self.transform).to(dtype))

    def _teacher_logits(self, chunk: slice) -> Tensor:
        weight, bias, transform = self.teacher_head
        logits = self.teacher_hidden[chunk] @ weight.T
        return transformed(logits if bias is None else logits + bias, transform)

"""The part of a training recipe about the objective."""

from typing import Annotated

from pydantic import Field, model_validator

from shards.recipe import Recipe


class SelectiveRecipe(Recipe):
    """Train on the tokens whose loss exceeds a reference model's loss the most; see `train.loss.selective`."""

    reference: Annotated[str, Field(exclude=True)]
    """Folder or hub id of the reference model: same tokenizer, trained on text of the desired quality. Checkpoints are bound to the hash of its weights."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Share of a micro-batch's targets that are trained on (0.6 at 1B, 0.7 at 7B in Rho-1, arXiv 2404.07965). Tokens are chosen within each
    micro-batch, so `micro_batch_rows` affects the result."""


class DistillRecipe(Recipe):
    """Learn from a teacher's distribution over the next token; see `train.loss.distill`."""

    teacher: Annotated[str, Field(exclude=True)]
    """Folder or hub id of the teacher: same tokenizer, any architecture and size. Checkpoints are bound to the hash of its weights."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the logits of both models (arXiv 1503.02531); 1 leaves the distributions unchanged."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of the divergence; the cross-entropy has weight 1 - this."""


class ObjectiveRecipe(Recipe):
    """The objective: cross-entropy of the next token, unless `selective` or `distill` is given."""

    z_loss: Annotated[float, Field(ge=0)] = 0.0
    """Coefficient of the squared log-sum-exp of the logits (1e-4 in PaLM, arXiv 2204.02311); 0: none."""
    router_aux: Annotated[float, Field(ge=0)] | None = None
    """Coefficient of the balancing loss of routers (mixtures of experts; Switch, arXiv 2101.03961), see `train.loss.router`. null: the model's own
    `router_aux_loss_coef` if its configuration has `output_router_logits: true`, which is how transformers trains it, else none. 0: none."""
    router_z_loss: Annotated[float, Field(ge=0)] = 0.0
    """Coefficient of the squared log-sum-exp of the routers' logits (1e-3 in ST-MoE, arXiv 2202.08906); 0: none."""
    selective: SelectiveRecipe | None = None
    """Train on a selection of the tokens; null: on all."""
    distill: DistillRecipe | None = None
    """Soft labels of a teacher; null: none."""

    @property
    def second_model(self) -> str | None:
        """Folder or hub id of the second model that the objective reads; None if there is none."""
        if self.selective is not None:
            return self.selective.reference
        return self.distill.teacher if self.distill is not None else None

    @model_validator(mode="after")
    def _one_of_them(self) -> "ObjectiveRecipe":
        if self.selective is not None and self.distill is not None:
            raise ValueError("selective and distill exclude each other; leave one out")
        return self

"""The part of a training recipe about forgetting."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shards.held_out import DomainRecipe
from shards.recipe import Recipe

Place = Literal["step", "gradient"]


class L2SpRecipe(Recipe):
    """Pull every trained weight towards the base model's (L2-SP, arXiv 1802.01483): the penalty is strength / 2 * the sum of (weight - base)²."""

    strength: Annotated[float, Field(ge=0)]
    """Coefficient of the penalty. With `at: step` it has the unit of `optimizer.weight_decay`, which pulls to 0 instead; set that to 0 beside it."""
    at: Place = "step"
    """step: after the optimizer's step, a weight takes a step towards the base that shrinks its distance to 1 / (1 + lr * strength) of itself: decoupled
    from the optimizer as AdamW's decay is (arXiv 1711.05101, 2004.12651). gradient: strength * (weight - base) is added to the gradient, as published;
    it then counts in the gradient norm, and AdamW divides it by the size of the weight's gradients."""


class EwcRecipe(Recipe):
    """Pull each trained weight towards the base model's by its importance for the sample (elastic weight consolidation, arXiv 1612.00796): the penalty is
    strength / 2 * the sum of importance * (weight - base)².

    Importance is the diagonal of the empirical Fisher information: the mean over the sample's documents of the squared gradient of a document's
    log-likelihood, divided by its own mean over all trained weights, so that `strength` compares with that of `l2_sp`.
    """

    strength: Annotated[float, Field(ge=0)]
    """Coefficient of the penalty."""
    at: Place = "step"
    """Where the pull is applied, as for `l2_sp`."""


class SoftMaskRecipe(Recipe):
    """Change the units that the sample needs less than others (soft-masking of DAS, arXiv 2302.03241). A unit is a row of a matrix, or an element of a
    vector.

    The importance of a unit is the mean over the sample's documents of |derivative of the document's loss by a factor on the unit|, then
    |tanh(z)| of its z-score among the units of its tensor. The unit's change is multiplied by 1 - strength * importance.
    """

    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    """1: the most important units stay as they are. 0: no mask."""
    protect_unimportant: bool = True
    """Take the absolute value of tanh, as published, which protects units far below the mean as well. false: units below the mean are free."""
    at: Place = "step"
    """step: the optimizer's step is masked. gradient: the gradient is masked, as published; that has little effect with AdamW, which divides a constant
    factor of the gradient out again."""


class RegularizeRecipe(Recipe):
    """What is done against forgetting besides replay in the mix. Distillation from the base model (`loss.distill`) is the penalty on the output."""

    sample: Annotated[DomainRecipe | None, Field(exclude=True)] = None
    """Old text, from which `ewc` and `soft_mask` take importances once, before the first step: a documents set, or `{documents, max_documents,
    max_bytes_per_document}`; by default 200 documents of at most 20,000 bytes. Checkpoints are bound to the hash of the text, not to the path."""
    l2_sp: L2SpRecipe | None = None
    """Pull all weights to the base; null: do not."""
    ewc: EwcRecipe | None = None
    """Pull weights to the base by importance; null: do not."""
    soft_mask: SoftMaskRecipe | None = None
    """Mask changes of important units; null: do not."""

    @property
    def needs_sample(self) -> bool:
        """Whether importances are estimated."""
        return self.ewc is not None or self.soft_mask is not None

    @model_validator(mode="after")
    def _has_sample(self) -> "RegularizeRecipe":
        if self.needs_sample and self.sample is None:
            raise ValueError("sample: required by ewc and soft_mask; give a documents set of old text")
        return self

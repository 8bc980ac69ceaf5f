"""The part of a training recipe about rotary position embeddings."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from shards.recipe import Recipe


class RopeRecipe(Recipe):
    """Extend the model's context by other rotary frequencies, which are written to the saved model's configuration; see `train.rope.extend`."""

    kind: Literal["yarn", "linear", "ntk", "llama3"]
    """yarn: low frequencies interpolated, high ones kept, attention sharpened (arXiv 2309.00071). linear: position interpolation (arXiv 2306.15595).
    ntk: a larger base (NTK-aware), or the given one. llama3: the rule in Llama 3.1's code."""
    factor: Annotated[float, Field(ge=1)]
    """How many times as many positions as `original` the model takes; 1 changes nothing. A model that was extended by the same kind before is extended from
    the same `original` (with ntk, from its present positions): a factor of 8 after one of 4 doubles its context."""
    base: Annotated[float, Field(gt=1)] | None = None
    """Base of the frequencies (`rope_theta`); null: the model's own. With ntk, null: the model's own times factor^(d / (d - 2)), where d is the number of
    rotated dimensions of a head."""
    original: PositiveInt | None = None
    """Positions that the model was trained on before any extension; null: as its configuration says."""
    beta_fast: Annotated[float, Field(gt=0)] = 32.0
    """yarn: frequencies that turn more often than this over `original` positions are kept. The paper's value."""
    beta_slow: Annotated[float, Field(gt=0)] = 1.0
    """yarn: frequencies that turn less often than this over `original` positions are interpolated in full. The paper's value."""
    low_freq_factor: Annotated[float, Field(gt=0)] = 1.0
    """llama3: wavelengths above `original` / this are interpolated in full. Llama 3.1's value."""
    high_freq_factor: Annotated[float, Field(gt=0)] = 4.0
    """llama3: wavelengths below `original` / this are kept. Llama 3.1's value."""

    @model_validator(mode="after")
    def _in_order(self) -> "RopeRecipe":
        if self.beta_fast <= self.beta_slow:
            raise ValueError(f"beta_fast {self.beta_fast:g} must be above beta_slow {self.beta_slow:g}")
        if self.high_freq_factor <= self.low_freq_factor:
            raise ValueError(f"high_freq_factor {self.high_freq_factor:g} must be above low_freq_factor {self.low_freq_factor:g}")
        for kind, names in (("yarn", {"beta_fast", "beta_slow"}), ("llama3", {"low_freq_factor", "high_freq_factor"})):
            foreign = sorted(names & self.model_fields_set)
            if foreign and self.kind != kind:
                raise ValueError(f"{' and '.join(foreign)}: only for kind {kind}, not for {self.kind}; leave out")
        return self

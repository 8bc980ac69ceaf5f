"""A model under probes: loaded on first use, with its tokenizer, special tokens and context."""

from functools import cached_property
from typing import Any

import numpy as np

from eval.errors import EvalError
from eval.models import ModelFolder, ModelTokenizer, load_model
from eval.probes.recipe import ProbesRecipe


class Subject:
    """One model folder. Nothing is loaded before it is needed, because finished stages need nothing."""

    def __init__(self, folder: ModelFolder, recipe: ProbesRecipe, device: str) -> None:
        self.folder, self.device = folder, device
        self._dtype = recipe.dtype

    @cached_property
    def tokenizer(self) -> ModelTokenizer:
        """The model's tokenizer."""
        return ModelTokenizer(self.folder)

    @cached_property
    def model(self) -> Any:
        """The model in evaluation mode. Raises EvalError if its embedding has fewer rows than the tokenizer has entries."""
        model = load_model(self.folder, self._dtype, self.device)
        n_rows = model.get_input_embeddings().num_embeddings
        if self.tokenizer.n_vocab > n_rows:
            raise EvalError(
                f"model {self.folder.name}: its tokenizer has {self.tokenizer.n_vocab} entries, its embedding {n_rows} rows; use the tokenizer of this model"
            )
        return model

    @property
    def start(self) -> list[int]:
        """The special token in front of a text, if the tokenizer puts one there."""
        return [] if self.tokenizer.bos_id is None else [self.tokenizer.bos_id]

    @cached_property
    def ends(self) -> list[int]:
        """Tokens that end a text: of the tokenizer and of the model's generation_config."""
        configured = getattr(getattr(self.model, "generation_config", None), "eos_token_id", None)
        listed = configured if isinstance(configured, list) else [configured]
        return sorted({int(token) for token in [*listed, self.tokenizer.hugging_face.eos_token_id] if token is not None})

    @property
    def context(self) -> int | None:
        """Tokens that the model can read; None if its configuration names no limit."""
        config = self.folder.config
        limit = config.get("max_position_embeddings") or config.get("n_positions")
        return int(limit) if limit else None

    def started(self, texts: list[str]) -> list[np.ndarray]:
        """Ids of texts with the special token in front, `(n_tokens,) int64` each."""
        return [np.concatenate([np.array(self.start, np.int64), ids]) for ids in self.tokenizer.encode(texts)]

    def require_room(self, n_tokens: int, what: str, remedy: str) -> None:
        """Raise EvalError if `n_tokens` tokens exceed the model's context."""
        if self.context is not None and n_tokens > self.context:
            raise EvalError(f"{what}: takes {n_tokens:,} tokens, but the context of model {self.folder.name} is {self.context:,}; {remedy}")

    def windows(self, ids: np.ndarray, longest: int) -> list[np.ndarray]:
        """A text's tokens in windows of at most `longest` tokens and the context, each with the special token in front."""
        size = min(longest, self.context or longest) - len(self.start)
        return [np.concatenate([np.array(self.start, np.int64), ids[first : first + size]]) for first in range(0, max(len(ids), 1), size)]

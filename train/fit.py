"""Checks that a model can be trained on a mix: vocabulary, tokenizer, row length."""

import hashlib
from pathlib import Path
from typing import Any

from mix.stream import Mix
from train.errors import TrainError
from train.model import model_config
from train.rope.extend import position_limit
from train.rope.recipe import RopeRecipe


def check_fit(model: Path, mix: Mix, rope: RopeRecipe | None = None) -> None:
    """Raise TrainError that names both sides if the mix's token ids have another meaning to the model, or if its rows are too long for the model with
    `rope`."""
    config = read_config(model, rope)
    if config.vocab_size < mix.n_vocab:
        raise TrainError(f"model {model} has {config.vocab_size} token ids, mix {mix.folder} uses {mix.n_vocab}; tokenize with the model's own tokenizer")
    tokenizer = model / "tokenizer.json"
    if tokenizer.exists():
        sha256 = hashlib.sha256(tokenizer.read_bytes()).hexdigest()
        if sha256 != mix.tokenizer_sha256:
            raise TrainError(
                f"tokenizer of model {tokenizer} (sha256 {sha256[:12]}…) is not that of mix {mix.folder} (sha256 {mix.tokenizer_sha256[:12]}…); "
                "tokenize the documents with the model's tokenizer and rebuild the mix"
            )
    check_row_length(model, config, mix.row_tokens, f"rows of mix {mix.folder}")


def read_config(model: Path, rope: RopeRecipe | None = None) -> Any:
    """The configuration of the text model, changed by `rope`. Raises TrainError if transformers cannot read it."""
    return model_config(model, rope).get_text_config()


def check_row_length(model: Path, config: Any, row_tokens: int, rows: str) -> None:
    """Raise TrainError if `row_tokens` exceeds the positions of the model's configuration; `rows` names the rows in the message."""
    limit = position_limit(config)
    if limit is not None and limit < row_tokens:
        raise TrainError(
            f"model {model} takes at most {limit} tokens (max_position_embeddings), {rows} have {row_tokens}; build the mix with row_tokens: {limit} or less, "
            "or extend the model's context with rope (docs/how-to/long-context.md)"
        )

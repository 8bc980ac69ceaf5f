"""Models that measure documents, as a recipe of `curate run` names them; each adds columns to the signals."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from shards.amounts import Bytes, Tokens
from shards.recipe import Recipe

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
"""Names of signals can stand in polars expressions as they are."""


class FastTextRecipe(Recipe):
    """A fastText classifier: quality, topic, or whatever its labels say."""

    kind: Literal["fasttext"] = "fasttext"
    """fastText (Joulin et al. 2017, https://arxiv.org/abs/1607.01759)."""
    name: Name
    """With `label`: one signal of this name, the label's probability. Without: `name`, the most likely label, and `name_score`, its probability."""
    path: str
    """A folder written by `curate fit-classifier`, or any .bin or .ftz file."""
    label: str | None = None
    """The label whose probability is wanted, with or without `__label__`."""
    lowercase: bool = False
    """Only for a bare model file trained on lower-cased text; a folder's card knows."""


class ImportanceRecipe(Recipe):
    """DSIR importance weights: how much likelier a document's words are in the target than in the raw text."""

    kind: Literal["dsir"]
    """Xie et al. 2023, https://arxiv.org/abs/2302.03169."""
    name: Name = "dsir"
    """Three signals: `name`, the log weight in nats (grows with length, as in the paper); `name_per_ngram`, divided by the number of n-grams;
    `name_gumbel`, the log weight plus Gumbel noise: the k documents with the largest are a sample of k without replacement by weight."""
    path: str
    """A folder written by `curate fit-importance`."""
    seed: int = 0
    """Of the Gumbel noise, which depends on it and on the document's text alone."""


class KenlmRecipe(Recipe):
    """Perplexity under a KenLM n-gram model, as cc_net computes it."""

    kind: Literal["kenlm"]
    """Wenzek et al. 2020, https://arxiv.org/abs/1911.00359."""
    name: Name = "perplexity"
    """The signal's name; with cutoffs also `name_bucket`: head, middle or tail."""
    path: str
    """A folder written by `curate fit-kenlm`, or an .arpa or binary file."""
    sentencepiece: str | None = None
    """SentencePiece model whose pieces are the n-gram model's words (cc_net's are). null: blank-separated words. A folder's card knows."""
    normalize: bool = True
    """cc_net's normalisation of each line: lower case, no accents, digits → 0, plain punctuation. A folder's card knows."""
    lines: Literal["each", "joined"] = "each"
    """each: every line is a sentence of its own. joined: all lines run together as one, which is what cc_net's program does and its published
    models and cutoffs are for. A folder's card knows."""
    cutoffs: tuple[float, float] | None = None
    """Perplexities below which a document is head, and middle; the rest is tail. cc_net takes the percentiles 30 and 60 of each language's documents."""


class CausalRecipe(Recipe):
    """Bits per byte, or perplexity, under a causal language model: a curriculum's difficulty, or what the model to be trained finds surprising."""

    kind: Literal["causal_lm"]
    """Any Hugging Face folder that transformers loads."""
    unit: Literal["bits_per_byte", "perplexity"] = "bits_per_byte"
    """`bits_per_byte`: bits per UTF-8 byte of the text, comparable between tokenizers. `perplexity`: e to the nats per token of this model's. Default: by
    the name, `perplexity` where it holds that word."""
    name: Name = "bits_per_byte"
    """One signal, null for empty text. Default: the unit."""
    path: str
    """The model's folder, tokenizer included."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of weights and activations; log probabilities are float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU if there is one."""
    context_tokens: Annotated[Tokens, Field(ge=2)] | None = None
    """Longest window, BOS included. Default: what the model holds, at most 1,024."""
    stride_tokens: Tokens | None = None
    """Start of a window after the one before. Default: half the context, so that each token sees at least half a window."""
    batch_tokens: Tokens = 16384
    """Tokens in a batch of windows, padding included."""
    first_bytes: Bytes | None = None
    """Score only so many bytes from the start of each document, cut at a character. null: all."""

    @model_validator(mode="before")
    @classmethod
    def _name_and_unit_agree(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        named = next((unit for unit in ("perplexity", "bits_per_byte") if unit in str(value.get("name", ""))), None)
        unit = value.get("unit", named or "bits_per_byte")
        if named and unit in ("perplexity", "bits_per_byte") and named != unit:
            raise ValueError(f"{value['name']}: this name says {named}, `unit` says {unit}; change one of them")
        return {**value, "unit": unit, "name": value.get("name", unit)}


ModelRecipe = Annotated[FastTextRecipe | ImportanceRecipe | KenlmRecipe | CausalRecipe, Field(discriminator="kind")]

"""The models of a `curate run` recipe. Each adds signals."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from shards.amounts import Bytes, Tokens
from shards.recipe import Recipe

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
"""Name of a signal, which polars expressions can use without quotes."""


class FastTextRecipe(Recipe):
    """A fastText classifier, for quality, topics, or any other labels."""

    kind: Literal["fasttext"] = "fasttext"
    """fastText (Joulin et al. 2017, https://arxiv.org/abs/1607.01759)."""
    name: Name
    """With `label`: one signal of this name, the label's probability. Without: `name`, the most likely label, and `name_score`, its probability."""
    path: str
    """A folder written by `curate fit-classifier`, or any .bin or .ftz file."""
    label: str | None = None
    """The label whose probability is measured, with or without `__label__`. null: the most likely one."""
    lowercase: bool = False
    """For a model file that was trained on lower-cased text. A folder of `curate fit-classifier` records this in its card."""


class ImportanceRecipe(Recipe):
    """DSIR importance weights: how much more likely a document's words are in the target text than in the raw text."""

    kind: Literal["dsir"]
    """Xie et al. 2023, https://arxiv.org/abs/2302.03169."""
    name: Name = "dsir"
    """Three signals: `name`, the log weight in nats (grows with length, as in the paper); `name_per_ngram`, divided by the number of n-grams;
    `name_gumbel`, the log weight plus Gumbel noise: the k documents with the largest are a sample of k without replacement by weight."""
    path: str
    """A folder written by `curate fit-importance`."""
    seed: int = 0
    """Seed of the Gumbel noise, which depends on it and on the document's text alone."""


class KenlmRecipe(Recipe):
    """Perplexity under a KenLM n-gram model, as cc_net computes it."""

    kind: Literal["kenlm"]
    """Wenzek et al. 2020, https://arxiv.org/abs/1911.00359."""
    name: Name = "perplexity"
    """The signal's name; with cutoffs also `name_bucket`: head, middle or tail."""
    path: str
    """A folder written by `curate fit-kenlm`, or an .arpa or binary file."""
    sentencepiece: str | None = None
    """SentencePiece model whose pieces are the n-gram model's words, as in cc_net. null: blank-separated words, or what a folder's card says."""
    normalize: bool = True
    """cc_net's normalisation of each line: lower case, no accents, digits → 0, plain punctuation. A folder's card overrides it."""
    lines: Literal["each", "joined"] = "each"
    """each: every line is a sentence. joined: all lines together are one sentence, as in cc_net's program, for which its published models and
    cutoffs are made. A folder's card overrides it."""
    cutoffs: tuple[float, float] | None = None
    """Perplexities below which a document is head, and middle; the rest is tail. cc_net uses percentiles 30 and 60 of each language's documents."""


class CausalRecipe(Recipe):
    """Bits per byte, or perplexity, under a causal language model: the difficulty of a curriculum, or how surprising a text is to the model to train."""

    kind: Literal["causal_lm"]
    """Any Hugging Face folder that transformers loads."""
    unit: Literal["bits_per_byte", "perplexity"] = "bits_per_byte"
    """`bits_per_byte`: bits per UTF-8 byte of the text, comparable between tokenizers. `perplexity`: e to the power of nats per token of this model.
    Default: `perplexity` if `name` contains that word."""
    name: Name = "bits_per_byte"
    """One signal, null for empty text. Default: the unit."""
    path: str
    """The model's folder, tokenizer included."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Number format of weights and activations; log probabilities are float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU if there is one."""
    context_tokens: Annotated[Tokens, Field(ge=2)] | None = None
    """Longest window, including BOS. null: the model's context, at most 1,024."""
    stride_tokens: Tokens | None = None
    """Tokens between the starts of two windows. null: half the context, so that each token sees at least half a window."""
    batch_tokens: Tokens = 16384
    """Tokens in a batch of windows, including padding."""
    first_bytes: Bytes | None = None
    """Bytes of each document that are scored, from its start, cut at a character. null: all."""

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

"""Recipes of generators. Settings that determine answers (the model) enter the recipe's hash; addresses, rates and retries do not."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from shards.amounts import Tokens
from shards.recipe import Recipe


class PricesRecipe(Recipe):
    """Prices in any currency."""

    prompt_per_million: Annotated[float, Field(ge=0)] = 0.0
    """Per million prompt tokens."""
    completion_per_million: Annotated[float, Field(ge=0)] = 0.0
    """Per million completion tokens."""


class OpenAIRecipe(Recipe):
    """Any server with OpenAI's protocol: vLLM, SGLang, llama.cpp, hosted services."""

    kind: Literal["openai"]
    model: Annotated[str, Field(min_length=1)]
    """The server's name for the model."""
    base_urls: Annotated[tuple[str, ...], Field(min_length=1)] = Field(exclude=True)
    """One server or several with the same model: http://host:8000/v1. Each request goes to the server with the fewest requests in flight.
    A single address need not be a list."""
    api_key_env: str = Field(default="", exclude=True)
    """Name of the environment variable that holds the key; the key is written nowhere else. "": no key is sent."""
    concurrency: Annotated[int, Field(ge=1)] = Field(default=64, exclude=True)
    """Maximum requests in flight per process."""
    timeout_seconds: Annotated[float, Field(gt=0)] = Field(default=600.0, exclude=True)
    """Time limit for a complete answer; with `stream`, for the next piece of it."""
    connect_seconds: Annotated[float, Field(gt=0)] = Field(default=10.0, exclude=True)
    """Seconds to wait for a connection to a server."""
    retries: Annotated[int, Field(ge=0)] = Field(default=6, exclude=True)
    """Retries after timeouts, dropped connections, 5xx and incomplete answers; waits double from half a second, with jitter."""
    patience_seconds: Annotated[float, Field(ge=0)] = Field(default=900.0, exclude=True)
    """How long a request may wait for servers that return 429; these waits do not count as retries."""
    down_seconds: Annotated[float, Field(gt=0)] = Field(default=120.0, exclude=True)
    """The run stops if all servers are down for this long."""
    requests_per_minute: Annotated[float, Field(gt=0)] | None = Field(default=None, exclude=True)
    """Limit over all servers and processes. null: none."""
    tokens_per_minute: Tokens | None = Field(default=None, exclude=True)
    """Limit on prompt and completion tokens, estimated (bytes / 4 and max_tokens) before sending. null: none."""
    max_spend: Annotated[float, Field(gt=0)] | None = Field(default=None, exclude=True)
    """Limit over all runs into this output folder, in the currency of `prices`. No request is sent that could exceed it."""
    prices: PricesRecipe = Field(default=PricesRecipe(), exclude=True)
    """Prices of the servers, for `--dry-run` and `max_spend`."""
    stream: bool = Field(default=False, exclude=True)
    """Request the answer in pieces, so that long answers do not time out."""

    @field_validator("base_urls", mode="before")
    @classmethod
    def _are_urls(cls, value: object) -> object:
        urls = [value] if isinstance(value, str) else value
        if not isinstance(urls, list | tuple):
            return value
        for url in urls:
            if not re.match(r"https?://[^/@\s]+(/\S*)?$", str(url)):
                raise ValueError("an address is http(s)://HOST[:PORT]/v1, without user or password; put keys into the environment, see api_key_env")
        return tuple(str(url).rstrip("/") for url in urls)

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            # The value is not shown because it may be the key.
            raise ValueError("give the name of an environment variable, such as OPENAI_API_KEY, never the key itself")
        return value

    @model_validator(mode="after")
    def _spend_needs_prices(self) -> "OpenAIRecipe":
        if self.max_spend is not None and self.prices == PricesRecipe():
            raise ValueError("max_spend: set `prices` too, {prompt_per_million: …, completion_per_million: …}")
        return self


class TransformersRecipe(Recipe):
    """A causal LM on this machine through transformers."""

    kind: Literal["transformers"]
    model: Annotated[str, Field(min_length=1)]
    """Folder of a Hugging Face model with its tokenizer. Nothing is downloaded."""
    batch: Annotated[int, Field(ge=1)] = Field(default=8, exclude=True)
    """Prompts per batch. Answers depend on it only by rounding, since each prompt has its own random stream."""
    device: str = Field(default="auto", exclude=True)
    """auto, cpu, cuda or cuda:N."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto: the dtype that the model was saved with."""


class RulesRecipe(Recipe):
    """No model: for tasks with a miner."""

    kind: Literal["rules"]


AnyGenerator = Annotated[OpenAIRecipe | TransformersRecipe | RulesRecipe, Field(discriminator="kind")]

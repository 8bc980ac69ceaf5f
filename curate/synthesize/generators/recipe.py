"""The recipe's part on generators. What decides answers (the model) counts in the recipe's hash; places and paces don't."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from shards.amounts import Tokens
from shards.recipe import Recipe


class PricesRecipe(Recipe):
    """In any one currency."""

    prompt_per_million: Annotated[float, Field(ge=0)] = 0.0
    """Per million prompt tokens."""
    completion_per_million: Annotated[float, Field(ge=0)] = 0.0
    """Per million completion tokens."""


class OpenAIRecipe(Recipe):
    """Any server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, hosted ones."""

    kind: Literal["openai"]
    model: Annotated[str, Field(min_length=1)]
    """As the server calls it."""
    base_urls: Annotated[tuple[str, ...], Field(min_length=1)] = Field(exclude=True)
    """One server or many that serve the same model: http://host:8000/v1. Each request goes to the one with the fewest in flight.
    A single address need not be a list."""
    api_key_env: str = Field(default="", exclude=True)
    """Name of the environment variable with the key; the key itself stands nowhere else. "": no key is sent."""
    concurrency: Annotated[int, Field(ge=1)] = Field(default=64, exclude=True)
    """Requests in flight at most, per process."""
    timeout_seconds: Annotated[float, Field(gt=0)] = Field(default=600.0, exclude=True)
    """For a whole answer; with `stream`, for the next piece of it."""
    connect_seconds: Annotated[float, Field(gt=0)] = Field(default=10.0, exclude=True)
    """Seconds to wait for a connection to a server."""
    retries: Annotated[int, Field(ge=0)] = Field(default=6, exclude=True)
    """Further tries after time-outs, dropped connections, 5xx, and answers that are not whole; waits double from half a second, with jitter."""
    patience_seconds: Annotated[float, Field(ge=0)] = Field(default=900.0, exclude=True)
    """A request may wait so long for a server that says 429; those waits are not counted as retries."""
    down_seconds: Annotated[float, Field(gt=0)] = Field(default=120.0, exclude=True)
    """All servers down for so long end the run."""
    requests_per_minute: Annotated[float, Field(gt=0)] | None = Field(default=None, exclude=True)
    """Over all servers and processes. null: no limit of ours."""
    tokens_per_minute: Tokens | None = Field(default=None, exclude=True)
    """Prompt and completion tokens; held to by estimate (bytes / 4 and max_tokens) before sending. null: no limit of ours."""
    max_spend: Annotated[float, Field(gt=0)] | None = Field(default=None, exclude=True)
    """Over all runs into this output folder, in the currency of `prices`. No request is sent that could pass it."""
    prices: PricesRecipe = Field(default=PricesRecipe(), exclude=True)
    """What the servers charge; `--dry-run` and `max_spend` use it."""
    stream: bool = Field(default=False, exclude=True)
    """Ask for the answer in pieces, so that long ones don't time out."""

    @field_validator("base_urls", mode="before")
    @classmethod
    def _are_urls(cls, value: object) -> object:
        urls = [value] if isinstance(value, str) else value
        if not isinstance(urls, list | tuple):
            return value
        for url in urls:
            if not re.match(r"https?://[^/@\s]+(/\S*)?$", str(url)):
                raise ValueError("an address is http(s)://HOST[:PORT]/v1, without user or password; keys go into the environment, see api_key_env")
        return tuple(str(url).rstrip("/") for url in urls)

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            # The value is not shown: it may be the key.
            raise ValueError("name an environment variable here, such as OPENAI_API_KEY, never the key itself")
        return value

    @model_validator(mode="after")
    def _spend_needs_prices(self) -> "OpenAIRecipe":
        if self.max_spend is not None and self.prices == PricesRecipe():
            raise ValueError("max_spend: give `prices` too, {prompt_per_million: …, completion_per_million: …}")
        return self


class TransformersRecipe(Recipe):
    """A causal LM on this machine through transformers."""

    kind: Literal["transformers"]
    model: Annotated[str, Field(min_length=1)]
    """Folder of a Hugging Face model with its tokenizer. Nothing is downloaded."""
    batch: Annotated[int, Field(ge=1)] = Field(default=8, exclude=True)
    """Prompts at a time. With temperature 0 answers depend on it by rounding only; sampled ones are drawn prompt by prompt (see docs)."""
    device: str = Field(default="auto", exclude=True)
    """auto, cpu, cuda or cuda:N."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto: as the model was saved."""


class RulesRecipe(Recipe):
    """No model: for tasks with a miner."""

    kind: Literal["rules"]


AnyGenerator = Annotated[OpenAIRecipe | TransformersRecipe | RulesRecipe, Field(discriminator="kind")]

"""How a model samples its answers; part of every request's key."""

from typing import Annotated, Any

from pydantic import Field

from shards.recipe import Recipe


class SamplingRecipe(Recipe):
    """Fields that are null are left to the server."""

    max_tokens: Annotated[int, Field(ge=1)] = 1024
    """Tokens of a completion at most."""
    temperature: Annotated[float, Field(ge=0)] = 0.7
    """0 is greedy. Default ours."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Sample from the smallest set of tokens with at least this probability; null: the server's default."""
    top_k: Annotated[int, Field(ge=1)] | None = None
    """Not of OpenAI's protocol, but known to vLLM, SGLang and llama.cpp."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion and are not part of it."""
    seed: int = 0
    """Each request gets a seed of its own made of this one, the document and the sample's number. Servers promise little by it; the journal is exact."""
    samples: Annotated[int, Field(ge=1)] = 1
    """Completions of each prompt, each a request of its own."""
    extra: dict[str, Any] = {}
    """Further keys of the request's body, as the server knows them: {chat_template_kwargs: {enable_thinking: false}}."""

    def body(self) -> dict[str, Any]:
        """The keys of a request's body, but for the seed."""
        values = {name: getattr(self, name) for name in ("max_tokens", "temperature", "top_p", "top_k")}
        body = {name: value for name, value in values.items() if value is not None}
        return body | ({"stop": list(self.stop)} if self.stop else {}) | self.extra

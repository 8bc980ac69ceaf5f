"""The local generator: a causal LM on this machine through transformers, in batches.

Each request has its own random stream: Gumbel noise is added to the log-probabilities and the largest taken, which samples from the softmax.
So the samples do not depend on which prompts share a batch, except for rounding.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.synthesize.generators.base import Answer, Request, RetryListener, Take
from curate.synthesize.generators.recipe import TransformersRecipe
from shards.record import json_hash

_BATCHES_SORTED = 8
"""Number of batches drawn at once and sorted by length, to reduce padding."""


class TransformersGenerator:
    """See `Generator`. `chat`: whether requests have messages. Raises CurateError if the model cannot be loaded or used."""

    def __init__(self, recipe: TransformersRecipe, *, chat: bool) -> None:
        torch, transformers = _import_libraries()
        self._torch, self._recipe = torch, recipe
        model_files(recipe)
        device = recipe.device if recipe.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise CurateError(f"generator.device {recipe.device}: torch sees no CUDA device; set device: cpu")
        transformers.utils.logging.disable_progress_bar()
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(recipe.model, local_files_only=True, padding_side="left")
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(recipe.model, dtype=recipe.dtype, local_files_only=True)
        except Exception as error:
            raise CurateError(f"generator.model {recipe.model}: transformers cannot load it ({str(error).strip().splitlines()[0][:200]})") from None
        if chat and not self._tokenizer.chat_template:
            raise CurateError(
                f"generator.model {recipe.model}: its tokenizer has no chat template; use a task with prompt.completion (plain text), or a chat model"
            )
        self._model = model.to(device).eval()
        self._context = int(getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 30)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token or self._tokenizer.convert_ids_to_tokens(0)
        ends = model.generation_config.eos_token_id
        self._ends = set(ends if isinstance(ends, list) else [ends]) | {self._tokenizer.eos_token_id}

    async def check(self) -> None:
        """See `Generator.check`. Everything was checked while loading."""

    async def answer(self, requests: Iterator[Request], take: Take, listener: RetryListener) -> None:
        """See `Generator.answer`."""
        while drawn := list(islice(requests, self._recipe.batch * _BATCHES_SORTED)):
            ready = []
            for request in drawn:
                ids = self._ids(request)
                problem = self._problem(request, len(ids))
                if problem:
                    await take(Answer(request.key, prompt_tokens=len(ids), failure="context_length", detail=problem))
                else:
                    ready.append((request, ids))
            ready.sort(key=lambda pair: (len(pair[1]), pair[0].key))
            for start in range(0, len(ready), self._recipe.batch):
                for answer in self._complete(ready[start : start + self._recipe.batch]):
                    await take(answer)

    def count_tokens(self, text: str) -> float:
        """Exact, except for tokens that the chat template adds."""
        return float(len(self._tokenizer(text, add_special_tokens=False).input_ids))

    async def close(self) -> None:
        """See `Generator.close`."""
        del self._model

    def _ids(self, request: Request) -> list[int]:
        if not request.messages:
            return self._tokenizer(request.prompt).input_ids
        messages = [{"role": role, "content": text} for role, text in request.messages]
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return self._tokenizer(text, add_special_tokens=False).input_ids

    def _problem(self, request: Request, n_tokens: int) -> str:
        max_tokens = request.body["max_tokens"]
        if not n_tokens:
            return "the prompt has no tokens"
        if n_tokens + max_tokens <= self._context:
            return ""
        return f"prompt of {n_tokens} tokens and max_tokens {max_tokens} in a context of {self._context}; lower passages.max_chars or sampling.max_tokens"

    def _complete(self, pairs: list[tuple[Request, list[int]]]) -> Iterator[Answer]:
        """Complete one batch of (request, token ids) of similar length; all have the same sampling."""
        torch, body = self._torch, pairs[0][0].body
        longest = max(len(ids) for _, ids in pairs)
        pad = self._tokenizer.pad_token_id
        inputs = torch.tensor([[pad] * (longest - len(ids)) + ids for _, ids in pairs])  # (B, L), padded on the left
        mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for _, ids in pairs])
        with torch.inference_mode():
            completions = self._model.generate(
                inputs.to(self._model.device),
                attention_mask=mask.to(self._model.device),
                max_new_tokens=body["max_tokens"],
                do_sample=False,
                logits_processor=[_Draw(body, [request.seed for request, _ in pairs])] if body.get("temperature", 1.0) > 0 else [],
                pad_token_id=pad,
                temperature=None,
                top_p=None,
                top_k=None,
                stopping_criteria=[_StopTexts(self._tokenizer, body["stop"], longest)] if body.get("stop") else [],
            )[:, longest:].tolist()
        for (request, ids), new in zip(pairs, completions, strict=True):
            yield self._answer(request, len(ids), new)

    def _answer(self, request: Request, n_prompt: int, new: list[int]) -> Answer:
        end = next((index for index, token in enumerate(new) if token in self._ends), None)
        while end is None and new and new[-1] == self._tokenizer.pad_token_id:  # padding after a stop text
            new = new[:-1]
        kept = new if end is None else new[:end]
        text = self._tokenizer.decode(kept, skip_special_tokens=True)
        stops = [offset for stop in request.body.get("stop", ()) if (offset := text.find(stop)) >= 0]
        text = text[: min(stops)] if stops else text
        return Answer(request.key, text, "length" if end is None and not stops else "stop", n_prompt, len(kept) + (end is not None))


class _Draw:
    """A logits processor: transformers' temperature, top-k and top-p, then Gumbel noise from each row's own stream."""

    def __init__(self, body: dict[str, Any], seeds: list[int]) -> None:
        import torch
        from transformers.generation import logits_process

        self._torch = torch
        self._streams = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._warpers: list[Any] = [logits_process.TemperatureLogitsWarper(float(body.get("temperature", 1.0)))]
        if body.get("top_k"):
            self._warpers.append(logits_process.TopKLogitsWarper(body["top_k"]))
        if body.get("top_p"):
            self._warpers.append(logits_process.TopPLogitsWarper(body["top_p"]))

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """`scores` (B, V) with the noise added, float32."""
        torch = self._torch
        scores = scores.float()
        for warper in self._warpers:
            scores = warper(input_ids, scores)
        noise = torch.stack([torch.rand(scores.shape[1], generator=stream, dtype=torch.float64) for stream in self._streams])
        gumbel = -torch.log(-torch.log(noise.clamp_min(1e-300)))
        return scores + gumbel.to(scores)


class _StopTexts:
    """A stopping criterion: a row is done when its new text contains one of the stop texts."""

    def __init__(self, tokenizer: Any, texts: list[str], n_prompt: int) -> None:
        self._tokenizer, self._texts, self._n_prompt = tokenizer, texts, n_prompt
        # A token has at least one byte, so a stop text that has just ended lies within this many tokens, with one more for a shared token.
        self._n_tokens = max(len(text.encode()) for text in texts) + 1

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """(B,) bool."""
        import torch

        tails = input_ids[:, max(self._n_prompt, input_ids.shape[1] - self._n_tokens) :].tolist()
        is_done = [any(text in tail for text in self._texts) for tail in self._tokenizer.batch_decode(tails, skip_special_tokens=True)]
        return torch.tensor(is_done, device=input_ids.device)


def model_files(recipe: TransformersRecipe) -> list[Path]:
    """Files with weights, configuration and tokenizer, sorted. Raises CurateError if the folder is not a Hugging Face model."""
    folder = Path(recipe.model)
    if not (folder / "config.json").is_file():
        raise CurateError(f"generator.model {recipe.model}: no config.json there; set it to the folder of a Hugging Face model")
    return sorted(file for file in folder.iterdir() if file.suffix in (".json", ".safetensors", ".bin", ".model", ".jinja"))


def model_name(recipe: TransformersRecipe) -> str:
    """The folder's name and a fingerprint of its files (names, sizes, and the content of text files), so that another checkpoint is another model."""
    files = [(file.name, file.stat().st_size, file.read_text(errors="replace") if file.suffix in (".json", ".jinja") else "") for file in model_files(recipe)]
    return f"{Path(recipe.model).resolve().name}@{json_hash(files)[:12]}"


def _import_libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise CurateError(f"generator.kind transformers needs torch and transformers ({error.name} is missing): pip install 'cptkit[train]'") from None
    return torch, transformers

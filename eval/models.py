"""The evaluated models: their files are checked before any model is loaded, then each is loaded in evaluation mode."""

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from eval.errors import EvalError
from shards.atomic import file_checksum
from shards.record import json_hash
from shards.round_trip import RoundTrip, round_trip_of

_TOKENIZER_PARTS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_PARTS = ("config.json", *_TOKENIZER_PARTS)
_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "seq_length", "n_ctx")
"""Names that architectures give to the length of their context in config.json (Llama, GPT-2, MPT, …)."""
_NEED_BOS = ("gemma", "recurrent_gemma")
"""Beginnings of the model types that predict badly without a beginning-of-text token before the input: all Gemma models were trained with it, and
lm-evaluation-harness adds it for them, too."""


@dataclass(frozen=True)
class ModelFolder:
    """A Hugging Face model folder with config.json, safetensors and tokenizer.json. Raises EvalError if one of them is missing."""

    name: str
    path: Path

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise EvalError(f"model {self.name}: {self.path} is not a folder; give the folder of a Hugging Face model, such as OUT/model of a training run")
        if not (self.path / "config.json").exists():
            hint = f"; did you mean {self.path / 'model'}?" if (self.path / "model" / "config.json").exists() else ""
            raise EvalError(f"model {self.name}: no config.json in {self.path}, so it is not a Hugging Face model{hint}")
        if not any(self.path.glob("*.safetensors")):
            raise EvalError(f"model {self.name}: no *.safetensors in {self.path}; save the weights with save_pretrained")
        if not (self.path / "tokenizer.json").exists():
            raise EvalError(f"model {self.name}: no tokenizer.json in {self.path}; copy the files of the model's tokenizer there")

    @cached_property
    def checksum(self) -> str:
        """xxh3-128 over the checksums of weights, configuration and tokenizer: identifies everything that the scores depend on."""
        files = sorted([*self.path.glob("*.safetensors"), *(self.path / part for part in _PARTS if (self.path / part).exists())])
        return json_hash({file.name: file_checksum(file) for file in files})

    @cached_property
    def tokenizer_checksum(self) -> str:
        """xxh3-128 of tokenizer.json."""
        return file_checksum(self.path / "tokenizer.json")

    @cached_property
    def encoding_checksum(self) -> str:
        """xxh3-128 over all files of the tokenizer: identifies what the ids of a text depend on."""
        return json_hash({part: file_checksum(self.path / part) for part in _TOKENIZER_PARTS if (self.path / part).exists()})

    @cached_property
    def n_parameters(self) -> int:
        """Number of parameters, from the headers of the weight files; an output head that is tied to the embedding counts once. Quantized models store
        several weights in one number, so theirs is too low."""
        shapes: dict[str, list[int]] = {}
        for path in sorted(self.path.glob("*.safetensors")):
            with safe_open(path, framework="np") as weights:
                shapes |= {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118 (not a dict)
        if self.config.get("tie_word_embeddings"):
            shapes.pop("lm_head.weight", None)
        return sum(math.prod(shape) for shape in shapes.values())

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json. Raises EvalError if it is not a JSON object."""
        try:
            config = json.loads((self.path / "config.json").read_text(encoding="utf-8"))
            return config.get("text_config", config)
        except (ValueError, AttributeError) as error:
            raise EvalError(f"model {self.name}: {self.path / 'config.json'} is not a JSON object ({error})") from None

    @property
    def context_limit(self) -> int | None:
        """Tokens that the model was made for, under whatever name its architecture has for it; None if config.json does not say."""
        return next((self.config[key] for key in _CONTEXT_KEYS if isinstance(self.config.get(key), int)), None)

    @property
    def needs_bos(self) -> bool:
        """Whether the model's type is known to predict badly unless the input begins with the beginning-of-text token."""
        return str(self.config.get("model_type", "")).startswith(_NEED_BOS)

    def require_context(self, context_tokens: int) -> None:
        """Raise EvalError if the model's context is shorter than `context_tokens`."""
        limit = self.context_limit
        if limit and context_tokens > limit:
            raise EvalError(f"model {self.name}: its context is {limit} tokens, but the recipe has context_tokens {context_tokens}; set {limit} or less")


class ModelTokenizer:
    """Encodes texts as in training: text that spells a special token stays text, and nothing is appended.

    `bos_id` is the token that the tokenizer puts in front of a text, None if there is none.
    """

    def __init__(self, folder: ModelFolder) -> None:
        from transformers import AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder.path, local_files_only=True)
        except Exception as error:
            raise EvalError(f"model {folder.name}: cannot load the tokenizer in {folder.path} ({_first_line(error)})") from None
        self.n_vocab = len(self._tokenizer)
        first = self._tokenizer("").input_ids[:1]
        self.bos_id = first[0] if first and first[0] == self._tokenizer.bos_token_id else None

    @property
    def hugging_face(self) -> Any:
        """The tokenizer of transformers."""
        return self._tokenizer

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Id of each token by its text in the tokenizer's own spelling, special tokens included."""
        return dict(self._tokenizer.get_vocab())

    def decode(self, ids: np.ndarray) -> str:
        """The text of `ids (n,) int64`, without special tokens."""
        return str(self._tokenizer.decode(ids.tolist(), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    @cached_property
    def round_trip(self) -> RoundTrip:
        """Measures the text that this tokenizer loses."""
        tokenizer = self._tokenizer
        if getattr(tokenizer, "backend_tokenizer", None) is not None:
            return round_trip_of(tokenizer.backend_tokenizer)

        def encode(text: str) -> tuple[list[int], None]:
            return tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False).input_ids, None

        unknown = [] if tokenizer.unk_token_id is None else [tokenizer.unk_token_id]
        return RoundTrip(encode, lambda ids: str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)), unknown)

    def encode(self, texts: list[str]) -> list[np.ndarray]:
        """Ids of each text, `(n_tokens,) int64`."""
        encoded = self._tokenizer(texts, add_special_tokens=False, split_special_tokens=True, verbose=False)
        return [np.array(ids, dtype=np.int64) for ids in encoded.input_ids]


def prepare_torch(device: str, threads: int | None) -> str:
    """Set the number of CPU threads, silence transformers, and return the device: `auto` is a GPU if there is one. Raises EvalError if this machine has no
    such device."""
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        raise EvalError(f"device {device}: not available on this machine ({str(error).splitlines()[0]}); set device to cpu or auto") from None
    return device


def load_model(folder: ModelFolder, dtype: str, device: str) -> Any:
    """The causal language model in evaluation mode on `device`. Raises EvalError if transformers cannot load all of its weights."""
    import torch
    from transformers import AutoModelForCausalLM

    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(folder.path, dtype=getattr(torch, dtype), local_files_only=True, output_loading_info=True)
    except Exception as error:
        raise EvalError(f"model {folder.name}: cannot load {folder.path} ({_first_line(error)})") from None
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        raise EvalError(f"model {folder.name}: {len(missing)} weights are missing from {folder.path}, the first is {missing[0]}; save the whole model")
    return model.to(device).eval()


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]

"""A tokenizer as its files define it: tokenizer.json, and tokenizer_config.json beside it for the names of special tokens.

`tokenizer.json` is read once, and every encoder is built from the same text, so that they differ only in speed. Truncation and padding are
removed, because documents are encoded whole.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import orjson
from tokenizers import Tokenizer

from tokenize_tools.errors import TokenizeError
from tokenize_tools.plausible import check_plausible
from tokenize_tools.probe import FAST, REFERENCE, in_order, problems
from tokenize_tools.sentencepiece_file import find_sentencepiece, looks_like_sentencepiece
from tokenize_tools.special import special_ids


@dataclass(frozen=True)
class Definition:
    """One tokenizer. `json_text` is its tokenizer.json without truncation and padding; `sha256` is the hash of the unchanged file."""

    label: str
    json_text: str
    sha256: str
    n_vocab: int
    """Largest id + 1. Not the number of entries: ids may have gaps."""
    bos_id: int | None
    eos_id: int | None
    pad_id: int | None
    starts_with_bos: bool
    """Whether the tokenizer itself adds its bos before a text."""

    @property
    def id_bytes(self) -> int:
        """Bytes per id on disk: 2 while all ids fit in uint16, else 4."""
        return 2 if self.n_vocab <= 1 << 16 else 4

    @cached_property
    def parsed(self) -> dict[str, Any]:
        """`json_text` as a JSON object."""
        return orjson.loads(self.json_text)

    def __getstate__(self) -> dict[str, Any]:
        # Workers receive it without the parsed JSON, which is several times larger.
        return {name: value for name, value in self.__dict__.items() if name != "parsed"}

    def added_tokens(self, *, special: bool | None = None) -> list[str]:
        """Texts of the added tokens: all, only the special ones, or only the others."""
        return [token["content"] for token in self.parsed.get("added_tokens", []) if special is None or token["special"] == special]


def read_definition(path: Path) -> Definition:
    """Read a tokenizer from a folder or a tokenizer.json.

    Raises TokenizeError if it is missing, is not a tokenizer, is implausible (see `plausible`), crashes the tokenizers library, or gets other ids
    when loaded.
    """
    path = Path(path)
    file = path / "tokenizer.json" if path.is_dir() else path
    raw = _read(path, file)
    parsed, json_text = _parse(file, raw)
    sha256 = hashlib.sha256(raw).hexdigest()
    fault = problems((REFERENCE, *in_order(FAST, parsed)[:1]), json_text, sha256)[REFERENCE]
    if fault is not None:
        raise TokenizeError(f"{file}: the tokenizers library {fault} with this tokenizer; save it again with transformers' save_pretrained")
    try:
        tokenizer = reference_tokenizer(json_text)
        first = tokenizer.encode("").ids[:1]
    except Exception as error:
        raise TokenizeError(f"{file}: not a tokenizer that the tokenizers library can load ({error})") from None
    _refuse_renumbering(file, tokenizer, parsed)
    ids = special_ids(file, tokenizer)
    label = path.resolve().name if path.is_dir() else path.resolve().parent.name
    starts_with_bos = ids["bos"] is not None and first == [ids["bos"]]
    definition = Definition(label, json_text, sha256, _n_ids(parsed), ids["bos"], ids["eos"], ids["pad"], starts_with_bos)
    definition.__dict__["parsed"] = parsed
    return definition


@lru_cache(maxsize=4)
def reference_tokenizer(json_text: str) -> Tokenizer:
    """The tokenizer in Hugging Face's library, which encodes special tokens in a text as text. Built once per process (0.1 s or more)."""
    tokenizer = Tokenizer.from_str(json_text)
    tokenizer.encode_special_tokens = True
    return tokenizer


def _read(path: Path, file: Path) -> bytes:
    model = file if file.suffix == ".model" or looks_like_sentencepiece(file) else None if file.exists() else find_sentencepiece(file.parent)
    if model is not None:
        raise TokenizeError(
            f"{path}: holds a SentencePiece model and no tokenizer.json ({model.name}); "
            "transformers writes one: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(OUT)"
        )
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise TokenizeError(f"{file}: no such file; give a tokenizer.json or a folder that holds one") from None
    except OSError as error:
        raise TokenizeError(f"{file}: cannot read the tokenizer ({error.strerror})") from None


def _parse(file: Path, raw: bytes) -> tuple[dict[str, Any], str]:
    try:
        parsed = orjson.loads(raw)
        parsed["model"]["vocab"]
    except (ValueError, KeyError, TypeError, IndexError):
        raise TokenizeError(f"{file}: not a Hugging Face tokenizer.json; convert the tokenizer with transformers first") from None
    check_plausible(file, parsed)
    parsed |= {"truncation": None, "padding": None}
    try:
        return parsed, orjson.dumps(parsed).decode()
    except TypeError as error:
        raise TokenizeError(f"{file}: not a Hugging Face tokenizer.json ({error}); save the tokenizer again with transformers") from None


def _n_ids(parsed: dict[str, Any]) -> int:
    vocabulary = parsed["model"]["vocab"]
    largest = max(vocabulary.values(), default=-1) if isinstance(vocabulary, dict) else len(vocabulary) - 1
    return max([largest, *(token["id"] for token in parsed.get("added_tokens", []))]) + 1


def _refuse_renumbering(file: Path, tokenizer: Tokenizer, parsed: dict[str, Any]) -> None:
    # tokenizers silently gives new ids to added tokens that are not in model.vocab and whose ids do not continue it without a gap.
    for token in parsed.get("added_tokens", []):
        loaded = tokenizer.token_to_id(token["content"])
        if loaded != token["id"]:
            raise TokenizeError(f"{file}: {token['content']!r} has id {token['id']} in the file but {loaded} once loaded; list it in model.vocab with its id")

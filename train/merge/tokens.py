"""The meaning of a model's token ids, from its tokenizer.json: only models that agree on it can be merged."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from train.errors import TrainError

FILE = "tokenizer.json"


def refuse_other_tokens(folders: Mapping[str, Path]) -> None:
    """Raise TrainError that names tokens unless all tokenizers give the same tokens the same ids, with the same merges. Folders without one are skipped."""
    known = {role: read_tokenizer(folder) for role, folder in folders.items() if (folder / FILE).exists()}
    if not known:
        return
    (first, reference), *others = known.items()
    tokens = token_ids(reference)
    for role, tokenizer in others:
        other = token_ids(tokenizer)
        differ = sorted(token for token in tokens.keys() | other.keys() if tokens.get(token) != other.get(token))
        if differ:
            shown = ", ".join(f"{token!r} ({tokens.get(token)} and {other.get(token)})" for token in differ[:3])
            raise TrainError(
                f"tokens of {first} ({folders[first]}) and {role} ({folders[role]}) differ in {len(differ)} ids: {shown}; merge models of one tokenizer"
            )
        if reference["model"].get("merges") != tokenizer["model"].get("merges"):
            raise TrainError(f"tokenizers of {first} ({folders[first]}) and {role} ({folders[role]}) differ in their merges; merge models of one tokenizer")


def read_tokenizer(folder: Path) -> dict[str, Any]:
    """The content of tokenizer.json. Raises TrainError if it is missing or not a tokenizer."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        content["model"]["vocab"]
        return content
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainError(f"{folder / FILE}: not a readable tokenizer ({type(error).__name__}: {error})") from None


def token_ids(tokenizer: dict[str, Any]) -> dict[str, int]:
    """Token → id, including added tokens. A Unigram vocabulary is a list whose indices are the ids."""
    vocabulary = tokenizer["model"]["vocab"]
    ids = dict(vocabulary) if isinstance(vocabulary, dict) else {token: number for number, (token, _) in enumerate(vocabulary)}
    return ids | {token["content"]: token["id"] for token in tokenizer.get("added_tokens") or []}

"""The bos, eos and pad tokens, which special_tokens_map.json and tokenizer_config.json beside a tokenizer.json name."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tokenize_tools.errors import TokenizeError

ROLES = ("bos", "eos", "pad")


def special_ids(file: Path, tokenizer: Tokenizer) -> dict[str, int | None]:
    """The id of each role, None if no token is named (null or ""). tokenizer_config.json overrides special_tokens_map.json.

    Raises TokenizeError for a file that is not a JSON object, a name that is not a text, and a token that the tokenizer lacks.
    """
    ids: dict[str, int | None] = dict.fromkeys(ROLES)
    for companion in ("special_tokens_map.json", "tokenizer_config.json"):
        names = _read(file.parent / companion)
        for role in ROLES:
            if names.get(f"{role}_token") not in (None, ""):
                ids[role] = _id_of(file.parent / companion, tokenizer, role, names[f"{role}_token"])
    return ids


def _read(path: Path) -> dict[str, Any]:
    try:
        names = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TokenizeError(f"{path}: cannot read the names of special tokens ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise TokenizeError(f"{path}: not a JSON object ({error})") from None
    if not isinstance(names, dict):
        raise TokenizeError(f"{path}: not a JSON object")
    return names


def _id_of(path: Path, tokenizer: Tokenizer, role: str, name: Any) -> int:
    text = name.get("content") if isinstance(name, dict) else name
    if not isinstance(text, str):
        raise TokenizeError(f"{path}: {role}_token is {json.dumps(name)[:80]}, not the text of a token; {_advice(tokenizer, text)}")
    try:
        token_id = tokenizer.token_to_id(text)
    except UnicodeEncodeError:  # half of a surrogate pair
        token_id = None
    if token_id is None:
        raise TokenizeError(f"{path}: the {role} token {text!r} is not in tokenizer.json; name one that is, or null")
    return token_id


def _advice(tokenizer: Tokenizer, number: Any) -> str:
    known = type(number) is int and 0 <= number < 1 << 31 and tokenizer.id_to_token(number)
    return f"the token with that id is {known!r}" if known else "write it as in tokenizer.json, or null"

"""Checks a tokenizer.json before a library builds tables from it: some libraries allocate memory for the largest id, and abort.

It checks only what libraries use unchecked: ids, merges and added tokens. Libraries refuse other faults themselves.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tokenize_tools.errors import TokenizeError

_TOO_LARGE = 1 << 31
_ALWAYS_PLAUSIBLE = 1 << 20
_MOST_IDS_PER_TOKEN = 16
_MOST_IDS = 1 << 24
"""More than 60 times the largest vocabularies in use. The length of tables is the largest id."""
_REMEDY = "correct the file, or save the tokenizer again with transformers' save_pretrained"


class _ImplausibleError(Exception):
    """What is wrong, without the file and the remedy."""


def check_plausible(file: Path, parsed: Any) -> None:
    """Raise TokenizeError, in one line with file, token and id, for an implausible tokenizer.json.

    Each id is a whole number from 0 to 2**31 - 1, belongs to one token, and is below the larger of 2**20 and 16 times the number of tokens, at most
    2**24. A merge joins two tokens of the vocabulary to a third. An added token has a text, an id and a boolean `special`.
    """
    try:
        _check(parsed)
    except _ImplausibleError as error:
        raise TokenizeError(f"{file}: {error}; {_REMEDY}") from None


def _check(parsed: Any) -> None:
    model = _typed(_typed(parsed, dict, "the file").get("model"), dict, "model")
    added = _typed(parsed.get("added_tokens", []), list, "added_tokens")
    added_ids = [_added(token, index) for index, token in enumerate(added)]
    vocabulary = model.get("vocab")
    if not vocabulary:
        raise _ImplausibleError("model.vocab holds no token")
    if isinstance(vocabulary, list):
        _check_pieces(vocabulary)
        ids: dict[str, Any] = {}
    else:
        ids = _typed(vocabulary, dict, "model.vocab")
    limit = min(_MOST_IDS, max(_ALWAYS_PLAUSIBLE, _MOST_IDS_PER_TOKEN * (len(vocabulary) + len(added))))
    _check_ids(ids.items(), limit)
    _check_ids(dict(added_ids).items(), limit)
    if ids and model.get("merges") is not None:
        _check_merges(_typed(model["merges"], list, "model.merges"), ids, model.get("continuing_subword_prefix"))


def _typed(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        raise _ImplausibleError(f"{name} is {_shown(value)}, not {'an object' if kind is dict else 'a list'}")
    return value


def _shown(value: Any) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _added(token: Any, index: int) -> tuple[str, Any]:
    name = f"added_tokens[{index}]"
    _typed(token, dict, name)
    text = token.get("content")
    if not isinstance(text, str) or not text:
        raise _ImplausibleError(f"{name}: content is {_shown(text)}, not the text of a token")
    if not isinstance(token.get("special"), bool):
        raise _ImplausibleError(f"{name}, the token {_shown(text)}: special is {_shown(token.get('special'))}, not true or false")
    return text, token.get("id")


def _check_pieces(pieces: list[Any]) -> None:
    for index, piece in enumerate(pieces):
        is_piece = isinstance(piece, list) and len(piece) == 2 and isinstance(piece[0], str)
        if not is_piece or isinstance(piece[1], bool) or not isinstance(piece[1], int | float):
            raise _ImplausibleError(f"model.vocab[{index}] is {_shown(piece)}, not a piece and its score")


def _check_ids(items: Iterable[tuple[str, Any]], limit: int) -> None:
    owners: dict[int, str] = {}
    for token, number in items:
        if type(number) is not int:
            raise _ImplausibleError(f"the token {_shown(token)} has the id {_shown(number)}, not a whole number")
        if not 0 <= number < _TOO_LARGE:
            raise _ImplausibleError(f"the token {_shown(token)} has the id {number}, not one from 0 to {_TOO_LARGE - 1}")
        if number >= limit:
            raise _ImplausibleError(f"the token {_shown(token)} has the id {number}, too large for the number of tokens (ids must be below {limit})")
        other = owners.setdefault(number, token)
        if other is not token:
            raise _ImplausibleError(f"the tokens {_shown(other)} and {_shown(token)} have the same id {number}")


def _check_merges(merges: list[Any], ids: dict[str, Any], prefix: Any) -> None:
    skipped = len(prefix) if isinstance(prefix, str) else 0
    for index, (left, right) in enumerate(_pairs(merges)):
        for token in (left, right, left + right[skipped:]):
            if token not in ids:
                raise _ImplausibleError(f"merge {index}, {_shown(left)} and {_shown(right)}: the token {_shown(token)} is not in model.vocab")


def _pairs(merges: list[Any]) -> Iterator[tuple[str, str]]:
    for index, merge in enumerate(merges):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if isinstance(merge, str) and merge.startswith("#version"):
            continue
        if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            raise _ImplausibleError(f"merge {index} is {_shown(merge)}, not two tokens")
        yield parts[0], parts[1]

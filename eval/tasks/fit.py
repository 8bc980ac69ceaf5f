"""Which items a model can be asked: they fit into its context, and the answer has tokens of its own.

The harness cuts longer items from the left without a result that shows it, so models with different contexts would answer different questions.
"""

from collections.abc import Sequence
from typing import Any

from eval.errors import EvalError
from eval.models import ModelFolder
from eval.tasks.harness import first_line
from eval.tasks.items import Item, Task
from shards.items import split_pair
from shards.round_trip import round_trip_of

DEFAULT_CONTEXT = 2048
"""Tokens, as in the harness, for models whose configuration names no limit."""
_GENERATED = 256
"""Tokens that the harness generates unless a task says otherwise."""


class PairTokenizer:
    """Counts the tokens of a context and its continuation as the harness encodes them: together, with blanks at the end of the context moved to the
    continuation, and with the special tokens that the tokenizer adds, or with `add_bos` as that says."""

    def __init__(self, folder: ModelFolder, add_bos: bool | None) -> None:
        self.tokenizer = load_tokenizer(folder, add_bos)
        self._special = {} if add_bos is None else {"add_special_tokens": add_bos}
        prefix = self.tokenizer.bos_token_id if self.tokenizer.bos_token_id is not None else self.tokenizer.eos_token_id
        if prefix is None:
            raise EvalError(f"model {folder.name}: its tokenizer has neither a beginning- nor an end-of-text token, and the harness needs one; add a bos_token")
        self._begin = self.tokenizer.decode(prefix)
        plain, full = self.encode(["a"], special=False)[0], self.encode(["a"])[0]
        if full[len(full) - len(plain) :] != plain:
            added = self.tokenizer.decode(full[-1:])
            raise EvalError(
                f"model {folder.name}: its tokenizer appends {added} to a text, and the harness would then score less of each answer; set add_bos: false"
            )

    def encode(self, texts: Sequence[str], *, special: bool = True) -> list[list[int]]:
        """Ids of each text."""
        if not texts:
            return []
        groups: dict[bool, list[int]] = {}
        for index, text in enumerate(texts):
            groups.setdefault(special and bool(self._begin) and text.startswith(self._begin), []).append(index)
        ids: list[list[int]] = [[]] * len(texts)
        for begins, indices in groups.items():
            options = self._special if special and not begins else {"add_special_tokens": False}
            for index, encoded in zip(indices, self.tokenizer([texts[index] for index in indices], verbose=False, **options).input_ids, strict=True):
                ids[index] = encoded
        return ids

    def sizes(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
        """Tokens of context and of continuation of each pair. An empty context is one token, the one that begins a text."""
        split = [("", continuation) if context == "" else split_pair(context, continuation) for context, continuation in pairs]
        heads = self.encode([head for head, _ in split])
        wholes = self.encode([head + tail for head, tail in split])
        bare = self.encode([tail for _, tail in split], special=False)
        sizes = []
        for (context, _), head, whole, tail in zip(pairs, heads, wholes, bare, strict=True):
            sizes.append((1, len(tail)) if context == "" else (len(head), len(whole) - len(head)))
        return sizes


def load_tokenizer(folder: ModelFolder, add_bos: bool | None) -> Any:
    """The folder's tokenizer, made to put a beginning-of-text token before a text or not as `add_bos` says; None: as it does.

    The harness does the same for a model that it loads itself; a tokenizer without a rule for such a token would otherwise ignore `add_bos`. Raises
    EvalError if transformers cannot load it.
    """
    from transformers import AutoTokenizer

    options = {} if add_bos is None else {"add_bos_token": add_bos}
    try:
        return AutoTokenizer.from_pretrained(folder.path, local_files_only=True, **options)
    except Exception as error:
        raise EvalError(f"model {folder.name}: cannot load the tokenizer in {folder.path} ({first_line(error)})") from None


def context_of(folder: ModelFolder) -> int:
    """Tokens of the model's context, or the harness's default where its configuration names none."""
    return int(folder.config.get("max_position_embeddings") or folder.config.get("n_positions") or DEFAULT_CONTEXT)


def unfit_items(task: Task, tokenizer: PairTokenizer, context_tokens: int) -> dict[str, str]:
    """Items that the model cannot be asked, by id: why."""
    pairs, owners = [], []
    for item in task.items:
        for choice in range(len(item.choices)):
            pairs.append((item.context_of(choice), task.delimiter + item.choices[choice]))
            owners.append(item)
    problems: dict[str, str] = {}
    room = _room(task)
    for item, (n_context, n_answer) in zip(owners, tokenizer.sizes(pairs), strict=True):
        problem = _problem(item, n_context, n_answer, context_tokens, room)
        if problem:
            problems.setdefault(item.id, problem)
    return problems


def lost_share(task: Task, folder: ModelFolder) -> tuple[float, str]:
    """Share of the bytes of all choices that the model's tokenizer loses, blanks before them aside, and an example ("" if nothing is lost)."""
    from tokenizers import Tokenizer

    trip = round_trip_of(Tokenizer.from_file(str(folder.path / "tokenizer.json")))
    lost, n_bytes, example = 0, 0, ""
    for text in {choice.lstrip(): None for item in task.items for choice in item.choices}:
        loss = trip.loss(text)
        lost, n_bytes, example = lost + loss.lost, n_bytes + len(text.encode()), example or loss.example
    return (lost / n_bytes if n_bytes else 0.0), example


def _room(task: Task) -> int:
    """Tokens that a generated answer may take; 0 for tasks without one."""
    if task.kind != "generate":
        return 0
    settings = task.generation.get("generation_kwargs") or {}
    return int(settings.get("max_gen_toks", settings.get("max_new_tokens", _GENERATED)))


def _problem(item: Item, n_context: int, n_answer: int, context_tokens: int, room: int) -> str | None:
    if n_context < 1:
        return "its context is only blanks"
    if n_answer < 1:
        return "its answer has no token of its own, because the tokenizer joins it with the context"
    needed = max(n_context + n_answer - 1, n_context + room)  # the last token is predicted, never read
    return f"it takes {needed:,} tokens of context, {context_tokens:,} are allowed" if needed > context_tokens else None

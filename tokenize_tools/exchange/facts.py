"""The facts about a tokenizer that a tokens set records and other formats don't."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenize_tools.definition import Definition, read_definition
from tokenize_tools.errors import TokenizeError

NAMES = ("tokenizer", "tokenizer_sha256", "n_vocab", "bos_id", "eos_id", "pad_id")

_NEEDED = NAMES[:3]
"""Facts that every tokenizer has; it may lack special tokens."""


@dataclass(frozen=True)
class ExchangeFacts:
    """Which tokenizer made the ids. `n_vocab` is its largest id + 1. The id of a special token that it lacks is None."""

    tokenizer: str
    tokenizer_sha256: str
    n_vocab: int
    bos_id: int | None
    eos_id: int | None
    pad_id: int | None

    @property
    def id_bytes(self) -> int:
        """Bytes per id in our sets: 2 if all ids fit in uint16, else 4."""
        return 2 if self.n_vocab <= 1 << 16 else 4

    def needed_eos(self, why: str) -> int:
        """The eos id. Raises TokenizeError, with a message that begins with `why`, if the tokenizer names none."""
        if self.eos_id is None:
            raise TokenizeError(f"{why}, so documents can only end at the eos, and the tokenizer names none; give --eos-id")
        return self.eos_id


def facts_of(definition: Definition) -> ExchangeFacts:
    """Facts from the definition of a tokenizer."""
    return ExchangeFacts(definition.label, definition.sha256, definition.n_vocab, definition.bos_id, definition.eos_id, definition.pad_id)


def facts_from(info: Mapping[str, Any], where: str) -> ExchangeFacts:
    """Facts from the info of a tokens set, or from an export's note. Raises TokenizeError if it lacks some."""
    lacking = [name for name in NAMES if name not in info or (info[name] is None and name in _NEEDED)]
    if lacking:
        raise TokenizeError(f"{where}: does not say {', '.join(lacking)}; give the tokenizer with --tokenizer")
    return ExchangeFacts(*(info[name] for name in NAMES))


def given_facts(tokenizer: Path | None, sha256: str | None, n_vocab: int | None, eos_id: int | None) -> ExchangeFacts | None:
    """Facts from options: a tokenizer's files, or their checksum and number of ids; None if none is given. Raises TokenizeError if they are incomplete."""
    if tokenizer is not None:
        if sha256 is not None or n_vocab is not None:
            raise TokenizeError("--tokenizer gives the checksum and the number of ids; leave out --tokenizer-sha256 and --n-vocab")
        facts = facts_of(read_definition(tokenizer))
        return facts if eos_id is None else _checked(replace(facts, eos_id=eos_id))
    if sha256 is None and n_vocab is None and eos_id is None:
        return None
    if sha256 is None or n_vocab is None:
        raise TokenizeError("without --tokenizer, give both --tokenizer-sha256 and --n-vocab (and --eos-id, if the tokenizer has an end of text)")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise TokenizeError(f"--tokenizer-sha256 {sha256}: not 64 hexadecimal digits; `sha256sum tokenizer.json` gives them")
    return _checked(ExchangeFacts(sha256[:12], sha256, n_vocab, None, eos_id, None))


def _checked(facts: ExchangeFacts) -> ExchangeFacts:
    if facts.eos_id is not None and facts.eos_id >= facts.n_vocab:
        raise TokenizeError(f"--eos-id {facts.eos_id}: the tokenizer has ids 0 to {facts.n_vocab - 1:,}")
    return facts

"""Bounds of a manifest's `info`, by kind of set: of every number that a reader relies on.

Each room decides which facts it requires and reports missing ones itself; here are the bounds of those that are present.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shards.names import Checksum, Count, FileName

MOST_IDS = 1 << 32
TokenId = Annotated[int, Field(ge=0, lt=MOST_IDS)]
RowTokens = Annotated[int, Field(ge=1, le=1 << 31)]


class _Info(BaseModel):
    """Base: keys without a field are allowed, and mean something only to the writer."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class TokenizerInfo(_Info):
    """The tokenizer that made the ids of a set. `n_vocab` is its largest id + 1; special tokens are None where it has none."""

    tokenizer: str | None = None
    tokenizer_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    n_vocab: Annotated[int, Field(ge=1, le=MOST_IDS)] | None = None
    bos_id: TokenId | None = None
    eos_id: TokenId | None = None
    pad_id: TokenId | None = None

    @model_validator(mode="after")
    def _ids_are_in_the_vocabulary(self) -> Self:
        for name in ("bos_id", "eos_id", "pad_id"):
            value = getattr(self, name)
            if value is not None and self.n_vocab is not None and value >= self.n_vocab:
                raise ValueError(f"{name} {value}: the vocabulary has ids 0 to {self.n_vocab - 1}")
        return self


class TokensInfo(TokenizerInfo):
    """Info of a set of tokenized documents; `n_bytes` of UTF-8 text."""

    n_documents: Count | None = None
    n_tokens: Count | None = None
    n_bytes: Count | None = None


class RowsInfo(TokenizerInfo):
    """Info of a set of packed rows; `n_tokens` counts real (non-pad) ones."""

    row_tokens: RowTokens
    n_documents: Count
    n_split_documents: Count
    n_tokens: Count
    id_bytes: Literal[2, 4]


class MixInfo(TokenizerInfo):
    """Info of a mix, with which its plan and its rows must agree. `row_tokens`: of its longest rows. Its parents are named SOURCE, or SOURCE@TOKENS for
    rows of another length than the mix's own."""

    plan_hash: Checksum
    n_rows: Count
    n_tokens: Count
    row_tokens: RowTokens
    sources: list[FileName]
    tokenizer_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    n_vocab: Annotated[int, Field(ge=1, le=MOST_IDS)]
    eos_id: TokenId | None
    pad_id: TokenId
    id_bytes: Literal[2, 4]


class _Signature(_Info):
    """How the MinHash signatures of documents were made."""

    hash: Literal["fast", "datatrove"]
    ngram: Annotated[int, Field(ge=1, le=64)]
    buckets: Annotated[int, Field(ge=1, le=1000)]
    hashes: Annotated[int, Field(ge=1, le=1024)]
    seed: Annotated[int, Field(ge=0, lt=1 << 32)]
    words: str
    version: Count


class SignaturesInfo(_Info):
    """Info of the sets in which later runs find near-duplicates of this run's documents."""

    signature: _Signature


def check_info(kind: str, info: dict[str, Any], n_rows: int, n_tokens: int, n_bytes: int, parents: Sequence[str]) -> None:
    """Raise ValueError if the info of a set of `kind` is out of bounds, or contradicts its files' rows, tokens and bytes, or its parents' labels."""
    if kind == "tokens":
        tokens = TokensInfo.model_validate(info)
        _same("n_documents", tokens.n_documents, n_rows)
        _same("n_tokens", tokens.n_tokens, n_tokens)
    elif kind == "rows":
        rows = RowsInfo.model_validate(info)
        _at_most("n_tokens", rows.n_tokens, n_rows * rows.row_tokens)
        _at_most("n_rows", n_rows, n_bytes // (rows.row_tokens * rows.id_bytes))
        _at_most("n_split_documents", rows.n_split_documents, rows.n_documents)
    elif kind == "mix":
        mix = MixInfo.model_validate(info)
        _at_most("n_tokens", mix.n_tokens, mix.n_rows * mix.row_tokens)
        _at_most("n_vocab", mix.n_vocab, 1 << (8 * mix.id_bytes))
        if mix.sources != [*dict.fromkeys(label.partition("@")[0] for label in parents)] or len(set(parents)) < len(parents):
            raise ValueError(f"sources {', '.join(mix.sources)}: the set was made from {', '.join(parents)}")
    elif kind in ("bands", "signatures"):
        SignaturesInfo.model_validate(info)


def _same(name: str, stated: int | None, counted: int) -> None:
    if stated is not None and stated != counted:
        raise ValueError(f"{name} {stated}: the files have {counted}")


def _at_most(name: str, stated: int, limit: int) -> None:
    if stated > limit:
        raise ValueError(f"{name} {stated}: the files hold at most {limit}")

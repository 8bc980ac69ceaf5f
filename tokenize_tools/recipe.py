"""The options of a tokenization run."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shards.amounts import Bytes
from shards.recipe import Recipe


class TokenizeRecipe(Recipe):
    """Options of `tokenize run`; the manifest of the tokens set records them."""

    documents: list[Path] = Field(exclude=True)
    """Folders of documents sets, tokenized in this order. The manifest records them as parents, by content."""
    tokenizer: Path = Field(exclude=True)
    """A tokenizer.json or a folder that holds one. The manifest records its checksum."""
    out: Path = Field(exclude=True)
    """Folder of the tokens set."""
    eos: bool = True
    """Add the tokenizer's eos after every document, so that documents are separated in packed rows (as for GPT-2 and Llama)."""
    bos: bool | None = None
    """Add the tokenizer's bos before every document; null: as the tokenizer's own post-processor does."""
    backend: Literal["auto", "hf", "fastokens", "gigatoken"] = "auto"
    """Library that encodes; auto takes the fastest whose ids are checked to equal those of Hugging Face tokenizers."""
    task_bytes: Bytes = 64 << 20
    """Bytes of a document file (compressed, as on disk) per restartable task; files are split between record batches."""
    batch_bytes: Bytes = 8 << 20
    """UTF-8 bytes of text encoded at once; a longer document is encoded alone and never split."""
    recheck_every: int = Field(default=10_000, gt=0)
    """One in this many documents, chosen by id, is also encoded by the reference and compared."""
    workers: int = Field(default=1, ge=1, exclude=True)
    """Processes; the result does not depend on it."""

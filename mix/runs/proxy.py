"""`proxy.json`, in the folder of each run: what the run stands for, which the outputs of `train` and `evaluate` cannot tell."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mix.errors import MixError
from shards.names import Checksum, Count, FileName
from shards.record import read_record, write_record

FILE = "proxy.json"

Kind = Literal["trained", "merged", "confirmation"]


class Proxy(BaseModel):
    """One run of `mix proxies`. Its scores are in `scores/` beside it, under the model name `name`; a trained run is in `train/`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: FileName
    """Name of the run, its folder and its model."""

    kind: Kind
    """trained; merged from experts; or trained at shares that were suggested."""

    shares: dict[str, float]
    """Share of real tokens by source; sources without tokens are left out."""

    tokens: Count
    """Real tokens that it was trained on; a merged run: those of each of its experts."""

    seed: int
    """Seed of its row order and of training; a merged run: that of the recipe."""

    lr: float | None = Field(gt=0)
    """Peak learning rate, where the recipe of the proxies sets it."""

    contents: dict[str, Checksum]
    """Hash of the tokens of each source in `shares`: that of the manifest of its tokens set, or of all their hashes if it has several."""

    tokenizer: str
    """SHA-256 of the tokenizer of the tokens."""


def read_proxy(folder: Path) -> Proxy:
    """The `proxy.json` of a run's folder. Raises FileNotFoundError if it has none, MixError if it is damaged."""
    return read_record(Path(folder) / FILE, Proxy, error=MixError, remedy="rerun `mix proxies`")


def write_proxy(folder: Path, proxy: Proxy) -> None:
    """Write `proxy.json` into a run's folder."""
    write_record(Path(folder) / FILE, proxy.model_dump(mode="json"))

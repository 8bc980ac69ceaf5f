"""Documents that earlier runs kept, to find duplicates of them (`dedup.against`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from curate.dedup.exact import id_words
from curate.dedup.recipe import DedupRecipe
from curate.errors import CurateError
from curate.run_folder import kept_ids
from curate.steps.signatures import signature_key
from shards.manifest import MANIFEST_NAME
from shards.read import ShardSet


class Earlier:
    """The documents of earlier runs' `signals` sets, numbered consecutively over the runs.

    Memory: 50 bytes a document. Raises CurateError for a folder that holds no finished run, or signatures of another kind.
    """

    def __init__(self, folders: Sequence[str], signature: dict[str, Any] | None) -> None:
        self._folders = [Path(folder) for folder in folders]
        self._check(signature)
        frames = [kept_ids(folder) for folder in self._folders]
        self._offsets = np.cumsum([0, *(frame.height for frame in frames)])
        self.kept = np.concatenate([np.empty(0, bool), *(frame["id"].is_not_null().to_numpy() for frame in frames)])
        """(n_docs,) bool: kept or held out by its run."""
        self.ids = np.zeros((len(self), 2), np.uint64)
        """(n_docs, 2) uint64; zeros for documents that were not kept."""
        if self.kept.any():
            words = [id_words(frame["id"].drop_nulls().to_arrow().cast(pa.binary()).cast(pa.binary(16))) for frame in frames]
            self.ids[self.kept] = np.concatenate(words)

    def __len__(self) -> int:
        return int(self._offsets[-1])

    def tables(self, name: str) -> Iterator[pa.Table]:
        """`bands` or `signatures` of all documents, file by file."""
        for folder in self._folders:
            yield from ShardSet(folder / name, name).tables()

    def names(self, docs: np.ndarray) -> pl.Series:
        """`ID FILE:ROW in FOLDER` of documents (n,) int64 that were kept, in their order."""
        names = np.empty(len(docs), dtype=object)
        for number, folder in enumerate(self._folders):
            here = np.flatnonzero((docs >= self._offsets[number]) & (docs < self._offsets[number + 1]))
            frame = kept_ids(folder)[docs[here] - self._offsets[number]]
            name = pl.format("{} {}:{} in {}", pl.col("id").bin.encode("hex"), "file", "row", pl.lit(str(folder)))
            names[here] = frame.select(name).to_series().to_numpy()
        return pl.Series(names.tolist(), dtype=pl.String)

    def _check(self, wanted: dict[str, Any] | None) -> None:
        for folder in self._folders:
            if not (folder / "report.json").exists():
                raise CurateError(f"dedup.against: {folder} holds no finished run; give the output folder of `curate run`")
            if wanted is None:
                continue
            if not (folder / "bands" / MANIFEST_NAME).exists():
                raise CurateError(f"dedup.against: {folder} was made without MinHash; rerun it with dedup.minhash, or set dedup.minhash: null")
            signature = ShardSet(folder / "bands", "bands", verify=False).manifest.info["signature"]
            unlike = [f"{key} {signature.get(key)!r} there, {value!r} here" for key, value in wanted.items() if signature.get(key) != value]
            if unlike:
                raise CurateError(f"dedup.against: {folder} has signatures of another kind ({'; '.join(unlike)}); give both runs the same")


def open_earlier(dedup: DedupRecipe, words: str) -> Earlier:
    """Open the runs of `dedup.against`; `words` is the recipe's splitter. Raises CurateError for a run that cannot be used."""
    return Earlier(dedup.against, signature_key(dedup.minhash, words))


def earlier_key(dedup: DedupRecipe, words: str) -> list[str]:
    """Hashes of what the runs of `dedup.against` wrote, which decisions depend on. Raises CurateError for a run that cannot be used."""
    open_earlier(dedup, words)
    return [ShardSet(Path(folder) / name, verify=False).manifest.hash for folder in dedup.against for name in ("documents", "held_out")]

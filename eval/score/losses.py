"""Text that a model's tokenizer loses on held-out documents: one restartable task a tokenizer and domain, refused above a limit."""

from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from eval.errors import EvalError
from eval.held_out import HeldOut
from eval.models import ModelFolder, ModelTokenizer
from shards.lock import folder_lock
from shards.record import json_hash
from shards.round_trip import share_words
from shards.stages import Stage

_METHOD = "bytes outside the heaviest common subsequence of a text and its decoded ids"
_SCHEMA = pa.schema([("doc_id", pa.binary(16)), ("lost_bytes", pa.int64()), ("unk_bytes", pa.int64()), ("example", pa.string())])


class DomainLosses(NamedTuple):
    """Bytes of each document that a tokenizer loses, and that became unknown tokens, `(n_docs,) int64`; the first loss as it reads, or ""."""

    lost: np.ndarray
    unknown: np.ndarray
    example: str

    def share(self, n_bytes: np.ndarray) -> float:
        """Share of the documents' bytes that are lost."""
        return float(self.lost.sum() / n_bytes.sum())


def domain_losses(folder: ModelFolder, held_out: HeldOut, documents_key: Any, work: Any) -> DomainLosses:
    """What the tokenizer of `folder` loses of the documents. Measured once for all models with the same tokenizer files; kept under `work`."""
    versions = {name: metadata.version(name) for name in ("cptkit", "tokenizers", "transformers")}
    stage = Stage(work / json_hash({"tokenizer": folder.encoding_checksum, "documents": documents_key, "method": _METHOD, "versions": versions}))
    if not stage.is_done(0):
        with folder_lock(stage.folder, wait=True):  # another evaluation that shares the folder may have begun the same task
            if not stage.is_done(0):
                round_trip = ModelTokenizer(folder).round_trip
                losses = [round_trip.loss(text) for text in held_out.sample.texts]
                columns = [pa.array(held_out.sample.ids, pa.binary(16)), *map(pa.array, zip(*losses, strict=True))]
                stage.sweep()
                stage.commit(0, {"losses": [pa.record_batch(columns, schema=_SCHEMA)]}, {"losses": _SCHEMA})
    table = stage.table(0, "losses")
    example = next((example for example in table["example"].to_pylist() if example), "")
    return DomainLosses(table["lost_bytes"].to_numpy(), table["unk_bytes"].to_numpy(), example)


def refuse_lossy(model: str, held_out: HeldOut, losses: DomainLosses, max_lost: float) -> None:
    """Raise EvalError if more than the share `max_lost` of the domain's bytes is lost."""
    n_bytes = held_out.sample.n_bytes
    if losses.share(n_bytes) > max_lost:
        words = share_words(int(losses.lost.sum()), int(losses.unknown.sum()), int(n_bytes.sum()), losses.example)
        raise EvalError(
            f"model {model}: on domain {held_out.name}, its tokenizer {words}, which cost it no bits; use a tokenizer that can spell all text, or set "
            "allow_lossy: true to score it without a verdict"
        )

"""Measures models at long context: one restartable task a model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from eval.errors import EvalError
from eval.long_context.documents import LongDocuments, long_documents
from eval.long_context.needle import DIGITS, NEEDLE, QUESTION, answer_trial, make_trial
from eval.long_context.positions import nats_by_context
from eval.long_context.recipe import LongContextRecipe
from eval.long_context.summarise import summarise
from eval.models import ModelFolder, ModelTokenizer, load_model
from eval.recipe import EvaluateRecipe
from shards.console import progress
from shards.lock import folder_lock
from shards.record import json_hash
from shards.stages import Stage

POSITIONS = pa.schema([("doc_id", pa.binary(16)), ("context", pa.int64()), ("nats", pa.float64()), ("n_tokens", pa.int64())])
"""One row a document and bucket; `context`: the most tokens before a token of the bucket."""

NEEDLES = pa.schema([("length", pa.int64()), ("depth", pa.float64()), ("sample", pa.int64()), ("rank", pa.int64()), ("nats", pa.float64())])
"""One row a trial."""


def measure(folders: list[ModelFolder], recipe: EvaluateRecipe, settings: LongContextRecipe, device: str, versions: dict[str, str]) -> dict[str, Any]:
    """The section `long_context` of summary.json, whose differences have no verdict yet. A rerun measures only models that are
    missing. Raises EvalError as `long_documents`, and for a model that cannot take the longest context."""
    documents, tokenizer = long_documents(folders, recipe, settings)
    stages = {folder.name: _stage(folder, documents, recipe, settings, versions) for folder in folders}
    n_trials = settings.needle.n_trials(len(settings.lengths)) if settings.needle else 0
    with progress("long context", len(folders) * (len(documents.tokens) + n_trials)) as meter:
        for folder in folders:
            stage = stages[folder.name]
            if stage.is_done(0):
                meter.advance(len(documents.tokens) + n_trials)
                continue
            with folder_lock(stage.folder, wait=True):  # another evaluation that shares the folder may have begun the same task
                if not stage.is_done(0):
                    model = load_model(folder, recipe.dtype, device)
                    require_positions(model, folder.name, settings.lengths[-1])
                    positions = _positions(model, tokenizer, documents, settings, recipe.batch_tokens, meter)
                    needles = _needles(model, tokenizer, documents, settings, recipe, meter)
                    stage.sweep()
                    stage.commit(0, {"positions": [positions], "needles": [needles]}, {"positions": POSITIONS, "needles": NEEDLES})
    tables = {name: (stage.table(0, "positions"), stage.table(0, "needles")) for name, stage in stages.items()}
    limits = {folder.name: folder.context_limit for folder in folders}
    return summarise(tables, limits, documents.clustering, recipe, settings)


def require_positions(model: Any, name: str, longest: int) -> None:
    """Raise EvalError for a model whose positions are a table of fewer than `longest` rows: no rope scaling extends it."""
    words = model.get_input_embeddings()
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding) and module is not words and module.num_embeddings < longest:
            raise EvalError(f"long_context: model {name} has a table of {module.num_embeddings:,} positions, lengths go to {longest:,}; lower lengths")


def _positions(model: Any, tokenizer: ModelTokenizer, documents: LongDocuments, settings: LongContextRecipe, batch_tokens: int, meter: Any) -> pa.RecordBatch:
    sequences = [np.concatenate([_start(tokenizer), ids]) for ids in documents.tokens]
    nats, counts = nats_by_context(model, sequences, settings.lengths, batch_tokens, lambda n_tokens: meter.advance(1, tokens=n_tokens))
    if not np.isfinite(nats).all():
        raise EvalError(f"long_context: a loss of model {model.config.name_or_path} is not finite; the checkpoint is damaged or has diverged")
    n_docs, n_buckets = nats.shape
    ids = pa.array(np.repeat(np.array(documents.ids, object), n_buckets), pa.binary(16))
    columns = [ids, pa.array(np.tile(settings.lengths, n_docs)), pa.array(nats.ravel()), pa.array(counts.ravel())]
    return pa.record_batch(columns, schema=POSITIONS)


def _needles(
    model: Any, tokenizer: ModelTokenizer, documents: LongDocuments, settings: LongContextRecipe, recipe: EvaluateRecipe, meter: Any
) -> pa.RecordBatch:
    rows = [] if settings.needle is None else list(_trials(model, tokenizer, documents, settings, recipe, meter))
    return pa.RecordBatch.from_pylist(rows, schema=NEEDLES)


def _trials(
    model: Any, tokenizer: ModelTokenizer, documents: LongDocuments, settings: LongContextRecipe, recipe: EvaluateRecipe, meter: Any
) -> Iterator[dict[str, Any]]:
    assert settings.needle is not None
    for length in settings.lengths:
        for number, depth in enumerate(settings.needle.depths):
            for sample in range(settings.needle.samples):
                rng = np.random.default_rng([recipe.seed, length, number, sample])
                filler = documents.tokens[sample % len(documents.tokens)]
                try:
                    trial = make_trial(tokenizer.encode, _start(tokenizer).tolist(), filler, length, depth, settings.needle.alternatives, rng)
                except ValueError as error:
                    raise EvalError(f"long_context: {error}, lengths begin at {length}; raise the shortest length, or set needle: null") from None
                outcome = answer_trial(model, trial, recipe.batch_tokens)
                yield {"length": length, "depth": depth, "sample": sample, "rank": outcome.rank, "nats": outcome.nats}
                meter.advance(1, tokens=length)


def _start(tokenizer: ModelTokenizer) -> np.ndarray:
    return np.array([] if tokenizer.bos_id is None else [tokenizer.bos_id], np.int64)


def _stage(folder: ModelFolder, documents: LongDocuments, recipe: EvaluateRecipe, settings: LongContextRecipe, versions: dict[str, str]) -> Stage:
    key = {
        "model": [folder.name, folder.checksum],
        "documents": [documents.manifest_hash, [doc_id.hex() for doc_id in documents.ids]],
        "settings": [settings.model_dump(mode="json"), recipe.seed, recipe.batch_tokens, recipe.dtype],
        "texts": [NEEDLE, QUESTION, DIGITS],
        "versions": versions,
    }
    return Stage(recipe.work_folder / json_hash(key))

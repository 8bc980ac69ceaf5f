"""`evaluate run`: scores every model on every domain, each pair as one restartable task, then writes scores and summary."""

from importlib import metadata
from typing import Any

import numpy as np
import pyarrow as pa

from eval.errors import EvalError
from eval.held_out import MAX_DOCUMENTS, HeldOut, read_held_out, refuse_trained_on
from eval.long_context.measure import measure
from eval.models import ModelFolder, ModelTokenizer, load_model, prepare_torch
from eval.recipe import EvaluateRecipe
from eval.score.nats import score_documents
from eval.summarise import model_differences, model_scores
from shards.console import progress
from shards.derived import drop_derived
from shards.folder import output_folder, write_owned
from shards.lock import folder_lock
from shards.read import ShardSet
from shards.recipe import recipe_hash
from shards.record import json_hash, sealed
from shards.schemas import SCORES
from shards.stages import Stage
from shards.write import refuse_other_kind, write_set

POLICY = (
    "Every token of the text is scored, special tokens are not and carry no bytes. The first token is predicted from the beginning-of-text token, "
    "or costs ln(vocabulary size) nats where the tokenizer has none. Bytes are those of the UTF-8 text."
)
SUMMARY_NAME = "summary.json"


def run(recipe: EvaluateRecipe) -> dict[str, Any]:
    """Score all models, write the set of scores and summary.json to `recipe.out`, and return the summary.

    A rerun scores only missing tasks: the name of a task's folder is the hash of everything that its result depends on. Raises
    EvalError for a model or domain that cannot be used, before anything is scored.
    """
    folders = [ModelFolder(name, path) for name, path in recipe.models.items()]
    for folder in folders:
        folder.require_context(recipe.context_tokens)
    domains = [read_held_out(name, domain) for name, domain in recipe.domains.items()]
    for held_out in domains:
        refuse_trained_on(held_out, recipe.train_documents)
    device = prepare_torch(recipe.device, recipe.threads)
    with output_folder(recipe.out, [SUMMARY_NAME]):
        refuse_other_kind(recipe.out, "scores")
        return _score_all(folders, domains, recipe, device)


def _score_all(folders: list[ModelFolder], domains: list[HeldOut], recipe: EvaluateRecipe, device: str) -> dict[str, Any]:
    with progress("scoring", len(folders) * len(domains)) as meter:
        for folder in folders:
            _score_model(folder, domains, recipe, device, meter)
    long_context = measure(folders, recipe, recipe.long_context, device, _versions()) if recipe.long_context is not None else None
    _write_scores(folders, domains, recipe)
    return _write_summary(folders, domains, recipe, long_context)


def _score_model(folder: ModelFolder, domains: list[HeldOut], recipe: EvaluateRecipe, device: str, meter: Any) -> None:
    to_score = [held_out for held_out in domains if not _stage(folder, held_out, recipe).is_done(0)]
    meter.advance(len(domains) - len(to_score))
    if not to_score:
        return
    tokenizer = ModelTokenizer(folder)
    model = load_model(folder, recipe.dtype, device)
    if tokenizer.n_vocab > model.get_input_embeddings().num_embeddings:
        n_rows = model.get_input_embeddings().num_embeddings
        raise EvalError(f"model {folder.name}: its tokenizer has {tokenizer.n_vocab} entries, its embedding {n_rows} rows; use the tokenizer of this model")
    for held_out in to_score:
        stage = _stage(folder, held_out, recipe)
        with folder_lock(stage.folder, wait=True):  # another evaluation that shares the folder may have begun the same task
            if not stage.is_done(0):
                table = _score_domain(model, tokenizer, folder, held_out, recipe, meter)
                stage.sweep()
                stage.commit(0, {"scores": table.to_batches()}, {"scores": SCORES})
        meter.advance(1)


def _score_domain(model: Any, tokenizer: ModelTokenizer, folder: ModelFolder, held_out: HeldOut, recipe: EvaluateRecipe, meter: Any) -> pa.Table:
    tokens = tokenizer.encode(held_out.sample.texts)
    nats = score_documents(
        model,
        tokens,
        bos_id=tokenizer.bos_id,
        n_vocab=tokenizer.n_vocab,
        context_tokens=recipe.context_tokens,
        stride_tokens=recipe.stride,
        batch_tokens=recipe.batch_tokens,
        advance=lambda n_tokens: meter.advance(0, tokens=n_tokens),
    )
    if not np.isfinite(nats).all():
        bad = held_out.sample.ids[int(np.flatnonzero(~np.isfinite(nats))[0])].hex()
        raise EvalError(f"model {folder.name}: its loss on document {bad} of domain {held_out.name} is not finite; the checkpoint is damaged or has diverged")
    n = len(held_out.sample)
    columns = [pa.array([folder.name] * n), pa.array([held_out.name] * n), pa.array(held_out.sample.ids, pa.binary(16))]
    columns += [pa.array(nats), pa.array(held_out.sample.n_bytes), pa.array([len(ids) for ids in tokens], pa.int64())]
    return pa.table(columns, schema=SCORES)


def _stage(folder: ModelFolder, held_out: HeldOut, recipe: EvaluateRecipe) -> Stage:
    domain = recipe.domains[held_out.name]
    key = {
        "model": [folder.name, folder.checksum],
        "documents": [held_out.name, held_out.sample.manifest_hash, domain.max_documents or MAX_DOCUMENTS, domain.max_bytes_per_document],
        "settings": [recipe.context_tokens, recipe.stride, recipe.batch_tokens, recipe.dtype],
        "policy": POLICY,
        "versions": _versions(),
    }
    return Stage(recipe.work_folder / json_hash(key))


def _write_scores(folders: list[ModelFolder], domains: list[HeldOut], recipe: EvaluateRecipe) -> None:
    stages = [_stage(folder, held_out, recipe) for folder in folders for held_out in domains]
    write_set(
        recipe.out,
        "scores",
        SCORES,
        (batch for stage in stages for batch in stage.table(0, "scores").to_batches()),
        recipe=recipe.model_dump(mode="json"),
        recipe_hash=recipe_hash(recipe),
        parents=[ShardSet(domain.documents, verify=False).parent(name) for name, domain in recipe.domains.items()],
        info={"models": {folder.name: folder.checksum for folder in folders}, "policy": POLICY, "versions": _versions()},
    )


def _write_summary(folders: list[ModelFolder], domains: list[HeldOut], recipe: EvaluateRecipe, long_context: dict[str, Any] | None) -> dict[str, Any]:
    scores = {}
    for folder in folders:
        for held_out in domains:
            table = _stage(folder, held_out, recipe).table(0, "scores")
            scores[folder.name, held_out.name] = np.column_stack([table[name].to_numpy() for name in ("nats", "n_bytes", "n_tokens")]).astype(np.float64)
    summary = {
        "name": recipe.name,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_hash": recipe_hash(recipe),
        "baseline": recipe.baseline,
        "policy": POLICY,
        "versions": _versions(),
        "models": {folder.name: _describe_model(folder) for folder in folders},
        "domains": {held_out.name: _describe(held_out, recipe) for held_out in domains},
        "scores": model_scores(scores, recipe),
        "differences": model_differences(scores, recipe),
    } | ({} if long_context is None else {"long_context": long_context})
    path, data = recipe.out / SUMMARY_NAME, sealed(summary, allow_nan=False)
    if path.is_file() and path.read_bytes() != data:
        drop_derived(recipe.out, "make it again with `evaluate report`")
    write_owned(path, data)
    return summary


def _describe_model(folder: ModelFolder) -> dict[str, Any]:
    return {"checksum": folder.checksum, "model_type": folder.config.get("model_type"), "n_parameters": folder.n_parameters}


def _describe(held_out: HeldOut, recipe: EvaluateRecipe) -> dict[str, Any]:
    checked = {"train_sets_checked": len(recipe.train_documents), "documents_also_in_training": 0} if recipe.train_documents else {"train_sets_checked": 0}
    sizes = {"documents": len(held_out.sample), "bytes": int(held_out.sample.n_bytes.sum())}
    return {"role": recipe.domains[held_out.name].role, **sizes, "manifest_hash": held_out.sample.manifest_hash, **checked}


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("cptkit", "torch", "transformers")}

"""`evaluate run`: scores every model on every domain, each pair as one restartable task, then writes scores and summary."""

from dataclasses import replace
from importlib import metadata
from typing import Any

import numpy as np
import pyarrow as pa

from eval.contamination.held_out import Contamination, check_held_out
from eval.errors import EvalError
from eval.groups import Clustering, cluster
from eval.held_out import HeldOut, read_held_out
from eval.long_context.measure import measure
from eval.models import ModelFolder, ModelTokenizer, load_model, prepare_torch
from eval.recipe import EvaluateRecipe
from eval.score.losses import DomainLosses, domain_losses, refuse_lossy
from eval.score.nats import score_documents
from eval.summary.clean import clean_scores
from eval.summary.scored import ModelScores, ScoredDomain
from eval.summary.slices import slice_values
from eval.summary.summarise import summarise
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
_SCORED = pa.schema([("doc_id", pa.binary(16)), ("nats", pa.float64()), ("first_nats", pa.float64()), ("n_tokens", pa.int64())])
"""What a task keeps of each document: all that depends on the model."""


def run(recipe: EvaluateRecipe) -> dict[str, Any]:
    """Score all models, write the set of scores and summary.json to `recipe.out`, and return the summary.

    A rerun scores only missing tasks: the name of a task's folder is the hash of everything that its result depends on. Raises
    EvalError for a model or domain that cannot be used, before anything is scored.
    """
    folders = [ModelFolder(name, path) for name, path in recipe.models.items()]
    for folder in folders:
        folder.require_context(recipe.context_tokens)
    _refuse_equal_runs(folders, recipe)
    domains = [read_held_out(name, domain, recipe.slices) for name, domain in recipe.domains.items()]
    domains, contamination = check_held_out(domains, recipe)
    for held_out in domains:
        for by in recipe.slices:
            slice_values(held_out, by, recipe)
    clusterings = [cluster(held_out.sample, recipe.domains[held_out.name].clusters, f"domain {held_out.name}: clusters") for held_out in domains]
    device = prepare_torch(recipe.device, recipe.threads)
    with output_folder(recipe.out, [SUMMARY_NAME]):
        refuse_other_kind(recipe.out, "scores")
        losses = _measure_losses(folders, domains, recipe)
        with progress("scoring", len(folders) * len(domains)) as meter:
            for folder in folders:
                _score_model(folder, domains, recipe, device, meter)
        scored = [_scored(folders, held_out, clustering, losses, recipe) for held_out, clustering in zip(domains, clusterings, strict=True)]
        _write_scores(folders, scored, recipe)
        return _write_summary(folders, scored, recipe, device, contamination)


def _refuse_equal_runs(folders: list[ModelFolder], recipe: EvaluateRecipe) -> None:
    checksums = {folder.name: folder.checksum for folder in folders if any(folder.name in models for models in recipe.recipes.values())}
    for name, models in recipe.recipes.items():
        for number, model in enumerate(models):
            same = [other for other in models[:number] if checksums[other] == checksums[model]]
            if same:
                raise EvalError(f"recipes.{name}: {same[0]} and {model} are the same model, so they are no two seeds; leave one of them out")


def _measure_losses(folders: list[ModelFolder], domains: list[HeldOut], recipe: EvaluateRecipe) -> dict[tuple[str, str], DomainLosses]:
    losses = {}
    for folder in folders:
        for held_out in domains:
            found = domain_losses(folder, held_out, _documents_key(held_out, recipe), recipe.work_folder)
            if not recipe.allow_lossy:
                refuse_lossy(folder.name, held_out, found, recipe.max_lost)
            losses[folder.name, held_out.name] = found
    return losses


def _score_model(folder: ModelFolder, domains: list[HeldOut], recipe: EvaluateRecipe, device: str, meter: Any) -> None:
    to_score = [held_out for held_out in domains if not _stage(folder, held_out, recipe).is_done(0)]
    meter.advance(len(domains) - len(to_score))
    if not to_score:
        return
    tokenizer = ModelTokenizer(folder)
    if recipe.bos_every_window is True and tokenizer.bos_id is None:
        raise EvalError(f"model {folder.name}: bos_every_window is set, but its tokenizer puts no beginning-of-text token before a text; set auto")
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
                stage.commit(0, {"scores": table.to_batches()}, {"scores": _SCORED})
        meter.advance(1)


def _score_domain(model: Any, tokenizer: ModelTokenizer, folder: ModelFolder, held_out: HeldOut, recipe: EvaluateRecipe, meter: Any) -> pa.Table:
    tokens = tokenizer.encode(held_out.sample.texts)
    scores = score_documents(
        model,
        tokens,
        bos_id=tokenizer.bos_id,
        n_vocab=tokenizer.n_vocab,
        context_tokens=recipe.context_tokens,
        stride_tokens=recipe.stride,
        batch_tokens=recipe.batch_tokens,
        bos_every_window=_bos_every_window(folder, recipe) and tokenizer.bos_id is not None,
        advance=lambda n_tokens: meter.advance(0, tokens=n_tokens),
    )
    if not np.isfinite(scores.nats).all():
        bad = held_out.sample.ids[int(np.flatnonzero(~np.isfinite(scores.nats))[0])].hex()
        raise EvalError(f"model {folder.name}: its loss on document {bad} of domain {held_out.name} is not finite; the checkpoint is damaged or has diverged")
    columns = [pa.array(held_out.sample.ids, pa.binary(16)), pa.array(scores.nats), pa.array(scores.first)]
    return pa.table([*columns, pa.array([len(ids) for ids in tokens], pa.int64())], schema=_SCORED)


def _bos_every_window(folder: ModelFolder, recipe: EvaluateRecipe) -> bool:
    return folder.needs_bos if recipe.bos_every_window == "auto" else recipe.bos_every_window


def _documents_key(held_out: HeldOut, recipe: EvaluateRecipe) -> list[Any]:
    domain = recipe.domains[held_out.name]
    ids = json_hash([doc_id.hex() for doc_id in held_out.sample.ids])
    return [held_out.name, held_out.sample.manifest_hash, ids, domain.max_bytes_per_document]


def _stage(folder: ModelFolder, held_out: HeldOut, recipe: EvaluateRecipe) -> Stage:
    key = {
        "model": [folder.name, folder.checksum],
        "documents": _documents_key(held_out, recipe),
        "settings": [recipe.context_tokens, recipe.stride, recipe.batch_tokens, recipe.dtype, _bos_every_window(folder, recipe)],
        "policy": POLICY,
        "versions": _versions(),
    }
    return Stage(recipe.work_folder / json_hash(key))


def _scored(
    folders: list[ModelFolder],
    held_out: HeldOut,
    clustering: Clustering,
    losses: dict[tuple[str, str], DomainLosses],
    recipe: EvaluateRecipe,
) -> ScoredDomain:
    models = {}
    for folder in folders:
        table = _stage(folder, held_out, recipe).table(0, "scores")
        nats, first_nats, n_tokens = (table[name].to_numpy() for name in ("nats", "first_nats", "n_tokens"))
        models[folder.name] = ModelScores(nats, first_nats, n_tokens, losses[folder.name, held_out.name])
    return ScoredDomain(held_out, recipe.domains[held_out.name].role, clustering, models)


def _write_scores(folders: list[ModelFolder], domains: list[ScoredDomain], recipe: EvaluateRecipe) -> None:
    write_set(
        recipe.out,
        "scores",
        SCORES,
        (_score_batch(folder.name, domain) for folder in folders for domain in domains),
        recipe=recipe.model_dump(mode="json"),
        recipe_hash=recipe_hash(recipe),
        parents=[ShardSet(domain.documents, verify=False).parent(name) for name, domain in recipe.domains.items()],
        info={"models": {folder.name: folder.checksum for folder in folders}, "policy": POLICY, "versions": _versions()},
    )


def _score_batch(model: str, domain: ScoredDomain) -> pa.RecordBatch:
    n, scores = len(domain.n_bytes), domain.models[model]
    names = [pa.array([name] * n) for name in (model, domain.name)]
    ids, losses = pa.array(domain.held_out.sample.ids, pa.binary(16)), scores.losses
    figures = [scores.nats, domain.n_bytes, scores.n_tokens, scores.first_nats, losses.lost, losses.unknown, domain.clustering.labels]
    return pa.record_batch([*names, ids, *map(pa.array, figures)], schema=SCORES)


def _write_summary(
    folders: list[ModelFolder], domains: list[ScoredDomain], recipe: EvaluateRecipe, device: str, contamination: Contamination
) -> dict[str, Any]:
    long_context = measure(folders, recipe, recipe.long_context, device, _versions()) if recipe.long_context is not None else None
    lossy = {(model, domain.name) for domain in domains for model in recipe.models if domain.is_lossy(model, recipe.max_lost)}
    others = [replace(row, is_lossy=(row.facts["model"], long_context["domain"]) in lossy) for row in long_context["differences"]] if long_context else []
    sections, judged = summarise(domains, recipe, others)
    summary = {
        "name": recipe.name,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_hash": recipe_hash(recipe),
        "baseline": recipe.baseline,
        "policy": POLICY,
        "versions": _versions(),
        "models": {folder.name: _describe_model(folder, recipe) for folder in folders},
        "domains": {domain.name: _describe(domain, contamination) for domain in domains},
        **sections,
        **clean_scores(domains, contamination, recipe),
    } | ({} if long_context is None else {"long_context": long_context | {"differences": judged}})
    path, data = recipe.out / SUMMARY_NAME, sealed(summary, allow_nan=False)
    if path.is_file() and path.read_bytes() != data:
        drop_derived(recipe.out, "make it again with `evaluate report`")
    write_owned(path, data)
    return summary


def _describe_model(folder: ModelFolder, recipe: EvaluateRecipe) -> dict[str, Any]:
    facts = {"checksum": folder.checksum, "model_type": folder.config.get("model_type"), "n_parameters": folder.n_parameters}
    return facts | {"tokenizer": folder.encoding_checksum, "context_limit": folder.context_limit, "bos_every_window": _bos_every_window(folder, recipe)}


def _describe(domain: ScoredDomain, contamination: Contamination) -> dict[str, Any]:
    sample, clustering = domain.held_out.sample, domain.clustering
    sizes = {"documents": len(sample), "bytes": int(sample.n_bytes.sum()), "manifest_hash": sample.manifest_hash}
    clusters = {"clustered_by": clustering.by, "clusters": len(np.unique(clustering.labels)), "without_cluster": clustering.alone}
    return {"role": domain.role, **sizes, **clusters, "cluster_note": clustering.note, "train_sets_checked": contamination.n_sets}


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("cptkit", "torch", "transformers")}

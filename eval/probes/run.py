"""`evaluate probes`: gives every model to every probe, each pair as one restartable task, then writes probes.json."""

import logging
from importlib import metadata
from typing import Any

from eval.errors import EvalError
from eval.models import ModelFolder, prepare_torch
from eval.probes.chat import make_instructions
from eval.probes.copying import shared_pieces
from eval.probes.in_context import make_questions
from eval.probes.languages import identifier
from eval.probes.low_bits import require_bitsandbytes
from eval.probes.measure import SCHEMAS, WORKS, Inputs, require_finite
from eval.probes.prompts import cluster_labels, read_prompts, read_texts
from eval.probes.recipe import ProbesRecipe
from eval.probes.subject import Subject
from eval.probes.summarise import RECORD_NAME, summarise
from shards.console import progress
from shards.derived import drop_derived
from shards.folder import output_folder, write_owned
from shards.lock import folder_lock
from shards.record import json_hash, sealed
from shards.round_trip import loss_words
from shards.stages import Stage

POLICY = 1
"""Raise when a probe measures something else than before, so that older results are not reused."""


def run(recipe: ProbesRecipe) -> dict[str, Any]:
    """Probe all models, write probes.json to `recipe.out`, and return its content.

    A rerun does only missing tasks: the name of a task's folder is the hash of everything that its result depends on. Raises EvalError for a model,
    domain or probe that cannot be used.
    """
    folders = {name: ModelFolder(name, path) for name, path in recipe.models.items()}
    _require_packages(recipe)
    device = prepare_torch(recipe.device, recipe.threads)
    subjects = {name: Subject(folder, recipe, device) for name, folder in folders.items()}
    inputs = _inputs(recipe, subjects)
    lossy = _lossy(subjects, inputs)
    with output_folder(recipe.out, [RECORD_NAME]):
        probes = [name for name in WORKS if getattr(recipe, name) is not None]
        if not probes:
            raise EvalError("nothing to do: all probes of the recipe are null; leave one of their keys out")
        stages = {(model, probe): _stage(probe, subjects[model], subjects[recipe.baseline], inputs, recipe) for model in subjects for probe in probes}
        with progress("probing", len(stages)) as meter:
            for (model, probe), stage in stages.items():
                _probe(probe, stage, subjects[model], subjects[recipe.baseline], inputs, recipe)
                meter.advance(1)
                if probe == probes[-1]:
                    subjects[model] = Subject(folders[model], recipe, device)  # lets go of the model
        content = summarise(recipe, folders, stages, inputs, subjects[recipe.baseline], _versions(), lossy)
        path, data = recipe.out / RECORD_NAME, sealed(content, allow_nan=False)
        if path.is_file() and path.read_bytes() != data:
            drop_derived(recipe.out, "make it again with `evaluate report`")
        write_owned(path, data)
    return content


def _require_packages(recipe: ProbesRecipe) -> None:
    """Raise EvalError now if something is missing that a later probe needs."""
    if recipe.generation is not None and recipe.language is not None:
        identifier(recipe.language.identifier)
    if recipe.low_bits is not None:
        require_bitsandbytes()


def _probe(probe: str, stage: Stage, subject: Subject, base: Subject, inputs: Inputs, recipe: ProbesRecipe) -> None:
    if stage.is_done(0):
        return
    with folder_lock(stage.folder, wait=True):  # another evaluation that shares the folder may have begun the same task
        if not stage.is_done(0):
            result = WORKS[probe](subject, base, inputs, recipe)
            require_finite([result.tables["items"]], subject.folder.name, probe)
            stage.sweep()
            stage.commit(0, {name: [batch] for name, batch in result.tables.items()}, {name: SCHEMAS[name] for name in result.tables}, result.info)


def _inputs(recipe: ProbesRecipe, subjects: dict[str, Subject]) -> Inputs:
    prompts = [one for name, domain in recipe.domains.items() for one in read_prompts(name, domain, recipe.generation)] if recipe.generation else []
    calibration, low_bits = (
        [read_texts(name, domain, one.max_documents, one.bytes_per_document) for name, domain in recipe.domains.items()] if one else []
        for one in (recipe.calibration, recipe.low_bits)
    )
    asked, told = recipe.in_context, recipe.chat
    questions = make_questions(asked.items, asked.demonstrations, asked.alternatives, recipe.seed) if asked else []
    instructions = make_instructions(told.items, recipe.seed) if told else []
    used = {name: {one.doc_id for one in prompts if one.domain == name} for name in recipe.domains}
    for held_out in (*calibration, *low_bits):
        used[held_out.name].update(held_out.sample.ids)
    clusters = {name: cluster_labels(name, domain, used[name]) for name, domain in recipe.domains.items() if used[name]}
    return Inputs(prompts, _pieces(recipe, subjects) if recipe.copying else [], questions, instructions, calibration, low_bits, clusters)


def _lossy(subjects: dict[str, Subject], inputs: Inputs) -> list[dict[str, str]]:
    """Models and domains whose text a tokenizer loses, with a warning for each: lost text costs no bits and cannot be written."""
    texts: dict[str, list[str]] = {}
    for prompt in inputs.prompts:
        texts.setdefault(prompt.domain, []).append(prompt.text + prompt.rest)
    for held_out in (*inputs.calibration, *inputs.low_bits):
        texts.setdefault(held_out.name, []).extend(held_out.sample.texts)
    found = []
    for model, subject in subjects.items():
        for domain, read in texts.items():
            if how := loss_words(subject.tokenizer.round_trip, read):
                found.append({"model": model, "domain": domain, "how": how})
                logging.warning("model %s: on domain %s, its tokenizer %s; its differences there get no verdict", model, domain, how)
    return found


def _pieces(recipe: ProbesRecipe, subjects: dict[str, Subject]) -> list[str]:
    """Tokens for random sequences: those that all models share, of the held-out text as far as there are enough, without special ones."""
    base = subjects[recipe.baseline].tokenizer
    texts = [text for name, domain in recipe.domains.items() for text in read_texts(name, domain, 60, 1000).sample.texts]
    numbers = {number for ids in base.encode(texts) for number in ids.tolist()}
    used = {piece for piece, number in base.vocabulary.items() if number in numbers}
    special = {token for subject in subjects.values() for token in subject.tokenizer.hugging_face.added_tokens_decoder.values()}
    names = {str(token) for token in special}
    vocabularies = [{piece: number for piece, number in one.tokenizer.vocabulary.items() if piece not in names} for one in subjects.values()]
    return shared_pieces(vocabularies, used)


def _stage(probe: str, subject: Subject, base: Subject, inputs: Inputs, recipe: ProbesRecipe) -> Stage:
    given: dict[str, Any] = {
        "generation": [(prompt.domain, prompt.doc_id.hex(), prompt.text, prompt.rest) for prompt in inputs.prompts],
        "copying": inputs.pieces,
        "in_context": inputs.questions,
        "chat": [(one.form, one.text, one.answer) for one in inputs.instructions],
        "calibration": [(one.name, one.sample.ids, one.sample.texts) for one in inputs.calibration],
        "low_bits": [(one.name, one.sample.ids, one.sample.texts) for one in inputs.low_bits],
        "drift": base.folder.checksum,
    }
    key = {
        "probe": [probe, POLICY],
        "model": subject.folder.checksum,
        "is_baseline": subject.folder.name == base.folder.name,
        "inputs": given[probe],
        "settings": [getattr(recipe, probe).model_dump(mode="json"), recipe.seed, recipe.batch, recipe.dtype],
        "versions": _versions() | ({"bitsandbytes": _version("bitsandbytes")} if probe == "low_bits" else {}),
    }
    return Stage(recipe.work_folder / json_hash(key))


def _versions() -> dict[str, str]:
    return {name: _version(name) for name in ("cptkit", "torch", "transformers")}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""

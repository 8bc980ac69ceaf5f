"""Documents sets to one tokens set, in restartable tasks.

A task is a fixed slice of the record batches of one document file. Its tokens are committed under OUT/work. When all tasks are done, their files
become the set, and the manifest is written last. The slices depend only on the document files, so any number of workers gives the same bytes.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer

from shards import console
from shards.errors import ShardError
from shards.folder import output_folder, refuse_foreign, write_page
from shards.manifest import MANIFEST_NAME, Manifest, Parent, ShardFile, commit_manifest, looks_sound, read_manifest
from shards.read import ShardSet
from shards.recipe import recipe_hash
from shards.record import json_hash
from shards.round_trip import loss_words, round_trip_of
from shards.stages import Stage, remove_stages, run_tasks
from shards.write import open_for_writing, refuse_other_kind
from tokenize_tools.definition import Definition, read_definition
from tokenize_tools.encode import COUNTED, EncodeTask, Encoding, TaskInfo, run_task
from tokenize_tools.errors import TokenizeError
from tokenize_tools.recipe import TokenizeRecipe
from tokenize_tools.selfcheck import choose_backend, taken_from_text
from tokenize_tools.texts import first_texts, open_documents

_CHECKED_BYTES = 1 << 16
_STAGES = r"[0-9a-f]{32}"


@dataclass(frozen=True)
class _Job:
    """What both commands prepare before they encode the first document."""

    sets: Sequence[ShardSet]
    encoding: Encoding
    parents: tuple[Parent, ...]
    info: dict[str, Any]
    recipe: TokenizeRecipe

    def stage(self, work: Path) -> Stage:
        """The stage of the job's tasks in `work`; its name is a hash of everything that the results depend on."""
        return Stage(work / json_hash([recipe_hash(self.recipe), [parent.manifest_hash for parent in self.parents], self.info]))


def tokenize(recipe: TokenizeRecipe) -> Manifest:
    """Write the tokens set of a recipe and return its manifest; an existing set that is up to date is kept.

    Raises TokenizeError or ShardError on bad input, and a TokenizeError that names the file of a failed task.
    """
    job = _prepare(recipe, count_only=False)
    work = recipe.out / "work"
    with output_folder(recipe.out):
        refuse_other_kind(recipe.out, "tokens")
        if not _is_current(job):
            stage = job.stage(work)
            totals, n_tasks = _run(job, stage)
            open_for_writing(recipe.out, "tokens")
            files = tuple(stage.link_into(recipe.out, range(n_tasks), "tokens"))
            commit_manifest(recipe.out, Manifest("tokens", files, recipe.model_dump(mode="json"), recipe_hash(recipe), job.parents, job.info | totals))
        remove_stages(work, _STAGES)
        return read_manifest(recipe.out)


def count(recipe: TokenizeRecipe) -> dict[str, Any]:
    """Count the tokens of a recipe's set without storing them; write the figures to the file `recipe.out` and return them.

    An interrupted count resumes. Raises as `tokenize`.
    """
    job = _prepare(recipe, count_only=True)
    work = recipe.out.with_name(f"{recipe.out.name}.work")
    refuse_foreign(recipe.out.parent, [recipe.out.name])
    with output_folder(work):
        totals, _ = _run(job, job.stage(work))
        figures = job.info | totals
        write_page(recipe.out, (json.dumps(figures, indent=1, ensure_ascii=False) + "\n").encode())
        remove_stages(work, _STAGES)
    return figures


def _prepare(recipe: TokenizeRecipe, *, count_only: bool) -> _Job:
    definition = read_definition(recipe.tokenizer)
    sets = [open_documents(path) for path in recipe.documents]
    bos_id, eos_id = choose_policy(definition, recipe.bos, recipe.eos)
    backend = choose_backend(recipe.backend, definition, first_texts(sets, _CHECKED_BYTES))
    logging.info("encoding with %s %s", backend.name, backend.version)
    for name in taken_from_text(definition):
        logging.warning("this tokenizer's model encodes the text %s in a document as the special id; other special tokens in texts are encoded as text", name)
    if words := loss_words(round_trip_of(Tokenizer.from_str(definition.json_text)), first_texts(sets, _CHECKED_BYTES)):
        logging.warning("this tokenizer %s in the first documents; a model cannot learn what it does not see", words)
    encoding = Encoding(definition, backend.name, bos_id, eos_id, recipe.batch_bytes, recipe.recheck_every, count_only)
    parents = tuple(documents.parent(documents.folder.resolve().name) for documents in sets)
    return _Job(sets, encoding, parents, describe(encoding, backend.version), recipe)


def choose_policy(definition: Definition, bos: bool | None, eos: bool) -> tuple[int | None, int | None]:
    """The bos and eos ids added to each document, or None. `bos=None` does as the tokenizer does. Raises TokenizeError if it lacks the token."""
    wanted = {"bos": definition.starts_with_bos if bos is None else bos, "eos": eos}
    for role, is_wanted in wanted.items():
        if is_wanted and getattr(definition, f"{role}_id") is None:
            raise TokenizeError(
                f"the tokenizer {definition.label} names no {role} token; "
                f"set {role}_token in a tokenizer_config.json beside its tokenizer.json, or use --no-{role}"
            )
    return definition.bos_id if wanted["bos"] else None, definition.eos_id if wanted["eos"] else None


def describe(encoding: Encoding, backend_version: str) -> dict[str, Any]:
    """The part of a tokens set's info that is known before its documents are read."""
    definition = encoding.definition
    return {
        "tokenizer": definition.label,
        "tokenizer_sha256": definition.sha256,
        "backend": f"{encoding.backend} {backend_version}",
        "n_vocab": definition.n_vocab,
        "bos_id": definition.bos_id,
        "eos_id": definition.eos_id,
        "pad_id": definition.pad_id,
        "policy": {"bos": encoding.bos_id is not None, "eos": encoding.eos_id is not None, "special_tokens_in_text": "encoded as text"},
    }


def _is_current(job: _Job) -> bool:
    out = job.recipe.out
    if not (out / MANIFEST_NAME).exists():
        return False
    try:
        manifest = read_manifest(out)
    except ShardError as error:
        logging.warning("%s; writing the set again", error)
        return False
    if manifest.kind != "tokens":
        raise TokenizeError(f"{out}: holds a set of {manifest.kind}; give another folder with --out")
    same_info = all(manifest.info.get(key) == value for key, value in job.info.items())
    if (manifest.recipe_hash, manifest.parents) != (recipe_hash(job.recipe), job.parents) or not same_info:
        return False
    if not looks_sound(out, manifest):
        logging.warning("%s: files of the set are missing or changed; writing it again", out)
        return False
    return True


def _tasks(job: _Job, stage: Path) -> list[EncodeTask]:
    files = [(documents.folder, file) for documents in job.sets for file in documents.manifest.files]
    slices = [(folder / file.name, first, stop) for folder, file in files for first, stop in _slices(folder, file, job.recipe.task_bytes)]
    return [EncodeTask(number, path, first, stop, stage, job.encoding) for number, (path, first, stop) in enumerate(slices)]


def _slices(folder: Path, file: ShardFile, task_bytes: int) -> Iterator[tuple[int, int]]:
    n_batches = pa.ipc.open_file(pa.memory_map(str(folder / file.name))).num_record_batches
    n_slices = max(1, min(n_batches, -(-file.n_bytes // task_bytes)))
    for index in range(n_slices):
        yield n_batches * index // n_slices, n_batches * (index + 1) // n_slices


def _run(job: _Job, stage: Stage) -> tuple[dict[str, Any], int]:
    tasks = _tasks(job, stage.folder)
    stage.sweep()
    open_tasks = [task for task in tasks if not stage.is_done(task.number)]
    with console.progress("tokenize", len(tasks)) as meter:
        meter.advance(len(tasks) - len(open_tasks))
        for index, result in run_tasks(run_task, open_tasks, job.recipe.workers, "tokenizing"):
            if isinstance(result, TokenizeError):
                raise result
            if isinstance(result, Exception):
                raise TokenizeError(f"{open_tasks[index].file}: {type(result).__name__}: {result}") from result
            meter.advance(1, docs=result["n_documents"], MB=result["n_bytes"] / 1e6, tokens=result["n_tokens"])
    return _totals([stage.info(task.number, TaskInfo) for task in tasks], job.encoding.backend), len(tasks)


def _totals(infos: Sequence[dict[str, Any]], backend: str) -> dict[str, Any]:
    n_differing = sum(info["differs"] for info in infos)
    if n_differing:
        logging.warning(
            "%s panicked on a document or gave different ids from the reference on a rechecked one in %d of %d tasks; the reference encoded these tasks. "
            "To encode all tasks with the reference, rerun with --backend hf",
            backend,
            n_differing,
            len(infos),
        )
    names = sorted({name for info in infos for name in info["sources"]})
    sources = {name: {key: sum(info["sources"].get(name, {}).get(key, 0) for info in infos) for key in COUNTED} for name in names}
    totals = {key: sum(info[key] for info in infos) for key in (*COUNTED, "special_text")}
    return totals | {"sources": sources, "n_tasks_by_reference": n_differing}

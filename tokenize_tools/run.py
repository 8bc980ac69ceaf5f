"""Documents sets to one tokens set, in restartable tasks.

A task is a fixed slice of one document file's record batches. Its tokens are committed under OUT/work; when all are done, their
files become the set and the manifest is written last. The slices depend on the document files alone, so that any number of
workers gives the same bytes.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from shards import console
from shards.manifest import MANIFEST_NAME, Manifest, Parent, ShardFile, commit_manifest, json_hash, read_manifest
from shards.read import ShardSet
from shards.recipe import recipe_hash
from shards.stages import Stage, run_tasks
from shards.write import open_for_writing
from tokenize_tools.definition import Definition, read_definition
from tokenize_tools.encode import Encoding, Task, run_task
from tokenize_tools.errors import TokenizeError
from tokenize_tools.recipe import TokenizeRecipe
from tokenize_tools.selfcheck import choose_backend
from tokenize_tools.texts import first_texts, open_documents

_CHECKED_BYTES = 1 << 18


def tokenize(recipe: TokenizeRecipe) -> Manifest:
    """Write the tokens set of a recipe and return its manifest; a set that is already there and current is kept.

    Raises TokenizeError or ShardError on bad input, and TokenizeError naming the file of a task that failed.
    """
    definition = read_definition(recipe.tokenizer)
    sets = [open_documents(path) for path in recipe.documents]
    backend = choose_backend(recipe.backend, definition, first_texts(sets, _CHECKED_BYTES))
    logging.info("encoding with %s %s", backend.name, backend.version)
    bos_id, eos_id = choose_policy(definition, recipe.bos, recipe.eos)
    encoding = Encoding(definition, backend.name, bos_id, eos_id, recipe.batch_bytes, recipe.recheck_every)
    parents = tuple(one.parent(one.folder.resolve().name) for one in sets)
    info = describe(encoding, backend.version)
    work = recipe.out / "work"
    if not _is_current(recipe.out, recipe_hash(recipe), parents, info):
        stage = Stage(work / json_hash([recipe_hash(recipe), [parent.manifest_hash for parent in parents], info]))
        tasks = _tasks(sets, recipe.task_bytes, stage.folder, encoding)
        _run(tasks, stage, recipe.workers)
        totals = _totals(stage, len(tasks), backend.name)
        open_for_writing(recipe.out)
        files = tuple(stage.link_into(recipe.out, range(len(tasks)), "tokens"))
        commit_manifest(recipe.out, Manifest("tokens", files, recipe.model_dump(mode="json"), recipe_hash(recipe), parents, info | totals))
    shutil.rmtree(work, ignore_errors=True)
    return read_manifest(recipe.out)


def choose_policy(definition: Definition, bos: bool | None, eos: bool) -> tuple[int | None, int | None]:
    """The ids put before and after each document. `bos` None: what the tokenizer itself does. Raises TokenizeError for a token it lacks."""
    wanted = {"bos": definition.starts_with_bos if bos is None else bos, "eos": eos}
    for role, is_wanted in wanted.items():
        if is_wanted and getattr(definition, f"{role}_id") is None:
            raise TokenizeError(
                f"the tokenizer {definition.label} names no {role} token; "
                f"name a {role}_token in a tokenizer_config.json beside its tokenizer.json, or use --no-{role}"
            )
    return definition.bos_id if wanted["bos"] else None, definition.eos_id if wanted["eos"] else None


def describe(encoding: Encoding, backend_version: str) -> dict[str, Any]:
    """The info of a tokens set that is known before its documents are read."""
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


def _is_current(out: Path, made_by: str, parents: tuple[Parent, ...], info: dict[str, Any]) -> bool:
    if not (out / MANIFEST_NAME).exists():
        return False
    there = read_manifest(out)
    if there.kind != "tokens":
        raise TokenizeError(f"{out}: holds a set of {there.kind}; give another folder with --out")
    same_info = all(there.info.get(key) == value for key, value in info.items())
    return (there.recipe_hash, there.parents) == (made_by, parents) and same_info


def _tasks(sets: Sequence[ShardSet], task_bytes: int, stage: Path, encoding: Encoding) -> list[Task]:
    slices = [(one.folder / file.name, first, stop) for one in sets for file in one.manifest.files for first, stop in _slices(one.folder, file, task_bytes)]
    return [Task(number, path, first, stop, stage, encoding) for number, (path, first, stop) in enumerate(slices)]


def _slices(folder: Path, file: ShardFile, task_bytes: int) -> Iterator[tuple[int, int]]:
    n_batches = pa.ipc.open_file(pa.memory_map(str(folder / file.name))).num_record_batches
    n_slices = max(1, min(n_batches, -(-file.n_bytes // task_bytes)))
    for index in range(n_slices):
        yield n_batches * index // n_slices, n_batches * (index + 1) // n_slices


def _run(tasks: Sequence[Task], stage: Stage, workers: int) -> None:
    open_tasks = [task for task in tasks if not stage.is_done(task.number)]
    with console.progress("tokenize", len(tasks)) as meter:
        meter.advance(len(tasks) - len(open_tasks))
        for index, result in run_tasks(run_task, open_tasks, workers):
            if isinstance(result, TokenizeError):
                raise result
            if isinstance(result, Exception):
                raise TokenizeError(f"{open_tasks[index].file}: {type(result).__name__}: {result}") from result
            meter.advance(1, docs=result["n_documents"], MB=result["n_bytes"] / 1e6, tokens=result["n_tokens"])


def _totals(stage: Stage, n_tasks: int, backend: str) -> dict[str, int]:
    infos = [stage.info(task) for task in range(n_tasks)]
    totals = {name: sum(info[name] for info in infos) for name in ("n_documents", "n_bytes", "n_tokens")}
    n_differing = sum(info["differs"] for info in infos)
    if n_differing:
        logging.warning(
            "%s gave other ids than the reference on a re-checked document in %d of %d tasks; those were encoded by the reference. "
            "To encode everything by it, rerun with --backend hf",
            backend,
            n_differing,
            n_tasks,
        )
    return totals | {"n_tasks_by_reference": n_differing}

"""`evaluate tasks`: asks every model every task, each pair as one restartable stage, then pairs the answers by item and writes items and tasks.json."""

from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from eval.errors import EvalError
from eval.models import ModelFolder, load_model, prepare_torch
from eval.tasks.clean import contamination
from eval.tasks.engine import ask
from eval.tasks.fit import PairTokenizer, context_of, load_tokenizer, lost_share, unfit_items
from eval.tasks.harness import harness, require_harness, versions
from eval.tasks.load import LoadedTask, load_tasks
from eval.tasks.pair import Answers, check_names, earlier_answers, paired_answers
from eval.tasks.recipe import TasksRecipe
from eval.tasks.record import TASKS_NAME
from eval.tasks.rows import answer_table
from eval.tasks.summarise import summarise
from shards.console import progress
from shards.derived import drop_derived
from shards.folder import output_folder, write_owned
from shards.lock import folder_lock
from shards.recipe import recipe_hash
from shards.record import json_hash, sealed
from shards.schemas import ITEMS
from shards.stages import Stage
from shards.write import refuse_other_kind, write_set

POLICY = (
    "Log-likelihoods, accuracy and exact match are those of lm-evaluation-harness. Bits per byte are those of the right answer as it was scored, with the "
    "blank before it; their mean is over items, and every item counts the same."
)


def run_tasks(recipe: TasksRecipe) -> dict[str, Any]:
    """Ask all models, write the set of items and tasks.json to `recipe.out`, and return the content of tasks.json.

    A rerun asks only what is missing: the name of a stage's folder is the hash of everything that its answers depend on. Raises EvalError for a model or
    task that cannot be used, before any model is asked.
    """
    require_harness()
    folders = [ModelFolder(name, path) for name, path in recipe.models.items()]
    earlier = [earlier_answers(folder) for folder in recipe.results]
    device = prepare_torch(recipe.device, recipe.threads)
    with output_folder(recipe.out, [TASKS_NAME]), harness() as parts:
        refuse_other_kind(recipe.out, "items")
        context_tokens = _context_tokens(folders, recipe)
        loaded_tasks = load_tasks(parts, recipe)
        lost = _lost_shares(loaded_tasks, folders, recipe)
        tasks, left_out = _fitting(loaded_tasks, folders, recipe, context_tokens)
        _ask_all(parts, folders, tasks, recipe, device, context_tokens)
        stages = {(folder.name, loaded.task.name): _stage(folder, loaded, recipe, context_tokens) for folder in folders for loaded in tasks}
        models = {folder.name: _describe_model(folder) | {"lost": lost[folder.name]} for folder in folders}
        mine = Answers(recipe.out, models, _settings(recipe, context_tokens), {pair: stage.table(0, "items") for pair, stage in stages.items()})
        answers = paired_answers(mine, earlier, [loaded.task.name for loaded in tasks])
        check_names(recipe, answers.models)
        return _write(recipe, tasks, left_out, answers)


def _context_tokens(folders: list[ModelFolder], recipe: TasksRecipe) -> int:
    """The tokens that an item may take for all models alike."""
    if recipe.context_tokens is None:
        return min((context_of(folder) for folder in folders), default=0)
    for folder in folders:
        folder.require_context(recipe.context_tokens)
    return recipe.context_tokens


def _lost_shares(tasks: list[LoadedTask], folders: list[ModelFolder], recipe: TasksRecipe) -> dict[str, dict[str, float]]:
    """Share of each task's answers that each model's tokenizer loses. Raises EvalError for more than the recipe allows."""
    shares: dict[str, dict[str, float]] = {}
    for folder in folders:
        for loaded in tasks:
            share, example = lost_share(loaded.task, folder)
            if share > recipe.max_lost and not recipe.allow_lossy:
                raise EvalError(
                    f"task {loaded.task.name}: the tokenizer of model {folder.name} loses {share:.1%} of its answers ({example}), and lost text costs no bits; "
                    "compare it on tasks that it can spell, or set allow_lossy: true, which gives no verdicts"
                )
            shares.setdefault(folder.name, {})[loaded.task.name] = share
    return shares


def _fitting(tasks: list[LoadedTask], folders: list[ModelFolder], recipe: TasksRecipe, context_tokens: int) -> tuple[list[LoadedTask], dict[str, int]]:
    """The tasks without items that some model cannot be asked, and how many were left out of each. Raises EvalError if the recipe refuses such items."""
    unfit: dict[str, dict[str, str]] = {loaded.task.name: {} for loaded in tasks}
    for folder in folders:
        tokenizer = PairTokenizer(folder, recipe.add_bos)
        for loaded in tasks:
            found = unfit_items(loaded.task, tokenizer, context_tokens)
            if found and recipe.unfit == "refuse":
                item, why = next(iter(found.items()))
                where = f"task {loaded.task.name}: model {folder.name} cannot be asked {len(found)} of its {len(loaded.task.items)} items"
                advice = "set unfit: leave_out to leave them out for all models, or ask for fewer shots"
                raise EvalError(f"{where}; the first is {item}: {why}; {advice}")
            unfit[loaded.task.name] |= found
    return [loaded.without(set(unfit[loaded.task.name])) for loaded in tasks], {name: len(found) for name, found in unfit.items()}


def _ask_all(parts: SimpleNamespace, folders: list[ModelFolder], tasks: list[LoadedTask], recipe: TasksRecipe, device: str, context_tokens: int) -> None:
    with progress("asking", len(folders) * len(tasks)) as meter:
        for folder in folders:
            waiting = [loaded for loaded in tasks if not _stage(folder, loaded, recipe, context_tokens).is_done(0)]
            meter.advance(len(tasks) - len(waiting))
            lm = _load(parts, folder, recipe, device, context_tokens) if waiting else None
            for loaded in waiting:
                stage = _stage(folder, loaded, recipe, context_tokens)
                with folder_lock(stage.folder, wait=True):  # another evaluation that shares the folder may have begun the same task
                    if not stage.is_done(0):
                        table = answer_table(folder.name, loaded.task, _ask(parts, lm, loaded, folder))
                        stage.sweep()
                        stage.commit(0, {"items": table.to_batches()}, {"items": ITEMS})
                meter.advance(1, items=len(loaded.task.items))


def _load(parts: SimpleNamespace, folder: ModelFolder, recipe: TasksRecipe, device: str, context_tokens: int) -> Any:
    """The harness's model. Its softmax is always float32, because bfloat16 has two digits."""
    model, tokenizer = load_model(folder, recipe.dtype, device), load_tokenizer(folder, recipe.add_bos)
    n_rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > n_rows:
        raise EvalError(f"model {folder.name}: its tokenizer has {len(tokenizer)} entries, its embedding {n_rows} rows; use the tokenizer of this model")
    options = {"batch_size": recipe.batch_size, "max_length": context_tokens, "add_bos_token": recipe.add_bos, "softmax_dtype": "float32"}
    return parts.HFLM(pretrained=model, tokenizer=tokenizer, **options)


def _ask(parts: SimpleNamespace, lm: Any, loaded: LoadedTask, folder: ModelFolder) -> Any:
    try:
        return ask(parts, lm, loaded.task, loaded.source)
    except EvalError as error:
        raise EvalError(f"model {folder.name}, {error}") from None


def _stage(folder: ModelFolder, loaded: LoadedTask, recipe: TasksRecipe, context_tokens: int) -> Stage:
    task = loaded.task
    key = {
        "model": [folder.name, folder.checksum],
        "task": [task.name, task.kind, [[item.id, item.group, item.subtask, task.item_hash(item)] for item in task.items]],
        "harness": loaded.source.built.dump_config() if loaded.source else None,
        "settings": _settings(recipe, context_tokens),
        "versions": versions(),
    }
    return Stage(recipe.work_folder / json_hash(key))


def _settings(recipe: TasksRecipe, context_tokens: int) -> dict[str, Any]:
    """What answers depend on besides model and items."""
    return {"context_tokens": context_tokens, "add_bos": recipe.add_bos, "dtype": recipe.dtype, "batch_size": recipe.batch_size}


def _describe_model(folder: ModelFolder) -> dict[str, Any]:
    return {"checksum": folder.checksum, "model_type": folder.config.get("model_type"), "n_parameters": folder.n_parameters}


def _write(recipe: TasksRecipe, tasks: list[LoadedTask], left_out: dict[str, int], answers: Answers) -> dict[str, Any]:
    described = {loaded.task.name: _describe(loaded, left_out[loaded.task.name]) for loaded in tasks}
    head = {
        "name": recipe.name,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_hash": recipe_hash(recipe),
        "baseline": recipe.baseline,
        "recipes": recipe.recipes,
        "policy": POLICY,
        "versions": versions(),
        "settings": answers.settings,
        "models": answers.models,
        "tasks": described,
    }
    scores, plain = answers.scores(), [loaded.task for loaded in tasks]
    content = head | summarise(scores, recipe, plain, _lossy(answers, recipe)) | contamination(plain, scores, recipe)
    write_set(
        recipe.out,
        "items",
        ITEMS,
        (batch for table in answers.tables.values() for batch in pa.Table.to_batches(table)),
        recipe=recipe.model_dump(mode="json"),
        recipe_hash=recipe_hash(recipe),
        info={"models": answers.models, "settings": answers.settings, "policy": POLICY, "versions": versions()},
    )
    path, data = recipe.out / TASKS_NAME, sealed(content, allow_nan=False)
    if path.is_file() and path.read_bytes() != data:
        drop_derived(recipe.out, "make it again with `evaluate report`")
    write_owned(path, data)
    return content


def _lossy(answers: Answers, recipe: TasksRecipe) -> set[tuple[str, str]]:
    """Pairs of model and task whose answers the tokenizer loses too much of for a verdict."""
    return {(name, task) for name, facts in answers.models.items() for task, share in facts.get("lost", {}).items() if share > recipe.max_lost}


def _describe(loaded: LoadedTask, left_out: int) -> dict[str, Any]:
    task = loaded.task
    subtasks = {item.subtask for item in task.items if item.subtask is not None}
    chance = sum(1 / len(item.choices) for item in task.items) / len(task.items) if task.kind == "choice" else None
    facts = {"suite": task.suite, "kind": task.kind, "accuracy": task.accuracy, "shots": task.shots, "chance": chance, "source": dict(task.source)}
    return facts | {"items": len(task.items), "left_out": left_out, "subtasks": len(subtasks)}

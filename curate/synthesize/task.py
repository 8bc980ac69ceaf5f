"""Tasks as data: one YAML file says what is asked and what becomes of the answer.

    name: plain_words
    prompt:
      user: |
        Rewrite for a reader of twelve. Keep every fact.

        {{ text }}
    parser: {kind: text}
    output: {template: "{{ item.text }}"}
    gates: [{kind: length, min_words: 40}]

Templates are Jinja in a sandbox. They know `text` (the passage), `document` (id, text, source, language, url), `metadata` (of the document, a mapping),
`passage` (number from 1, count), `variant` (its name and values) and `options` (of the task, set by a recipe).
"""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from curate.errors import CurateError
from curate.synthesize.gates.recipe import AnyGate
from curate.synthesize.miners.recipe import AnyMiner
from curate.synthesize.parse import AnyParser, JsonParser, TextParser
from curate.synthesize.passages import PassageRecipe
from curate.synthesize.sampling import SamplingRecipe
from curate.synthesize.template import check_template
from curate.synthesize.types import SourceDocument
from shards.recipe import Recipe, load_recipe
from shards.record import json_hash

FOLDER = Path(__file__).parent / "tasks"
PROMPT_FIELDS = frozenset({"text", "document", "metadata", "passage", "variant", "options"})
_OUTPUT_FIELDS = {
    "item": PROMPT_FIELDS | {"item", "items"},
    "answer": PROMPT_FIELDS | {"items", "item"},
    "document": frozenset({"document", "metadata", "options", "answers"}),
}


class PromptRecipe(Recipe):
    """What is asked: of a chat model by `user` (and `system`), of a base model by `completion`."""

    system: str | None = None
    """Jinja. The system message."""
    user: str | None = None
    """Jinja. The user's message."""
    completion: str | None = None
    """Jinja. Plain text that the model goes on from; for models without a chat template."""

    @model_validator(mode="after")
    def _one_kind(self) -> "PromptRecipe":
        if (self.user is None) == (self.completion is None):
            raise ValueError("give either `user` (chat) or `completion` (plain text)")
        if self.completion is not None and self.system is not None:
            raise ValueError("`system` is of chat prompts; put its words at the beginning of `completion`")
        return self


class OutputRecipe(Recipe):
    """What documents are made of."""

    template: str = "{{ item.text }}"
    """Jinja. Beside the prompt's fields it knows `items` (of the answer, or of the miner) and `item` (the one item, or the first);
    with `per: document` only `document`, `metadata`, `options` and `answers`: a list of {text, variant, passage, items, item}."""
    per: Literal["item", "answer", "document"] = "answer"
    """A document for each item, for each answer, or for each source document."""
    pack: Annotated[int, Field(ge=1)] = 1
    """Documents joined into one, in order (M-shot, Instruction Pre-Training arXiv 2406.14491 uses 2)."""
    separator: str = "\n\n"
    """Between packed documents."""
    language: str | None = None
    """Jinja. Language of the documents; null: that of the source document."""
    columns: tuple[str, ...] = ()
    """Labels: the source documents themselves are written, with these fields of the first item as columns. `template` is then not used."""


class TaskRecipe(Recipe):
    """A task."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    """Stands in the documents' column `task`."""
    description: str = Field(default="", exclude=True)
    """One line for `curate tasks`."""
    origin: str = Field(default="", exclude=True)
    """The paper or project that the method comes from."""
    passages: PassageRecipe = PassageRecipe()
    """What of a document is seen at a time."""
    options: dict[str, Any] = {}
    """Values that templates read as `options.NAME`; a recipe sets others. null: a recipe must."""
    variants: dict[str, dict[str, Any]] = {"": {}}
    """Name to values that templates read as `variant.KEY`, e.g. four styles; `variant.name` is the name."""
    choose: Literal["all", "one"] = "all"
    """Every passage with all variants, or with one, drawn by the document's id."""
    prompt: PromptRecipe | None = None
    """Tasks for a model."""
    miner: AnyMiner | None = None
    """Tasks without a model."""
    parser: AnyParser = TextParser()
    """A completion to items. Changing it asks for nothing again."""
    output: OutputRecipe = OutputRecipe()
    """What documents are made of the answers."""
    gates: tuple[AnyGate, ...] = ()
    """What candidates must pass. A recipe adds more."""
    sampling: SamplingRecipe = SamplingRecipe()
    """A recipe's own fields go first."""

    @model_validator(mode="after")
    def _asks_one_way(self) -> "TaskRecipe":
        if (self.prompt is None) == (self.miner is None):
            raise ValueError("a task has either a `prompt` (for a model) or a `miner` (rules)")
        if not self.variants:
            raise ValueError("variants: name at least one, or leave the key out")
        return self

    @property
    def item_fields(self) -> set[str]:
        """Names that items of the parser or the miner have for certain."""
        return self.miner.fields() if self.miner else self.parser.fields()

    @property
    def sure_of_fields(self) -> bool:
        """Whether `item_fields` are all that there are: JSON may hold more than what is required of it."""
        return self.miner is not None or not isinstance(self.parser, JsonParser)

    @property
    def asking_hash(self) -> str:
        """Of all that decides what is asked; parser, output and gates are not in it, so that they can change without asking again."""
        return json_hash([self.name, self.prompt.model_dump(mode="json") if self.prompt else None])


def load_task(name: str, overrides: Sequence[str] = ()) -> TaskRecipe:
    """A shipped task by name, or one of your own by path; `check_task` is still to be asked. Raises CurateError, RecipeError."""
    return load_recipe(task_file(name), TaskRecipe, overrides)


def task_file(name: str) -> Path:
    """Where a task is written. Raises CurateError if there is none of this name."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if not path.exists():
        near = difflib.get_close_matches(name, shipped_tasks(), n=1, cutoff=0.4) or shipped_tasks()
        raise CurateError(f"task {name}: neither a YAML file nor a shipped task; there is {', '.join(near)}; `curate tasks` lists all")
    return path


def fill_task(task: TaskRecipe, options: dict[str, Any], sampling: dict[str, Any], where: str) -> TaskRecipe:
    """A task with these options and this sampling in it, checked. Raises CurateError for what does not fit together."""
    unknown = sorted(set(options) - set(task.options))
    if unknown:
        raise CurateError(f"task_options.{unknown[0]}: task {task.name} has no such option; it has {', '.join(task.options) or 'none'}")
    try:
        sampled = SamplingRecipe.model_validate(task.sampling.model_dump() | sampling)
    except ValueError as error:
        raise CurateError(f"sampling: {' '.join(str(error).split())}") from None
    task = task.model_copy(update={"options": task.options | options, "sampling": sampled})
    check_task(task, where)
    return task


def shipped_tasks() -> list[str]:
    """Names of the tasks that come with curate."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def check_task(task: TaskRecipe, where: str) -> None:
    """Raise CurateError for a template that is not Jinja or reads a field that nothing gives, and for options without a value."""
    prompt, attributes = task.prompt, _attributes(task)
    for name in ("system", "user", "completion"):
        source = getattr(prompt, name) if prompt else None
        if source is not None:
            check_template(f"{where}: prompt.{name}", source, PROMPT_FIELDS, attributes)
    if task.output.columns:
        known = task.item_fields
        missing = [name for name in task.output.columns if name not in known]
        if missing:
            raise CurateError(f"{where}: output.columns: items have no field {missing[0]!r}; they have {', '.join(sorted(known))}")
    else:
        check_template(f"{where}: output.template", task.output.template, _OUTPUT_FIELDS[task.output.per], attributes)
    if task.output.language is not None:
        check_template(f"{where}: output.language", task.output.language, {"options", "document", "metadata"}, attributes)
    for gate in task.gates:
        missing = [name for name in gate.item_fields if name not in task.item_fields and task.sure_of_fields]
        if missing:
            raise CurateError(f"{where}: gate {gate.kind}: items have no field {missing[0]!r}; they have {', '.join(sorted(task.item_fields))}")
    unset = [name for name, value in task.options.items() if value is None]
    if unset:
        raise CurateError(f"{where}: option {unset[0]!r} has no value; set it in the recipe: task_options: {{{unset[0]}: …}}")


def _attributes(task: TaskRecipe) -> dict[str, set[str]]:
    """What lies behind the names that templates read, where that is known before the run."""
    known = {
        "document": {field for field in SourceDocument.__dataclass_fields__},
        "passage": {"number", "count"},
        "options": set(task.options),
        "variant": {"name"}.union(*(set(values) for values in task.variants.values())),
    }
    return known | {"item": task.item_fields} if task.sure_of_fields else known

"""Tasks as data: one YAML file states what is asked and how the answer becomes a document.

    name: plain_words
    prompt:
      user: |
        Rewrite for a reader of twelve. Keep every fact.

        {{ text }}
    parser: {kind: text}
    output: {template: "{{ item.text }}"}
    gates: [{kind: length, min_words: 40}]

Templates are sandboxed Jinja. They read `text` (the passage), `document` (id, text, source, language, url), `metadata` (of the document, a mapping),
`passage` (number from 1, count), `variant` (its name and values) and `options` (of the task, set by a recipe).
"""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from curate.errors import CurateError
from curate.synthesize.gates import AnyGate
from curate.synthesize.gates.judge import JudgeGateRecipe
from curate.synthesize.miners import AnyMiner
from curate.synthesize.parse import AnyParser, JsonParserRecipe, TextParserRecipe
from curate.synthesize.passages import PassageRecipe
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
    """The prompt: `user` (and `system`) for a chat model, `completion` for a base model."""

    system: str | None = None
    """Jinja. The system message."""
    user: str | None = None
    """Jinja. The user message."""
    completion: str | None = None
    """Jinja. Plain text that the model continues; for models without a chat template."""

    @model_validator(mode="after")
    def _one_kind(self) -> "PromptRecipe":
        if (self.user is None) == (self.completion is None):
            raise ValueError("give either `user` (chat) or `completion` (plain text)")
        if self.completion is not None and self.system is not None:
            raise ValueError("`system` belongs to chat prompts; put its text at the beginning of `completion`")
        return self


class SamplingRecipe(Recipe):
    """How a model samples its answers; part of every request's key. Fields that are null are left to the server."""

    max_tokens: Annotated[int, Field(ge=1)] = 1024
    """Upper limit on the tokens of a completion."""
    temperature: Annotated[float, Field(ge=0)] = 0.7
    """0 is greedy. Default: our choice."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Sample from the smallest set of tokens with at least this probability; null: the server's default."""
    top_k: Annotated[int, Field(ge=1)] | None = None
    """Not part of OpenAI's protocol, but supported by vLLM, SGLang and llama.cpp."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion and are not part of it."""
    seed: int = 0
    """Each request's seed is derived from this one, the document and the sample's index. Servers guarantee little by a seed; the journal is exact."""
    samples: Annotated[int, Field(ge=1)] = 1
    """Completions per prompt; each is a separate request."""
    extra: dict[str, Any] = {}
    """Further keys of the request's body, named as the server names them: {chat_template_kwargs: {enable_thinking: false}}."""

    def body(self) -> dict[str, Any]:
        """The keys of a request's body, without the seed."""
        values = {name: getattr(self, name) for name in ("max_tokens", "temperature", "top_p", "top_k")}
        body = {name: value for name, value in values.items() if value is not None}
        return body | ({"stop": list(self.stop)} if self.stop else {}) | self.extra


class OutputRecipe(Recipe):
    """How documents are made from items."""

    template: str = "{{ item.text }}"
    """Jinja. In addition to the prompt's fields it reads `items` (of the answer, or of the miner) and `item` (the only or the first item).
    With `per: document` it reads only `document`, `metadata`, `options` and `answers`: a list of {text, variant, passage, items, item}."""
    per: Literal["item", "answer", "document"] = "answer"
    """Make one document per item, per answer, or per source document."""
    pack: Annotated[int, Field(ge=1)] = 1
    """Number of documents joined into one, in order (M-shot; Instruction Pre-Training, arXiv 2406.14491, uses 2)."""
    separator: str = "\n\n"
    """Text between packed documents."""
    language: str | None = None
    """Jinja. Language of the documents; null: that of the source document."""
    columns: tuple[str, ...] = ()
    """Labels: write the source documents themselves, with these fields of the first item as columns. `template` is not used then."""


class TaskRecipe(Recipe):
    """A task: passages, prompt or miner, parser, output, gates."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    """Written to the documents' column `task`."""
    description: str = Field(default="", exclude=True)
    """One line that `curate tasks` prints."""
    origin: str = Field(default="", exclude=True)
    """The paper or project that the method comes from."""
    passages: PassageRecipe = PassageRecipe()
    """How documents are cut into passages."""
    options: dict[str, Any] = {}
    """Defaults of the values that templates read as `options.NAME`; a recipe can set them. null: a recipe must set it."""
    variants: dict[str, dict[str, Any]] = {"": {}}
    """Name to values that templates read as `variant.KEY`, e.g. four styles; `variant.name` is the name."""
    choose: Literal["all", "one"] = "all"
    """`all`: every passage with every variant. `one`: with one variant, drawn by the document's id."""
    prompt: PromptRecipe | None = None
    """For tasks that ask a model."""
    miner: AnyMiner | None = None
    """For tasks without a model."""
    parser: AnyParser = TextParserRecipe()
    """Turns a completion into items. Changing it makes no new request."""
    output: OutputRecipe = OutputRecipe()
    """How items become documents."""
    gates: tuple[AnyGate, ...] = ()
    """What candidates must pass. A recipe can add more."""
    sampling: SamplingRecipe = SamplingRecipe()
    """Fields set in a recipe override these."""

    @model_validator(mode="after")
    def _asks_one_way(self) -> "TaskRecipe":
        if (self.prompt is None) == (self.miner is None):
            raise ValueError("a task has either a `prompt` (for a model) or a `miner` (rules)")
        if not self.variants:
            raise ValueError("variants: name at least one, or leave the key out")
        return self

    @property
    def item_fields(self) -> set[str]:
        """Names of fields that every item of the parser or the miner has."""
        return self.miner.fields() if self.miner else self.parser.fields()

    @property
    def has_only_known_fields(self) -> bool:
        """Whether items have no other fields than `item_fields`. JSON items may have more than the required ones."""
        return self.miner is not None or not isinstance(self.parser, JsonParserRecipe)

    @property
    def asking_hash(self) -> str:
        """Hash of name and prompt. Parser, output and gates are left out, so that they can change without new requests."""
        return json_hash([self.name, self.prompt.model_dump(mode="json") if self.prompt else None])


def load_task(name: str, overrides: Sequence[str] = ()) -> TaskRecipe:
    """A shipped task by name, or a task of the user by path; not checked by `check_task` yet. Raises CurateError, RecipeError."""
    return load_recipe(task_file(name), TaskRecipe, overrides)


def task_file(name: str) -> Path:
    """The YAML file of a task. Raises CurateError if there is no such task."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if not path.exists():
        near = difflib.get_close_matches(name, shipped_tasks(), n=1, cutoff=0.4) or shipped_tasks()
        raise CurateError(f"task {name}: neither a YAML file nor a shipped task; did you mean {', '.join(near)}? `curate tasks` lists all")
    return path


def fill_task(task: TaskRecipe, options: dict[str, Any], sampling: dict[str, Any], where: str) -> TaskRecipe:
    """The task with these options and this sampling, checked. Raises CurateError for unknown options and whatever `check_task` finds."""
    unknown = sorted(set(options) - set(task.options))
    if unknown:
        raise CurateError(f"task_options.{unknown[0]}: task {task.name} has no such option; its options: {', '.join(task.options) or 'none'}")
    try:
        merged = SamplingRecipe.model_validate(task.sampling.model_dump() | sampling)
    except ValueError as error:
        raise CurateError(f"sampling: {' '.join(str(error).split())}") from None
    task = task.model_copy(update={"options": task.options | options, "sampling": merged})
    check_task(task, where)
    return task


def shipped_tasks() -> list[str]:
    """Names of the tasks in the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def judge_task(gate: JudgeGateRecipe) -> TaskRecipe:
    """The task of a judge, which reads a candidate as one passage. Raises CurateError, RecipeError if it cannot judge."""
    task = fill_task(load_task(gate.task), gate.task_options, gate.sampling, gate.task)
    if task.prompt is None:
        raise CurateError(f"gate judge: task {task.name} works by rules; name one with a prompt")
    if task.has_only_known_fields and gate.field not in task.item_fields:
        raise CurateError(f"gate judge: items of task {task.name} have no field {gate.field!r}; their fields: {', '.join(sorted(task.item_fields))}")
    return task.model_copy(update={"passages": PassageRecipe(max_chars=None, min_chars=0), "gates": ()})


def gate_files(gate: AnyGate) -> Sequence[Path]:
    """Files besides the recipe that decide what a gate says."""
    return (task_file(gate.task),) if isinstance(gate, JudgeGateRecipe) else gate.files()


def check_task(task: TaskRecipe, where: str) -> None:
    """Raise CurateError for a template that is not valid Jinja or reads an unknown field, and for options without a value."""
    prompt, attributes = task.prompt, _attributes(task)
    for name in ("system", "user", "completion"):
        source = getattr(prompt, name) if prompt else None
        if source is not None:
            check_template(f"{where}: prompt.{name}", source, PROMPT_FIELDS, attributes)
    if task.output.columns:
        known = task.item_fields
        missing = [name for name in task.output.columns if name not in known]
        if missing:
            raise CurateError(f"{where}: output.columns: items have no field {missing[0]!r}; their fields: {', '.join(sorted(known))}")
    else:
        check_template(f"{where}: output.template", task.output.template, _OUTPUT_FIELDS[task.output.per], attributes)
    if task.output.language is not None:
        check_template(f"{where}: output.language", task.output.language, {"options", "document", "metadata"}, attributes)
    for gate in task.gates:
        missing = [name for name in gate.item_fields if name not in task.item_fields and task.has_only_known_fields]
        if missing:
            raise CurateError(f"{where}: gate {gate.kind}: items have no field {missing[0]!r}; their fields: {', '.join(sorted(task.item_fields))}")
    unset = [name for name, value in task.options.items() if value is None]
    if unset:
        raise CurateError(f"{where}: option {unset[0]!r} has no value; set it in the recipe with task_options: {{{unset[0]}: …}}")


def _attributes(task: TaskRecipe) -> dict[str, set[str]]:
    """Attributes of the names that templates read, for names whose attributes are known before the run."""
    known = {
        "document": set(SourceDocument.__dataclass_fields__),
        "passage": {"number", "count"},
        "options": set(task.options),
        "variant": {"name"}.union(*(set(values) for values in task.variants.values())),
    }
    return known | {"item": task.item_fields} if task.has_only_known_fields else known

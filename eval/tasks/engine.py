"""Asks a model the items of a task through lm-evaluation-harness, and returns what it answered.

A suite's task becomes a task of the harness whose data are the items, so that scoring, ties and filters are the harness's own. The right answer's
log-likelihood comes from the same requests; only tasks with generated answers need a second pass for it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from eval.errors import EvalError
from eval.tasks.harness import first_line
from eval.tasks.items import Item, Task

_MEAN = {"aggregation": "mean", "higher_is_better": True}
FEWSHOT_SEED = 1234
"""The harness's own default seed of the examples that a YAML task draws."""
LARGEST_NEAR_TIE = 1e-4
"""Nats. Log-likelihoods move by up to 3e-5 with the requests that share a batch, so choices that are closer may change places."""


@dataclass(frozen=True)
class Answer:
    """What a model answered to one item."""

    correct: float
    """1 if the answer is right, else 0: the harness's acc, or the exact match of a generated answer by its first filter."""
    correct_norm: float | None
    """The harness's acc_norm: as `correct`, with log-likelihoods divided by the choice's characters. None for tasks without it."""
    nats: tuple[float, ...]
    """Minus the log-likelihood of each choice."""
    text: str | None = None
    """The generated answer."""

    @property
    def is_near_tie(self) -> bool:
        """Whether the two likeliest choices are too close to tell apart beyond rounding."""
        best = sorted(self.nats)[:2]
        return len(best) == 2 and best[1] - best[0] < LARGEST_NEAR_TIE


@dataclass(frozen=True)
class Source:
    """The harness's own task that items were read from, and their rows in its data."""

    built: Any
    rows: tuple[int, ...]


def ask(parts: SimpleNamespace, lm: Any, task: Task, source: Source | None = None) -> list[Answer]:
    """One answer for each item of `task`, in their order. `source`: where they come from; None: a task of the harness is made from the items.

    Raises EvalError for a log-likelihood that is not finite, naming the item.
    """
    samples = _evaluate(parts, lm, task, source or Source(build(parts, task), ()))
    if task.kind == "generate":
        gold = _evaluate(parts, lm, task, Source(build(parts, task, kind="continuation"), ()))
        answers = [_generated(sample, known, task) for sample, known in zip(samples, gold, strict=True)]
    else:
        answers = [_scored(sample, item) for sample, item in zip(samples, task.items, strict=True)]
    for answer, item in zip(answers, task.items, strict=True):
        if not all(math.isfinite(nats) for nats in answer.nats):
            raise EvalError(f"task {task.name}, item {item.id}: its log-likelihood is not finite; the checkpoint is damaged or has diverged")
    return answers


def build(parts: SimpleNamespace, task: Task, *, kind: str | None = None) -> Any:
    """The harness's task that asks the items of `task` word for word; `kind` replaces the task's own."""
    rows = [_row(task, item) for item in task.items]
    config = {
        "task": task.name,
        "custom_dataset": lambda **_: parts.DatasetDict(test=parts.Dataset.from_list(rows)),
        "test_split": "test",
        "num_fewshot": 0,
        "target_delimiter": task.delimiter,
        **_formats(task, kind or task.kind),
    }
    return load(parts, config, task.name)


def load(parts: SimpleNamespace, spec: Mapping[str, Any] | str, name: str) -> Any:
    """The harness's task of a configuration or a YAML file. Raises EvalError, with the harness's own reason."""
    try:
        loaded = parts.TaskManager(include_defaults=False).load([spec])["tasks"]
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise EvalError(f"task {name}: lm-evaluation-harness cannot load it ({reason}); check its files, splits and right answers") from None
    if len(loaded) != 1:
        raise EvalError(f"task {name}: {spec} holds {len(loaded)} tasks ({', '.join(loaded)}); name a file that holds one")
    (built,) = loaded.values()
    return built


def _formats(task: Task, kind: str) -> dict[str, Any]:
    if kind == "generate":
        return {"output_type": "generate_until", "doc_to_text": "context", "doc_to_target": "target", **task.generation}
    if kind == "continuation":
        return {"output_type": "loglikelihood", "doc_to_text": "context", "doc_to_target": "continuation", "metric_list": [{"metric": "acc", **_MEAN}]}
    metrics = [{"metric": name, **_MEAN} for name in ("acc", "acc_norm")]
    if task.items[0].contexts is not None:
        formats = {"doc_to_text": "gold", "doc_to_choice": "contexts", "doc_to_target": "choice"}
        return {"output_type": "multiple_choice", **formats, "metric_list": metrics[:1]}
    return {"output_type": "multiple_choice", "doc_to_text": "context", "doc_to_choice": "choices", "doc_to_target": "gold", "metric_list": metrics}


def _row(task: Task, item: Item) -> dict[str, Any]:
    answer = item.choices[item.gold]
    texts = {"context": item.context, "choices": list(item.choices), "contexts": list(item.contexts or ()), "choice": item.choices[0]}
    return texts | {"gold": item.gold, "continuation": task.delimiter + answer, "target": item.metadata.get("target", answer)}


def _evaluate(parts: SimpleNamespace, lm: Any, task: Task, source: Source) -> list[dict[str, Any]]:
    """The harness's samples of the first filter, in the order of the items."""
    name, chosen = source.built.task_name, list(source.rows)
    source.built.set_fewshot_seed(seed=FEWSHOT_SEED)
    try:
        results = parts.evaluate(
            lm=lm, task_dict={"tasks": {name: source.built}}, samples={name: chosen} if chosen else None, bootstrap_iters=0, log_samples=True
        )
    except Exception as error:
        raise EvalError(f"task {task.name}: lm-evaluation-harness failed ({type(error).__name__}: {first_line(error)})") from error
    samples = results["samples"][name]
    return [sample for sample in samples if sample["filter"] == samples[0]["filter"]]


def _scored(sample: Mapping[str, Any], item: Item) -> Answer:
    nats = tuple(-float(responses[0][0]) for responses in sample["resps"][: len(item.choices)])
    norm = sample.get("acc_norm")
    return Answer(_primary(sample), None if norm is None else float(norm), nats)


def _generated(sample: Mapping[str, Any], gold: Mapping[str, Any], task: Task) -> Answer:
    text = sample["resps"][0][0]
    return Answer(_primary(sample), None, (-float(gold["resps"][0][0][0]),), str(text))


def _primary(sample: Mapping[str, Any]) -> float:
    """The accuracy of one sample: acc, exact match, or the task's first metric that is a number from 0 to 1."""
    names: Sequence[str] = sample["metrics"]
    for name in ("acc", "exact_match", *names):
        if name in sample and isinstance(sample[name], int | float) and 0 <= sample[name] <= 1:
            return float(sample[name])
    raise EvalError(f"its metrics {', '.join(names)} hold no share of right answers; add acc or exact_match to its metric_list")

"""Several outputs of `evaluate run` as one: the same documents under the same settings, or refused by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eval.errors import EvalError
from eval.report.record import SummaryRecord
from shards.manifest import MANIFEST_NAME
from shards.read import ShardSet
from shards.record import check_values, read_record

Json = dict[str, Any]

_SETTINGS = ("context_tokens", "stride_tokens", "bos_every_window", "dtype")
_REMEDY = "rerun `evaluate run`"


class Documents(NamedTuple):
    """A model's scores on a domain: `ids` of the documents, `values (n_docs, 2) float64` of nats and bytes, labels `clusters (n_docs,)`; None: none."""

    ids: list[bytes]
    values: np.ndarray
    clusters: np.ndarray | None


@dataclass(frozen=True)
class Evaluation:
    """An output of `evaluate run`; `label` is its short name."""

    folder: Path
    label: str
    summary: Json

    @cached_property
    def documents(self) -> Mapping[tuple[str, str], Documents]:
        """Scores by model and domain; empty if the folder holds only the summary."""
        if not (self.folder / MANIFEST_NAME).exists():
            return {}
        table = ShardSet(self.folder, "scores").to_table()
        models, domains = (np.array(table[name].to_pylist()) for name in ("model", "domain"))
        values = np.column_stack([table["nats"].to_numpy(), table["n_bytes"].to_numpy()]).astype(np.float64)
        ids = table["doc_id"].to_pylist()
        clusters = np.array(table["cluster"].to_pylist()) if "cluster" in table.column_names else None
        parts = {}
        for model in self.summary["models"]:
            for domain in self.summary["domains"]:
                rows = np.flatnonzero((models == model) & (domains == domain))
                parts[model, domain] = Documents([ids[row] for row in rows], values[rows], None if clusters is None else clusters[rows])
        return parts

    def measured(self, domain: str) -> Json:
        """What bits per byte of a domain depend on besides the model; evaluations that differ in it are not comparable."""
        facts = self.summary["domains"][domain]
        chosen = {name: self.summary["recipe"].get(name) for name in _SETTINGS}
        chosen["stride_tokens"] = chosen["stride_tokens"] or chosen["context_tokens"]
        return {"documents": facts["manifest_hash"], "number of documents": facts["documents"], "bytes": facts["bytes"], **chosen} | {
            "policy": self.summary.get("policy", "")
        }

    def row(self, model: str, domain: str) -> Json:
        """The row of `scores`."""
        return next(row for row in self.summary["scores"] if (row["model"], row["domain"]) == (model, domain))

    def is_lossy(self, model: str, domain: str) -> bool:
        """Whether the model's tokenizer loses text of the domain, so that its bits per byte mean nothing beside those of others."""
        return bool(self.row(model, domain).get("lossy", False))


class Member(NamedTuple):
    """A model in an evaluation, under the name that it has there."""

    evaluation: Evaluation
    own_name: str
    checksum: str

    @property
    def path(self) -> Path | None:
        """Its folder, as the recipe names it; None where the summary does not say."""
        path = self.evaluation.summary["recipe"].get("models", {}).get(self.own_name)
        return Path(path) if isinstance(path, str) else None


class Joined:
    """Models of several evaluations by unique name. A model that several scored counts once; a name that stands for several models gets its evaluation's
    label in front.

    Raises EvalError if two evaluations measured a domain of the same name differently.
    """

    def __init__(self, evaluations: Sequence[Evaluation], domains: Sequence[str] | None = None) -> None:
        self.evaluations = list(evaluations)
        self.roles: dict[str, str] = {}
        for evaluation in evaluations:
            for name, facts in evaluation.summary["domains"].items():
                if domains is None or name in domains:
                    self.roles.setdefault(name, facts["role"])
        for name in self.roles:
            _refuse_other_measure(name, [evaluation for evaluation in evaluations if name in evaluation.summary["domains"]])
        self.members = _members(evaluations)
        first = evaluations[0]
        wanted = first.summary["models"][first.summary["baseline"]]["checksum"]
        self.baseline = next(name for name, member in self.members.items() if member.checksum == wanted)

    def evaluation_of(self, model: str, domain: str) -> tuple[Evaluation, str] | None:
        """The first evaluation that scored a model on a domain, and the model's name there; None if there is none."""
        wanted = self.members[model].checksum
        for evaluation in self.evaluations:
            for name, facts in evaluation.summary["models"].items():
                if facts["checksum"] == wanted and domain in evaluation.summary["domains"]:
                    return evaluation, name
        return None

    def documents(self, model: str, domain: str) -> Documents | None:
        """A model's scores on a domain; None if they are not known by document."""
        where = self.evaluation_of(model, domain)
        return None if where is None else where[0].documents.get((where[1], domain))

    def paired(self, models: Sequence[str], domain: str) -> tuple[dict[str, np.ndarray], np.ndarray | None] | None:
        """`(n_docs, 2) float64` of each model on the same documents in one order, and their clusters, the fewest where evaluations grouped them
        differently; None if scores of one are not known by document. Raises EvalError if two were scored on different documents."""
        known = {model: self.documents(model, domain) for model in models}
        if any(documents is None for documents in known.values()):
            return None
        parts = {model: documents for model, documents in known.items() if documents is not None}
        first_model, first = next(iter(parts.items()))
        for model, documents in parts.items():
            if documents.ids != first.ids:
                n_other = len(set(documents.ids) ^ set(first.ids))
                raise EvalError(
                    f"domain {domain}: {model} and {first_model} were scored on different documents ({n_other} differ); score both in one evaluation"
                )
        grouped = [documents.clusters for documents in parts.values() if documents.clusters is not None]
        return {model: documents.values for model, documents in parts.items()}, min(grouped, key=lambda labels: len(np.unique(labels)), default=None)


def read_evaluation(folder: Path, label: str) -> Evaluation:
    """Read an output of `evaluate run`. Raises EvalError if its summary is damaged."""
    path = folder / "summary.json"
    summary = read_record(path, dict[str, Any], error=EvalError, remedy=_REMEDY)
    check_values(summary, SummaryRecord, str(path), _REMEDY, error=EvalError)
    return Evaluation(folder, label, summary)


def _refuse_other_measure(domain: str, evaluations: Sequence[Evaluation]) -> None:
    first, expected = evaluations[0], evaluations[0].measured(domain)
    for other in evaluations[1:]:
        for name, value in other.measured(domain).items():
            if value != expected[name]:
                values = "" if name in ("documents", "policy") else f" ({expected[name]} and {value})"
                raise EvalError(
                    f"domain {domain}: {first.folder} and {other.folder} differ in {name}{values}, so their bits per byte are not comparable; "
                    "score all models with one recipe, or leave one of the folders out"
                )


def _members(evaluations: Sequence[Evaluation]) -> dict[str, Member]:
    entries, seen = [], set[str]()
    for evaluation in evaluations:
        for name, facts in evaluation.summary["models"].items():
            if facts["checksum"] not in seen:
                seen.add(facts["checksum"])
                entries.append(Member(evaluation, name, facts["checksum"]))
    names = [entry.own_name for entry in entries]
    members: dict[str, Member] = {}
    for entry in entries:
        name = entry.own_name if names.count(entry.own_name) == 1 else f"{entry.evaluation.label}: {entry.own_name}"
        if name in members:
            name = f"{name} ({entry.checksum[:6]})"
        members[name] = entry
    return members

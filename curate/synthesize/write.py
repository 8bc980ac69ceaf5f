"""Phase two of a shard: through its documents in order, from answers to documents, rejected ones and verdicts.

A pure function of the documents, the task and the answers; answers are looked up by key, so their order can't show.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from curate.synthesize.answer import Asking
from curate.synthesize.candidates import Find, Part, Problem, candidates_of, clean, output_language, parts_of
from curate.synthesize.inputs import read_documents
from curate.synthesize.judges import judges_of, rejections
from curate.synthesize.tables import TABLES, batch_of, text_id, verdict
from curate.synthesize.types import Candidate, Rejection, SourceDocument
from shards.record import canonical_json
from shards.stages import TaskWriter

_BATCH_ROWS = 1024


class ShardOutput:
    """Collects a shard's rows, and writes them in batches of one size wherever answers came from."""

    def __init__(self, writer: TaskWriter) -> None:
        self._writer = writer
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self.counts: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        """Verdicts by rule."""

    def add(self, table: str, row: dict[str, Any]) -> None:
        """Append a row."""
        self._rows[table].append(row)
        if len(self._rows[table]) >= _BATCH_ROWS:
            self._flush(table)

    def judge(self, row: dict[str, Any]) -> None:
        """Append a verdict."""
        self.rules[row["rule"]] += 1
        self.add("verdicts", row)

    def finish(self) -> None:
        """Write what is left."""
        for table in TABLES:
            self._flush(table)

    def _flush(self, table: str) -> None:
        if self._rows[table]:
            self._writer.write(table, batch_of(self._rows[table], TABLES[table]))
            self._rows[table] = []


def write_documents(asking: Asking, find: Find, said: Find, output: ShardOutput) -> None:
    """Write all rows of a shard; `said` gives what judges answered."""
    judges = judges_of(asking)
    packer = _Packer(asking, output)
    for document in read_documents(asking.shard):
        output.counts["sources"] += 1
        found = list(parts_of(asking.task, asking.model, document, find))
        parts = [one for one in found if isinstance(one, Part)]
        for one in found:
            _count(output, one)
            if isinstance(one, Problem):
                _write_problem(asking, document, one, output)
        candidates = candidates_of(asking.task, document, parts)
        output.counts["candidates"] += len(candidates)
        for candidate, told in zip(candidates, rejections(asking, judges, candidates, said), strict=True):
            if told:
                _write_rejected(asking, candidate, told, output)
            else:
                packer.add(candidate)
    packer.close()
    output.finish()


class _Packer:
    """Joins so many accepted candidates into a document, in order; the last of a shard may hold fewer."""

    def __init__(self, asking: Asking, output: ShardOutput) -> None:
        self._asking, self._output = asking, output
        self._waiting: list[Candidate] = []

    def add(self, candidate: Candidate) -> None:
        self._waiting.append(candidate)
        if len(self._waiting) >= self._asking.task.output.pack:
            self.close()

    def close(self) -> None:
        if self._waiting:
            row = _row(self._asking, self._waiting)
            self._output.counts["documents"] += 1
            self._output.counts["bytes"] += len(row["text"].encode())
            self._output.add("documents", row)
            self._waiting = []


def _row(asking: Asking, candidates: Sequence[Candidate]) -> dict[str, Any]:
    text = clean(asking.task.output.separator).join(candidate.text for candidate in candidates)
    first = candidates[0]
    synthetic = {
        **_provenance(asking, first.variant, first.sample),
        "source_ids": list(dict.fromkeys(candidate.document.id for candidate in candidates)),
        "prompt_hashes": [one for candidate in candidates for one in candidate.prompt_hashes],
        "keys": [one for candidate in candidates for one in candidate.keys],
    }
    return _document(asking, first.document, text, synthetic)


def _document(asking: Asking, source: SourceDocument, text: str, synthetic: dict[str, Any]) -> dict[str, Any]:
    task = asking.task
    return {
        "id": text_id(text),
        "text": text,
        "source": asking.recipe.name or task.name,
        "language": output_language(task, source),
        "url": source.url,
        "metadata": canonical_json(source.metadata) if source.metadata else "",
        "file": source.file,
        "row": source.row,
        "task": task.name,
        "synthetic": synthetic,
    }


def _provenance(asking: Asking, variant: str, sample: int) -> dict[str, Any]:
    sampling = canonical_json(asking.task.sampling.model_dump(mode="json")) if asking.task.prompt else ""
    return {"task": asking.task.name, "model": asking.model, "variant": variant, "sample": sample, "sampling": sampling}


def _write_problem(asking: Asking, document: SourceDocument, problem: Problem, output: ShardOutput) -> None:
    doc_id = None
    if problem.text.strip():
        synthetic = _provenance(asking, problem.variant, problem.sample)
        synthetic |= {"source_ids": [document.id], "prompt_hashes": [problem.prompt_hash], "keys": [problem.key]}
        row = _document(asking, document, clean(problem.text), synthetic)
        output.add("rejected", row)
        doc_id = row["id"]
    output.judge(verdict(doc_id, document.file, document.row, problem.rule, detail=problem.detail or None))


def _write_rejected(asking: Asking, candidate: Candidate, held_against: Sequence[Rejection], output: ShardOutput) -> None:
    row = _row(asking, [candidate])
    output.counts["rejected"] += 1
    output.add("rejected", row)
    for one in held_against:
        told = {"value": one.value, "threshold": one.threshold, "detail": one.detail or None}
        output.judge(verdict(row["id"], row["file"], row["row"], f"gate/{one.rule}", **told))


def _count(output: ShardOutput, one: Part | Problem) -> None:
    answer_tokens = (one.answer.prompt_tokens, one.answer.completion_tokens) if isinstance(one, Part) and one.answer else (0, 0)
    prompt, completion = one.n_tokens if isinstance(one, Problem) else answer_tokens
    output.counts.update(parts=1, prompt_tokens=prompt, completion_tokens=completion, items=len(one.items) if isinstance(one, Part) else 0)

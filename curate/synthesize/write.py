"""Phase two of a shard: its tables of documents, rejected documents and verdicts, written in the order of the source documents.

A pure function of documents, task and answers. Answers are looked up by key, so their order has no effect.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from curate.synthesize.answer import Asking
from curate.synthesize.candidates import Find, PassageItems, Problem, candidates_of, clean, output_language, results_of
from curate.synthesize.inputs import read_batches, read_documents
from curate.synthesize.judges import judges_of, rejections
from curate.synthesize.types import Candidate, Rejection, SourceDocument, text_id
from shards.record import canonical_json
from shards.schemas import DOCUMENTS, VERDICTS
from shards.stages import Stage, TaskWriter

SYNTHETIC = pa.struct(
    [
        ("task", pa.string()),
        ("model", pa.string()),  # as named in the recipe; `rules` for miners
        ("variant", pa.string()),
        ("sample", pa.int32()),
        ("source_ids", pa.list_(pa.string())),  # ids of the source documents, hexadecimal
        ("prompt_hashes", pa.list_(pa.string())),  # xxh3-128 of each prompt
        ("keys", pa.list_(pa.string())),  # keys of the requests, as in the journal
        ("sampling", pa.string()),  # JSON
    ]
)
SYNTHETIC_DOCUMENTS = pa.schema([*DOCUMENTS, ("task", pa.string()), ("synthetic", SYNTHETIC)])
"""`file` and `row` locate the (first) source document in the inputs. `task` is a separate column so that mixes can split by it."""
TABLES = {"documents": SYNTHETIC_DOCUMENTS, "rejected": SYNTHETIC_DOCUMENTS, "verdicts": VERDICTS}
_BATCH_ROWS = 1024


class ShardOutput:
    """Collects a shard's rows and writes them in batches of a fixed size."""

    def __init__(self, writer: TaskWriter) -> None:
        self._writer = writer
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self.counts: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        """Verdicts by rule."""

    def add(self, table: str, row: dict[str, Any]) -> None:
        """Append a row to one of TABLES."""
        self._rows[table].append(row)
        if len(self._rows[table]) >= _BATCH_ROWS:
            self._flush(table)

    def judge(self, row: dict[str, Any]) -> None:
        """Append a verdict and count its rule."""
        self.rules[row["rule"]] += 1
        self.add("verdicts", row)

    def finish(self) -> None:
        """Write the rows that are still buffered."""
        for table in TABLES:
            self._flush(table)

    def _flush(self, table: str) -> None:
        if self._rows[table]:
            self._writer.write(table, batch_of(self._rows[table], TABLES[table]))
            self._rows[table] = []


def write_documents(asking: Asking, find: Find, find_judgement: Find, output: ShardOutput) -> None:
    """Write all rows of a shard. `find` looks up answers, `find_judgement` the answers of judges."""
    judges = judges_of(asking)
    packer = _Packer(asking, output)
    for document in read_documents(asking.shard):
        output.counts["sources"] += 1
        results = list(results_of(asking.task, asking.model, document, find))
        for result in results:
            _count(output, result)
            if isinstance(result, Problem):
                _write_problem(asking, document, result, output)
        candidates = candidates_of(asking.task, document, [result for result in results if isinstance(result, PassageItems)])
        output.counts["candidates"] += len(candidates)
        for candidate, reasons in zip(candidates, rejections(asking, judges, candidates, find_judgement), strict=True):
            if reasons:
                _write_rejected(asking, candidate, reasons, output)
            else:
                packer.add(candidate)
    packer.close()
    output.finish()


class _Packer:
    """Joins `output.pack` accepted candidates into one document, in order; the last document of a shard may hold fewer."""

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
        "prompt_hashes": [prompt_hash for candidate in candidates for prompt_hash in candidate.prompt_hashes],
        "keys": [key for candidate in candidates for key in candidate.keys],
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


def _write_rejected(asking: Asking, candidate: Candidate, reasons: Sequence[Rejection], output: ShardOutput) -> None:
    row = _row(asking, [candidate])
    output.counts["rejected"] += 1
    output.add("rejected", row)
    for reason in reasons:
        values = {"value": reason.value, "threshold": reason.threshold, "detail": reason.detail or None}
        output.judge(verdict(row["id"], row["file"], row["row"], f"gate/{reason.rule}", **values))


def _count(output: ShardOutput, result: PassageItems | Problem) -> None:
    prompt, completion = result.n_tokens
    output.counts.update(parts=1, prompt_tokens=prompt, completion_tokens=completion, items=len(result.items) if isinstance(result, PassageItems) else 0)


def labelled_schema(inputs: pa.Schema, columns: tuple[str, ...]) -> pa.Schema:
    """The inputs' columns plus one string column per label; a label replaces an input column of the same name."""
    return pa.schema([*(field for field in inputs if field.name not in columns), *((name, pa.string()) for name in columns)])


def write_labels(stage: Stage, asking: Asking, find: Find) -> dict[str, Any]:
    """Write a shard's documents, labelled with fields of the first item of the first passage that gave items; null if none did. Returns the counts."""
    columns = asking.task.output.columns
    schema = labelled_schema(next(read_batches(asking.shard)).schema, columns)
    counts: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    with stage.open_task(asking.shard.number, TABLES | {"documents": schema}) as writer:
        documents = read_documents(asking.shard)
        for batch in read_batches(asking.shard):
            verdicts: list[dict[str, Any]] = []
            labels: list[dict[str, str | None]] = []
            for _, document in zip(range(batch.num_rows), documents, strict=False):
                label: dict[str, str | None] = dict.fromkeys(columns)
                for result in results_of(asking.task, asking.model, document, find):
                    counts.update(parts=1)
                    if isinstance(result, Problem):
                        detail = result.detail or result.text or None
                        verdicts.append(verdict(bytes.fromhex(document.id), document.file, document.row, result.rule, detail=detail))
                    elif label[columns[0]] is None:
                        label = {name: clean(str(result.items[0][name])) for name in columns}
                labels.append(label)
            arrays = [batch.column(name) for name in schema.names[: -len(columns)]]
            arrays += [pa.array([label[name] for label in labels], pa.string()) for name in columns]
            writer.write("documents", pa.record_batch(arrays, schema=schema))
            rules.update(row["rule"] for row in verdicts)
            for start in range(0, len(verdicts), _BATCH_ROWS):
                writer.write("verdicts", batch_of(verdicts[start : start + _BATCH_ROWS], VERDICTS))
            counts.update(sources=batch.num_rows, documents=batch.num_rows, labelled=sum(label[columns[0]] is not None for label in labels))
        info = {"counts": dict(counts), "rules": dict(sorted(rules.items()))}
        writer.commit(info)
    return info


def batch_of(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as a record batch of `schema`."""
    return pa.RecordBatch.from_pylist(list(rows), schema=schema)


def verdict(doc_id: bytes | None, file: str, row: int, rule: str, **values: Any) -> dict[str, Any]:
    """A row of the verdict table for the stage `synthesize`. `values`: value, threshold, detail; null if not given."""
    return {"doc_id": doc_id, "file": file, "row": row, "stage": "synthesize", "rule": rule, "value": None, "threshold": None, "detail": None} | values

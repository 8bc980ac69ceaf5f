"""Labels: the source documents again, with what a model said of them as columns for rules, splits and mixes."""

from collections import Counter
from typing import Any

import pyarrow as pa

from curate.synthesize.answer import Asking
from curate.synthesize.candidates import Find, Part, clean, parts_of
from curate.synthesize.inputs import read_batches, read_documents
from curate.synthesize.tables import TABLES, batch_of, verdict
from shards.schemas import VERDICTS
from shards.stages import Stage

_BATCH_ROWS = 1024


def labelled_schema(inputs: pa.Schema, columns: tuple[str, ...]) -> pa.Schema:
    """The inputs' columns and the labels, strings; a column of the same name is replaced."""
    return pa.schema([*(field for field in inputs if field.name not in columns), *((name, pa.string()) for name in columns)])


def write_labels(stage: Stage, asking: Asking, find: Find) -> dict[str, Any]:
    """Write a shard's documents with the fields of the first item of the first passage that gave one; null where none did. Returns the counts."""
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
                found: dict[str, str | None] = dict.fromkeys(columns)
                for one in parts_of(asking.task, asking.model, document, find):
                    counts.update(parts=1)
                    if not isinstance(one, Part):
                        verdicts.append(verdict(bytes.fromhex(document.id), document.file, document.row, one.rule, detail=one.detail or one.text or None))
                    elif found[columns[0]] is None:
                        found = {name: clean(str(one.items[0][name])) for name in columns}
                labels.append(found)
            arrays = [batch.column(name) for name in schema.names[: -len(columns)]]
            arrays += [pa.array([label[name] for label in labels], pa.string()) for name in columns]
            writer.write("documents", pa.record_batch(arrays, schema=schema))
            rules.update(row["rule"] for row in verdicts)
            for start in range(0, len(verdicts), _BATCH_ROWS):
                writer.write("verdicts", batch_of(verdicts[start : start + _BATCH_ROWS], VERDICTS))
            counts.update(sources=batch.num_rows, documents=batch.num_rows, labelled=sum(label[columns[0]] is not None for label in labels))
        told = {"counts": dict(counts), "rules": dict(sorted(rules.items()))}
        writer.commit(told)
    return told

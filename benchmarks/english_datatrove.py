"""The English recipe of `benchmarks.curate` in datatrove's blocks, with its defaults and FineWeb's choice for C4."""

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    ExactDedupConfig,
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter, LanguageFilter
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.lid import FastTextLID
from datatrove.utils.logging import logger


def run_datatrove(source: Path, work: Path, lid: Path | None) -> set[int]:
    """Read a JSONL file, run every block in one process, write what is kept. Returns the row numbers of the kept documents."""
    logger.remove()
    config = MinhashConfig()
    exact = ExactDedupConfig(content_getter=_text)
    filters = [C4QualityFilter(filter_no_terminal_punct=False), GopherRepetitionFilter(), GopherQualityFilter(), FineWebQualityFilter()]
    first = [JsonlReader(str(source.parent), glob_pattern=source.name), FTFYFormatter(), *_language(lid), *filters, PIIFormatter()]
    _execute([*first, JsonlWriter(str(work / "filtered"), compression="zstd")])
    if not any((work / "filtered").glob("*.jsonl*")):
        return set()
    _execute([_read(work / "filtered"), ExactDedupSignature(str(work / "exact"), exact)])
    _execute([ExactFindDedups(str(work / "exact"), str(work / "exact_found"), exact)])
    removed = ExactDedupFilter(str(work / "exact_found"), exact)
    _execute([_read(work / "filtered"), removed, JsonlWriter(str(work / "unique"), compression="zstd")])
    _execute([_read(work / "unique"), MinhashDedupSignature(str(work / "signatures"), config=config)])
    _execute([MinhashDedupBuckets(str(work / "signatures"), str(work / "buckets"), config=config)], config.num_buckets)
    _execute([MinhashDedupCluster(str(work / "buckets"), str(work / "removed"), config=config)])
    _execute([_read(work / "unique"), MinhashDedupFilter(str(work / "removed")), JsonlWriter(str(work / "kept"), compression="zstd")])
    kept: set[int] = set()
    _execute([_read(work / "kept"), lambda data, rank, world_size: kept.update(int(one.id.rsplit("/", 1)[1]) for one in data)])
    return kept


def _language(lid: Path | None) -> list[Any]:
    """With the given lid.176 file, since datatrove's own download needs a network; without one, no language filter at all."""
    if lid is None:
        return []
    # It asks for a distribution by name, whose module is the one used here, and for a lock that only a download needs.
    LanguageFilter._requires_dependencies = []
    block = LanguageFilter(["en"])
    block.model = _LocalLid(lid)
    return [block]


class _LocalLid(FastTextLID):
    """datatrove's identifier with a file that is there already; loaded by the process that runs the pipeline, as there."""

    def __init__(self, path: Path) -> None:
        super().__init__(["en"])
        self._path = path

    @property
    def model(self) -> Any:
        if self._model is None:
            import fasttext

            self._model = fasttext.load_model(str(self._path))
        return self._model


def _read(folder: Path) -> Any:
    return JsonlReader(str(folder))


def _text(document: Document) -> str:
    return document.text


def _execute(pipeline: list[Any], tasks: int = 1) -> None:
    with tempfile.TemporaryDirectory() as logs, contextlib.redirect_stderr(io.StringIO()):
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=logs).run()

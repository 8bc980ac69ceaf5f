"""Comparison of the sweep's runs: bits per byte of held-out documents, and a cloze test with ten candidates on their sentences."""

import json
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import transformers
import xxhash

from curate.synthesize.inputs import cut_shards, open_inputs, read_documents
from curate.synthesize.miners.cloze import ClozeMinerRecipe
from eval.models import ModelFolder, ModelTokenizer, load_model
from eval.score.nats import score_documents
from eval.statistics.differences import mean_difference, ratio_difference
from shards.read import ShardSet

N_CANDIDATES = 10
_RESAMPLES = 10_000


class Question(NamedTuple):
    """A held-out sentence with its term, and the same sentence with nine other terms; the true one comes first."""

    document: str
    sentences: list[str]


class Point(NamedTuple):
    """All seeds of one share, None for the base model. Differences to documents alone as (low, estimate, high), 95%."""

    mined: float | None
    bits: list[float]
    bits_difference: tuple[float, float, float] | None
    cloze: list[float]
    cloze_difference: tuple[float, float, float] | None


def compare(out: Path, runs: dict[float, list[str]]) -> list[Point]:
    """A point for the base model and for each share; `runs` lists the runs of each share, beginning with share 0."""
    nats = _nats(out / "sweep" / "scores")
    questions = cloze_questions(out / "curate" / "domain" / "held_out")
    right = {name: cloze_right(_model_of(out, name), questions, out / "sweep" / f"cloze-{name}.json") for name in nats}
    documents = np.array([question.document for question in questions])
    alone_nats, alone_right = _mean(nats, runs[0.0]), np.mean([right[name] for name in runs[0.0]], axis=0)
    points = [Point(None, [_bits(nats["base"])], None, [float(np.mean(right["base"]))], None)]
    for share, names in runs.items():
        bits = ratio_difference(alone_nats, _mean(nats, names), n_resamples=_RESAMPLES, seed=0)
        cloze = _cloze_difference(alone_right, np.mean([right[name] for name in names], axis=0), documents)
        is_mixed = share > 0
        difference = (bits.low, bits.estimate, bits.high)
        points.append(
            Point(
                share,
                [_bits(nats[name]) for name in names],
                difference if is_mixed else None,
                [float(np.mean(right[name])) for name in names],
                cloze if is_mixed else None,
            )
        )
    return points


def cloze_questions(held_out: Path) -> list[Question]:
    """Sentences of held-out documents with their term, and with terms of other documents that have as many words and the same case."""
    items: list[tuple[str, str, str]] = []
    miner = ClozeMinerRecipe(kind="cloze", max_items=6, min_count=2)
    for shard in cut_shards(open_inputs([str(held_out)]), None):
        for document in read_documents(shard):
            items += [(document.id, item["sentence"], item["answer"]) for item in miner.mine(document.text, document)]
    return [question for entry in items if len((question := _question(entry, items)).sentences) == N_CANDIDATES]


def _question(entry: tuple[str, str, str], items: list[tuple[str, str, str]]) -> Question:
    document, sentence, term = entry
    kind = (len(term.split()), term[0].isupper())
    others = {
        answer
        for other, _, answer in items
        if other != document and answer.casefold() != term.casefold() and (len(answer.split()), answer[0].isupper()) == kind
    }
    drawn = sorted(others, key=lambda answer: xxhash.xxh3_64_intdigest(f"{sentence} {answer}"))[: N_CANDIDATES - 1]
    return Question(document, [sentence.replace(term, answer, 1) for answer in [term, *drawn]])


def cloze_right(folder: ModelFolder, questions: list[Question], kept: Path) -> np.ndarray:
    """(n_questions,) float64: 1 where the true sentence is the most probable of its ten, else 0. Cached in a file, so that a rerun needs no model."""
    key = xxhash.xxh3_64_hexdigest(json.dumps([folder.checksum, questions]))
    if kept.exists() and (known := json.loads(kept.read_text()))["key"] == key:
        return np.array(known["right"], np.float64)
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    tokenizer, model = ModelTokenizer(folder), load_model(folder, "float32", "cpu")
    tokens = tokenizer.encode([sentence for question in questions for sentence in question.sentences])
    bos_id, n_vocab = tokenizer.bos_id, tokenizer.n_vocab
    nats = score_documents(model, tokens, bos_id=bos_id, n_vocab=n_vocab, context_tokens=512, stride_tokens=512, batch_tokens=8192).nats
    right = (nats.reshape(-1, N_CANDIDATES).argmin(axis=1) == 0).astype(np.float64)
    kept.write_text(json.dumps({"key": key, "right": right.tolist()}))
    return right


def _model_of(out: Path, name: str) -> ModelFolder:
    return ModelFolder(name, Path(os.environ["BASE"]) if name == "base" else out / "sweep" / name / "train" / "model")


def _nats(scores: Path) -> dict[str, np.ndarray]:
    """Model to (n_docs, 2): nats and bytes, all in the same order of documents."""
    table = ShardSet(scores).to_table().sort_by("doc_id")
    models = table["model"].to_numpy(zero_copy_only=False)
    values = np.column_stack([table[name].to_numpy() for name in ("nats", "n_bytes")]).astype(np.float64)
    return {name: values[models == name] for name in dict.fromkeys(models.tolist())}


def _mean(nats: dict[str, np.ndarray], names: list[str]) -> np.ndarray:
    return np.mean([nats[name] for name in names], axis=0)


def _bits(nats: np.ndarray) -> float:
    total, n_bytes = nats.sum(axis=0)
    return float(total / n_bytes / math.log(2))


def _cloze_difference(alone: np.ndarray, mixed: np.ndarray, documents: np.ndarray) -> tuple[float, float, float]:
    """Difference of the shares right and its interval, by resampling documents."""
    right = mean_difference(alone, mixed, n_resamples=_RESAMPLES, seed=0, clusters=documents)
    return right.low, right.estimate, right.high

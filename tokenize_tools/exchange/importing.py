"""`tokenize import`: makes a tokens set from other programs' token files."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from shards import console
from shards.folder import output_folder
from shards.manifest import Manifest
from shards.record import json_hash
from shards.schemas import DOC_ID, tokens_schema
from shards.write import refuse_other_kind, write_set
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange import datatrove, megatron, olmo
from tokenize_tools.exchange.facts import ExchangeFacts, facts_from
from tokenize_tools.exchange.folder import NOTE_NAME, check_export, read_note, stem_of
from tokenize_tools.exchange.parts import Part, Piece, pieces

_FIND = {"megatron": megatron.find, "datatrove": datatrove.find, "olmo": olmo.find}
_LOOKED_FOR = {"megatron": ".idx beside a .bin", "datatrove": ".ds", "olmo": ".npy"}


def import_tokens(
    inputs: Sequence[Path], form: str, out: Path, facts: ExchangeFacts | None = None, source: str | None = None, dtype: str | None = None
) -> Manifest:
    """Write the tokens set `out` from files of the format `form` ("megatron", "datatrove", "olmo") and return its manifest.

    `facts=None` takes those of the note that `tokenize export` left beside the files. `source` labels all documents; None takes the labels in the
    files, else the name of the file's folder. `dtype` is the type of ids in OLMo's files, which don't record it. An interrupted import starts over.
    Raises TokenizeError for files that are missing, truncated, inconsistent with their index, or made by another tokenizer.
    """
    files = [file for path in inputs for file in _files_of(path, form)]
    notes = {file.parent: _note(file.parent) for file in files}
    folders = [path.resolve() for path in inputs if path.is_dir()]
    for folder, note in notes.items():
        is_whole = any(folder.resolve().is_relative_to(path) for path in folders)
        check_export(folder, note, None if is_whole else {stem_of(file.name) for file in files if file.parent == folder})
    facts = _agreed(facts, notes)
    refuse_other_kind(out, "tokens")
    n_documents = sum(_read(form, file, facts, dtype).n_documents for file in files)
    recipe = {"import": form, "source": source, "dtype": dtype}
    # Completed while the batches are written; the manifest is written after the last batch.
    info: dict[str, Any] = asdict(facts) | {"backend": f"imported from {form}", "n_bytes": None, "n_documents": 0, "n_tokens": 0}
    with console.progress(f"import from {form}", n_documents) as meter:
        batches = _Batches(form, files, facts, source, dtype, notes, info, meter)
        schema = tokens_schema(facts.id_bytes)
        with output_folder(out):
            return write_set(out, "tokens", schema, batches, recipe=recipe, recipe_hash=json_hash(recipe), info=info, compression=None, token_column="tokens")


def _files_of(path: Path, form: str) -> list[Path]:
    files = _FIND[form](path)
    if not files:
        raise TokenizeError(f"{path}: no {_LOOKED_FOR[form]} there; give such a file, or a folder that contains some")
    return files


def _note(folder: Path) -> dict[str, Any]:
    note = read_note(folder) or {}
    if note and not note.get("finished"):
        raise TokenizeError(f"{folder}: an unfinished export, as {NOTE_NAME} says; run the export again")
    return note


def _agreed(facts: ExchangeFacts | None, notes: dict[Path, dict[str, Any]]) -> ExchangeFacts:
    for folder, note in notes.items():
        if facts is None and not note:
            raise TokenizeError(f"{folder}: no note names the tokenizer; give its folder with --tokenizer, or --tokenizer-sha256, --n-vocab and --eos-id")
        if not note:
            continue
        exported = facts_from(note, str(folder / NOTE_NAME))
        if facts is not None and facts.tokenizer_sha256 != exported.tokenizer_sha256:
            raise TokenizeError(
                f"{folder}: exported from tokens of {exported.tokenizer} ({exported.tokenizer_sha256[:12]}), "
                f"not of {facts.tokenizer} ({facts.tokenizer_sha256[:12]}); give the tokenizer that made them"
            )
        facts = facts or exported
    assert facts is not None
    return facts


def _read(form: str, file: Path, facts: ExchangeFacts, dtype: str | None) -> Part:
    if form == "megatron":
        return megatron.read(file)
    return datatrove.read(file, facts) if form == "datatrove" else olmo.read(file, facts, dtype)


class _Batches:
    """The record batches of an import, in one pass that updates `info` and `meter`."""

    def __init__(
        self,
        form: str,
        files: Sequence[Path],
        facts: ExchangeFacts,
        source: str | None,
        dtype: str | None,
        notes: dict[Path, dict[str, Any]],
        info: dict[str, Any],
        meter: console.Meter,
    ) -> None:
        self._form, self._files, self._facts, self._source, self._dtype = form, files, facts, source, dtype
        self._notes, self._info, self._meter = notes, info, meter
        self._framed = {"bos": 0, "eos": 0}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        records = []
        for file in self._files:
            part = _read(self._form, file, self._facts, self._dtype)
            digest = xxhash.xxh3_128()
            for piece in pieces(part):
                digest.update(memoryview(pa.py_buffer(np.ascontiguousarray(piece.values))))
                yield self._batch(part, piece)
            self._compare(part.file, digest.hexdigest())
            ids = "as in the index" if part.doc_ids is not None else "xxh3-128 of the token ids"
            records.append(
                {"name": part.file.name, "n_bytes": part.values.nbytes, "checksum": digest.hexdigest(), "document_ends": part.ends_from, "doc_ids": ids}
            )
        self._info["imported_from"] = {"format": self._form, "files": records}
        n_documents = self._info["n_documents"]
        self._info["policy"] = {name: bool(n_documents) and count == n_documents for name, count in self._framed.items()}

    def _batch(self, part: Part, piece: Piece) -> pa.RecordBatch:
        _check_ids(part, piece, self._facts)
        n_docs = len(piece.offsets) - 1
        values = np.ascontiguousarray(piece.values.astype(f"uint{8 * self._facts.id_bytes}", copy=False))
        chosen = slice(piece.first, piece.first + n_docs)
        doc_ids = part.doc_ids[chosen] if part.doc_ids is not None else content_ids(values, piece.offsets)
        sources = (
            part.sources[chosen] if part.sources is not None and self._source is None else pa.repeat(self._source or part.file.parent.resolve().name, n_docs)
        )
        self._count(values, piece.offsets)
        self._meter.advance(n_docs, tokens=len(values), MB=values.nbytes / 1e6)
        columns = [
            pa.FixedSizeBinaryArray.from_buffers(DOC_ID, n_docs, [None, pa.py_buffer(np.ascontiguousarray(doc_ids))]),
            pa.LargeListArray.from_arrays(pa.array(piece.offsets), pa.array(values)),
            pa.nulls(n_docs, pa.int64()),
            sources,
            pa.nulls(n_docs, pa.bool_()),
        ]
        return pa.record_batch(columns, schema=tokens_schema(self._facts.id_bytes))

    def _count(self, values: NDArray[Any], offsets: NDArray[np.int64]) -> None:
        filled = np.flatnonzero(np.diff(offsets))
        for name, indices, token in (("bos", offsets[filled], self._facts.bos_id), ("eos", offsets[filled + 1] - 1, self._facts.eos_id)):
            if token is not None:
                self._framed[name] += int((values[indices] == token).sum())
        self._info["n_documents"] += len(offsets) - 1
        self._info["n_tokens"] += len(values)

    def _compare(self, file: Path, checksum: str) -> None:
        expected = self._notes[file.parent].get("files", {}).get(file.name, {}).get("checksum", checksum)
        if checksum != expected:
            raise TokenizeError(f"{file}: its bytes are not those that were exported (checksum {checksum}, {NOTE_NAME} says {expected}); copy it again")


def _check_ids(part: Part, piece: Piece, facts: ExchangeFacts) -> None:
    if not len(piece.values) or (int(piece.values.max()) < facts.n_vocab and int(piece.values.min()) >= 0):
        return
    wrong = int(np.flatnonzero((piece.values >= facts.n_vocab) | (piece.values < 0))[0])
    document = piece.first + int(np.searchsorted(piece.offsets, wrong, side="right")) - 1
    raise TokenizeError(
        f"{part.file}: document {document:,} holds id {piece.values[wrong]:,}, but {facts.tokenizer} has ids 0 to {facts.n_vocab - 1:,}; "
        "give the tokenizer that made these files, and the type of the ids if the format does not record it"
    )


def content_ids(values: NDArray[Any], offsets: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(n_docs, 16) uint8: xxh3-128 of each document's token ids, for documents whose text is unknown. Equal token ids give equal document ids."""
    # One hash call per document costs 0.3 µs, which is little beside copying it; numpy would take ten passes over the tokens.
    view = memoryview(pa.py_buffer(values))
    digests = [xxhash.xxh3_128_digest(view[low:high]) for low, high in pairwise((offsets * values.itemsize).tolist())]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)

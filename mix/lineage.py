"""From a row's documents back to the files they were read from: rows come from tokens sets, and those from documents sets."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from mix.errors import MixError
from shards.errors import ShardError
from shards.manifest import MANIFEST_NAME, read_manifest
from shards.read import ShardSet
from shards.schemas import DOC_ID

MOST_FOLDERS = 5000
"""Upper limit of folders that a search looks into, nearest first."""


class Origin(NamedTuple):
    """Where a document was read: `row` of the input `file` of a run of `curate`, and the documents set that records it."""

    documents: Path
    file: str
    row: int
    url: str


class Lineage(NamedTuple):
    """Documents sets that rows were made from, and what could not be found."""

    documents: list[Path]
    missing: list[str]


def documents_of(rows: Path, near: Sequence[Path]) -> Lineage:
    """The documents sets behind a rows set, token_sets by the hashes in manifests in or near the folders `near`."""
    tokens = {parent.manifest_hash for parent in read_manifest(rows).parents if parent.kind == "tokens"}
    token_sets = find_sets(tokens, near)
    missing = [f"tokens set {wanted}" for wanted in sorted(tokens - token_sets.keys())]
    made_from = {folder: [parent.manifest_hash for parent in read_manifest(folder).parents if parent.kind == "documents"] for folder in token_sets.values()}
    missing += [f"a documents set in the manifest of {folder}" for folder, parents in made_from.items() if not parents]
    parents = {parent for hashes in made_from.values() for parent in hashes}
    documents = find_sets(parents, near)
    missing += [f"documents set {wanted}" for wanted in sorted(parents - documents.keys())]
    return Lineage([documents[wanted] for wanted in sorted(documents)], missing)


def find_sets(hashes: Iterable[str], near: Sequence[Path]) -> dict[str, Path]:
    """Folders of the sets with these manifest hashes, by hash, without those that are not folders."""
    wanted, folders = set(hashes), dict[str, Path]()
    for folder in _sets_below(near):
        if len(folders) == len(wanted):
            break
        try:
            name = read_manifest(folder).hash
        except ShardError:
            continue
        if name in wanted:
            folders.setdefault(name, folder)
    return folders


def origins(doc_ids: Sequence[bytes], documents: Sequence[Path]) -> dict[bytes, list[Origin]]:
    """Every place each document was read at, by document id (16 bytes). Raises MixError for a folder that holds no documents set."""
    wanted, by_document = pa.array(sorted(set(doc_ids)), DOC_ID), dict[bytes, list[Origin]]()
    for folder in documents:
        try:
            for table in ShardSet(folder, "documents", verify=False).columns(["id", "file", "row", "url"]):
                hits = table.filter(pc.is_in(table["id"], value_set=wanted))
                for doc_id, file, row, url in zip(*(column.to_pylist() for column in hits.columns), strict=True):
                    by_document.setdefault(doc_id, []).append(Origin(folder, file, row, url or ""))
        except ShardError as error:
            raise MixError(str(error)) from None
    return by_document


def around(folder: Path) -> list[Path]:
    """Folders that probably contain the sets a folder was made from: its parents, and the current folder."""
    return [*folder.resolve().parents[:3], Path.cwd()]


def _sets_below(roots: Sequence[Path]) -> Iterator[Path]:
    """Folders with a manifest, level by level under the first root, then under the next; each once."""
    seen: set[Path] = set()
    for root in roots:
        queue = deque([root])
        while queue and len(seen) < MOST_FOLDERS:
            folder = queue.popleft()
            if folder in seen:
                continue
            seen.add(folder)
            if (folder / MANIFEST_NAME).is_file():
                yield folder
            queue += _folders_in(folder)


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink() and not path.name.startswith("."))
    except OSError:
        return []

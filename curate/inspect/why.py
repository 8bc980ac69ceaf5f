"""`curate why`: what happened to a document, of whichever command's output."""

from collections.abc import Iterator
from pathlib import Path

from curate.errors import CurateError
from curate.inspect.sample import explain, metadata_of
from curate.run_folder import documents_manifest
from curate.synthesize.provenance import explain_synthetic, is_synthesis, walk_back
from curate.synthesize.run import read_synthesis


def why(out: Path, name: str) -> Iterator[str]:
    """Lines that explain the documents that `name` means; back to the source text for those that were made from others.

    Raises CurateError if nothing is meant.
    """
    if is_synthesis(out):
        yield from explain_synthetic(out, name)
        return
    yield from explain(out, name)
    for metadata in metadata_of(out, name):
        if isinstance(synthetic := metadata.get("synthetic"), dict):
            yield "it was made from other documents:"
            yield from walk_back(synthetic, _inputs_of_syntheses(out))


def _inputs_of_syntheses(out: Path) -> list[str]:
    """Folders that the syntheses among a run's inputs were made from."""
    recipe = documents_manifest(out).recipe
    found: list[str] = []
    for one in recipe.get("inputs", ()):
        folder = Path(one["path"])
        for place in (folder, folder.parent):
            try:
                found += [given["path"] for given in read_synthesis(place)["inputs"]]
            except (OSError, CurateError):
                continue
    return list(dict.fromkeys(found))

"""`curate fit-kenlm`: trains an n-gram model on good text with KenLM's `lmplz`, and measures the cutoffs of head, middle and tail."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from curate.errors import CurateError
from curate.fit.examples import read_texts
from curate.fit.recipe import KenlmFitRecipe
from curate.models.kenlm import CARD, FILES, KenlmModel, load_pieces, sentences
from shards.folder import claim, output_folder, remove_recorded, write_owned
from shards.processes import killed_with_parent
from shards.record import sealed

_BINARY, _ARPA = FILES
_PIECES = "sentencepiece.model"


def fit_kenlm(recipe: KenlmFitRecipe, out: Path) -> dict[str, Any]:
    """Train, measure the cutoffs, write the folder. Returns its card.

    Cutoffs are measured on `cutoff_texts`, or on a share of the texts, chosen by hash, that is held out of training. Raises CurateError if
    `lmplz` is not installed or fails, and for inputs that cannot be read.
    """
    lmplz = _program("lmplz")
    with output_folder(out, (CARD, *FILES, _PIECES)):
        for stale in (CARD, *FILES):
            remove_recorded(out, stale)
        return _fit(recipe, lmplz, out)


def _fit(recipe: KenlmFitRecipe, lmplz: str, out: Path) -> dict[str, Any]:
    pieces_file = _copy_pieces(recipe, out)
    pieces = None if pieces_file is None else load_pieces(out / pieces_file)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        counts = _write_sentences(recipe, pieces, Path(scratch) / "train.txt")
        _run([lmplz, "-o", str(recipe.order), "-S", recipe.memory, "-T", scratch, "--discount_fallback"], Path(scratch) / "train.txt", Path(scratch) / _ARPA)
        file = _compile(Path(scratch), out)
    model = KenlmModel(out / file, None if pieces_file is None else out / pieces_file, recipe.normalize, recipe.lines, None)
    cutoffs, n_measured = _cutoffs(recipe, model)
    card = {
        "kind": "kenlm",
        "file": file,
        "sentencepiece": pieces_file,
        "normalize": recipe.normalize,
        "lines": recipe.lines,
        "cutoffs": cutoffs,
        "cutoff_documents": n_measured,
        **counts,
        "recipe": recipe.model_dump(mode="json"),
    }
    write_owned(out / CARD, sealed(card))
    return card


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CurateError(
            f"fit-kenlm needs KenLM's program {name} on the PATH: build it from https://github.com/kpu/kenlm with cmake and Boost, "
            "or `conda install -c conda-forge kenlm`"
        )
    return path


def _copy_pieces(recipe: KenlmFitRecipe, out: Path) -> str | None:
    if recipe.sentencepiece is None:
        return None
    if not Path(recipe.sentencepiece).is_file():
        raise CurateError(f"fit-kenlm: sentencepiece {recipe.sentencepiece}: no such file")
    write_owned(out / _PIECES, Path(recipe.sentencepiece).read_bytes())
    return _PIECES


def _is_held_out(recipe: KenlmFitRecipe, text: str) -> bool:
    """Whether a document is held out of training to measure cutoffs."""
    return not recipe.cutoff_texts and xxhash.xxh3_64_intdigest(text.encode()) < recipe.held_out * 2.0**64


def _write_sentences(recipe: KenlmFitRecipe, pieces: Any, path: Path) -> dict[str, int]:
    documents = lines = words = 0
    with path.open("w", encoding="utf-8") as file:
        for texts in read_texts(recipe.texts, recipe.text_column):
            for text in texts.to_pylist():
                if _is_held_out(recipe, text):
                    continue
                documents += 1
                for line in sentences(text, recipe.normalize, recipe.lines, pieces):
                    lines, words = lines + 1, words + line.count(" ") + 1
                    file.write(line + "\n")
    if not lines:
        raise CurateError(f"fit-kenlm: no words in {', '.join(recipe.texts)}; give inputs with text")
    return {"documents": documents, "sentences": lines, "words": words}


def _run(command: list[str], stdin: Path, stdout: Path) -> None:
    with stdin.open("rb") as source, stdout.open("wb") as sink:
        process = subprocess.run(command, stdin=source, stdout=sink, stderr=subprocess.PIPE, check=False, preexec_fn=partial(killed_with_parent, os.getpid()))
    if process.returncode:
        lines = process.stderr.decode(errors="replace").strip().splitlines()
        raise CurateError(f"{Path(command[0]).name} failed: {lines[-1] if lines else f'exit code {process.returncode}'}")


def _compile(scratch: Path, out: Path) -> str:
    """Move the ARPA file to `out`, as a binary file if KenLM's `build_binary` is installed. Returns its name."""
    build = shutil.which("build_binary")
    claim(out, FILES)
    if build is None:
        os.replace(scratch / _ARPA, out / _ARPA)
        return _ARPA
    _run([build, "trie", str(scratch / _ARPA), str(scratch / _BINARY)], Path(os.devnull), scratch / "build.log")
    os.replace(scratch / _BINARY, out / _BINARY)
    return _BINARY


def _cutoffs(recipe: KenlmFitRecipe, model: KenlmModel) -> tuple[list[float], int]:
    perplexities = np.concatenate([np.empty(0), *(model.perplexity(texts) for texts in _cutoff_texts(recipe))])
    perplexities = perplexities[~np.isnan(perplexities)]
    if not len(perplexities):
        raise CurateError("fit-kenlm: no document to measure the cutoffs on; give cutoff texts, or a larger held_out share")
    return [float(value) for value in np.percentile(perplexities, recipe.percentiles)], len(perplexities)


def _cutoff_texts(recipe: KenlmFitRecipe) -> Iterator[pa.Array]:
    if recipe.cutoff_texts:
        yield from read_texts(recipe.cutoff_texts, recipe.text_column)
        return
    for texts in read_texts(recipe.texts, recipe.text_column):
        yield pa.array([text for text in texts.to_pylist() if _is_held_out(recipe, text)], pa.large_string())

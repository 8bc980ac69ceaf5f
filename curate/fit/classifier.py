"""`curate fit-classifier`: trains a fastText classifier on examples, and reports on held-out ones."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.fit.classifier_report import influential_words, markdown, measure
from curate.fit.examples import read_examples
from curate.fit.recipe import AimRecipe, ClassifierRecipe
from curate.fit.training import Examples, make_examples
from curate.models.classifier import CARD, LABEL, Classifier, TextForm
from curate.models.fasttext_kernel import FastTextKernel
from shards.atomic import file_checksum
from shards.folder import claim, output_folder, remove_recorded, write_owned
from shards.record import sealed

_QUANTIZED_ROWS = 100_000
_MANY_EXAMPLES = 50_000
FILES = (CARD, "model.bin", "model.ftz", "report.json", "report.md")
"""Files that `fit_classifier` may write into its folder."""


def fit_classifier(recipe: ClassifierRecipe, aim: AimRecipe, out: Path) -> dict[str, Any]:
    """Train, report, and write `model.bin` (or `model.ftz`), `card.json`, `report.json` and `report.md` into `out`. Returns the report.

    The same examples, recipe and version of fastText give the same model. Raises CurateError for inputs that cannot be used.
    """
    form = TextForm(recipe.lowercase)
    labels = tuple(dict.fromkeys(source.label for source in recipe.classes))
    examples = make_examples(_batches(recipe), form, labels, recipe.held_out, recipe.seed, recipe.max_per_class, recipe.min_per_class)
    positive = _positive(examples, recipe, aim)
    recipe = _settled(recipe, int((~examples.held_out).sum()))
    with output_folder(out, FILES):
        return _fit(recipe, form, examples, positive, aim, out)


def _fit(recipe: ClassifierRecipe, form: TextForm, examples: Examples, positive: int, aim: AimRecipe, out: Path) -> dict[str, Any]:
    """Train on the examples, and write the files."""
    file, influential = _train(examples, recipe, out)
    report = {
        "labels": list(examples.labels),
        "positive": examples.labels[positive],
        "model": {"file": file.name, "n_bytes": file.stat().st_size, "checksum": file_checksum(file)},
        "examples": _counts(examples),
        "left_out": {kind: getattr(examples, kind) for kind in ("copies", "ambiguous", "rare", "surplus", "unlabelled")},
        **measure(_scores(Classifier(FastTextKernel(file), form), examples), examples.classes[examples.held_out], examples.labels, positive, aim),
        "influential_words": influential,
    }
    _write(out, recipe, form, report)
    return report


def _batches(recipe: ClassifierRecipe) -> Iterator[pa.RecordBatch]:
    for source in recipe.classes:
        for batch in read_examples(source.path, recipe.text_column, None, recipe.one_per_line):
            yield batch.set_column(1, "label", pa.array([source.label] * batch.num_rows, pa.string()))
    for path in recipe.labelled:
        yield from read_examples(path, recipe.text_column, recipe.label_column, recipe.one_per_line)


def _positive(examples: Examples, recipe: ClassifierRecipe, aim: AimRecipe) -> int:
    if aim.label is None:
        return 0 if recipe.classes else int(np.bincount(examples.classes, minlength=len(examples.labels)).argmin())
    name = aim.label.removeprefix(LABEL)
    if name not in examples.labels:
        raise CurateError(f"no class {name!r} among the examples; known are {', '.join(examples.labels)}")
    return examples.labels.index(name)


def _settled(recipe: ClassifierRecipe, n_train: int) -> ClassifierRecipe:
    """The recipe, with lr and epochs chosen by the number of training examples if they are null."""
    lr, epochs = (0.1, 5) if n_train >= _MANY_EXAMPLES else (0.5, 25)
    return recipe.model_copy(update={"lr": recipe.lr or lr, "epochs": recipe.epochs or epochs})


def _train(examples: Examples, recipe: ClassifierRecipe, out: Path) -> tuple[Path, dict[str, list[dict[str, Any]]]]:
    """Train and save. Returns the model's file, and its influential words, which are read before quantising."""
    import fasttext

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        train = np.flatnonzero(~examples.held_out)
        for number, text in zip(examples.classes[train], examples.texts.take(pa.array(train)), strict=True):
            file.write(f"{LABEL}{examples.labels[number]} {text.as_py()}\n")
        file.flush()
        try:
            model = fasttext.train_supervised(input=file.name, **_options(recipe))
            words = influential_words(model, [LABEL + name for name in examples.labels])
            if recipe.quantize:
                model.quantize(input=file.name, cutoff=_QUANTIZED_ROWS, retrain=True, qnorm=True, thread=1, verbose=0)
        except (ValueError, RuntimeError, MemoryError) as error:
            raise CurateError(
                f"fastText failed to train ({error}); if it met NaN, lower lr; if the model is too small to quantize, set quantize to false"
            ) from None
    return _save(model, out, "model.ftz" if recipe.quantize else "model.bin"), words


def _options(recipe: ClassifierRecipe) -> dict[str, Any]:
    """Arguments of fastText's train_supervised."""
    shortest, longest = recipe.char_ngrams or (0, 0)
    return {
        "lr": recipe.lr,
        "epoch": recipe.epochs,
        "dim": recipe.dim,
        "wordNgrams": recipe.word_ngrams,
        "minn": shortest,
        "maxn": longest,
        "minCount": recipe.min_count,
        "bucket": recipe.buckets,
        "loss": recipe.loss,
        "seed": recipe.seed,
        "thread": 1,  # several threads update vectors without locks, so runs would differ
        "verbose": 0,
    }


def _save(model: Any, out: Path, name: str) -> Path:
    """Replace an older model in `out`. Its card is removed first, because a folder with a card is complete."""
    for stale in (CARD, "model.bin", "model.ftz"):
        remove_recorded(out, stale)
    claim(out, [name])
    temporary = out / f".{name}.{os.getpid()}.tmp"
    model.save_model(str(temporary))
    os.replace(temporary, out / name)
    return out / name


def _scores(classifier: Classifier, examples: Examples) -> np.ndarray:
    """Probabilities of held-out examples, (n_held_out, n_labels), in the order of `examples.labels`."""
    columns = [classifier.labels.index(name) for name in examples.labels]
    return classifier.probabilities(examples.texts.filter(pa.array(examples.held_out)))[:, columns]


def _counts(examples: Examples) -> dict[str, dict[str, int]]:
    counts = {}
    for number, name in enumerate(examples.labels):
        inside = examples.held_out[examples.classes == number]
        counts[name] = {"given": examples.given[name], "train": int((~inside).sum()), "held_out": int(inside.sum())}
    return counts


def _write(out: Path, recipe: ClassifierRecipe, form: TextForm, report: dict[str, Any]) -> None:
    card = {
        "kind": "fasttext_classifier",
        "labels": report["labels"],
        "form": form.to_json(),
        "recipe": recipe.model_dump(mode="json"),
        "positive": report["positive"],
        "threshold": report["chosen"],
        "model": report["model"],
    }
    write_owned(out / "report.json", (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())
    write_owned(out / "report.md", markdown(report, out).encode())
    write_owned(out / CARD, sealed(card))

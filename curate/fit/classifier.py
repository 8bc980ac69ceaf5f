"""`curate fit-classifier`: examples in, a fastText classifier with its card and a report on held-out examples out."""

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
from curate.fit.recipe import Aim, ClassifierRecipe
from curate.fit.training import Examples, make_examples
from curate.models.classifier import CARD, KIND, Classifier
from curate.models.fasttext_kernel import FastTextKernel
from curate.models.prepare import LABEL, TextForm
from shards.atomic import file_checksum
from shards.folder import claim, output_folder, remove_recorded, write_owned
from shards.record import sealed

_QUANTIZED_ROWS = 100_000
_MANY_EXAMPLES = 50_000
FILES = (CARD, "model.bin", "model.ftz", "report.json", "report.md")
"""What a folder of a classifier may hold of ours."""


def fit_classifier(recipe: ClassifierRecipe, aim: Aim, out: Path) -> dict[str, Any]:
    """Train, report, and write `model.bin` (or `model.ftz`), `card.json`, `report.json` and `report.md` into `out`. Returns the report.

    The same examples, recipe and version of fastText give the same model. Raises CurateError for inputs that cannot be used.
    """
    form = TextForm(recipe.lowercase)
    labels = tuple(dict.fromkeys(one.label for one in recipe.classes))
    examples = make_examples(_batches(recipe), form, labels, recipe.held_out, recipe.seed, recipe.max_per_class, recipe.min_per_class)
    positive = _positive(examples, recipe, aim)
    recipe = _settled(recipe, int((~examples.held_out).sum()))
    with output_folder(out, FILES):
        return _fit(recipe, form, examples, positive, aim, out)


def _fit(recipe: ClassifierRecipe, form: TextForm, examples: Examples, positive: int, aim: Aim, out: Path) -> dict[str, Any]:
    """Train on the examples and fill the folder."""
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
    for one in recipe.classes:
        for batch in read_examples(one.path, recipe.text_column, None, recipe.one_per_line):
            yield batch.set_column(1, "label", pa.array([one.label] * batch.num_rows, pa.string()))
    for path in recipe.labelled:
        yield from read_examples(path, recipe.text_column, recipe.label_column, recipe.one_per_line)


def _positive(examples: Examples, recipe: ClassifierRecipe, aim: Aim) -> int:
    if aim.label is None:
        return 0 if recipe.classes else int(np.bincount(examples.classes, minlength=len(examples.labels)).argmin())
    name = aim.label.removeprefix(LABEL)
    if name not in examples.labels:
        raise CurateError(f"no class {name!r} among the examples; there are {', '.join(examples.labels)}")
    return examples.labels.index(name)


def _settled(recipe: ClassifierRecipe, n_train: int) -> ClassifierRecipe:
    """The recipe with learning rate and epochs chosen by the number of training examples, where it leaves them open."""
    lr, epochs = (0.1, 5) if n_train >= _MANY_EXAMPLES else (0.5, 25)
    return recipe.model_copy(update={"lr": recipe.lr or lr, "epochs": recipe.epochs or epochs})


def _train(examples: Examples, recipe: ClassifierRecipe, out: Path) -> tuple[Path, dict[str, list[dict[str, Any]]]]:
    """The model's file, and the words that weigh most in it, read before vectors are quantised."""
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
            raise CurateError(f"fastText cannot train this ({error}); NaN: lower lr; too small to quantize: leave quantize out") from None
    return _save(model, out, "model.ftz" if recipe.quantize else "model.bin"), words


def _options(recipe: ClassifierRecipe) -> dict[str, Any]:
    """The recipe in fastText's words."""
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
        "thread": 1,  # more would write the same vectors without locks, so no two runs would agree
        "verbose": 0,
    }


def _save(model: Any, out: Path, name: str) -> Path:
    """Put the model into `out` in place of an older one, whose card goes first: a folder with a card is whole."""
    for stale in (CARD, "model.bin", "model.ftz"):
        remove_recorded(out, stale)
    claim(out, [name])
    temporary = out / f".{name}.{os.getpid()}.tmp"
    model.save_model(str(temporary))
    os.replace(temporary, out / name)
    return out / name


def _scores(classifier: Classifier, examples: Examples) -> np.ndarray:
    """Probabilities of held-out examples, columns in the order of `examples.labels`."""
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
        "kind": KIND,
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

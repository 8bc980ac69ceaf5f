import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.fit.classifier import fit_classifier
from curate.fit.examples import read_examples
from curate.fit.recipe import AimRecipe, ClassifierRecipe, ClassSourceRecipe
from curate.fit.training import make_examples
from curate.models.classifier import TextForm, load_classifier
from tests.curate.corpus import jsonl

TOPICS = {
    "cooking": "onion pepper boil fry sauce oven bread butter salt simmer",
    "sailing": "anchor harbour sail mast wind keel rope deck tide knot",
    "law": "court judge appeal statute clause plaintiff ruling counsel verdict oath",
}


def text(topic: str, draw: random.Random) -> str:
    """A text of twenty words, six of them the topic's."""
    common = ["the", "of", "and", "to", "a", "in", "that", "is", "was", "for", "with", "as", "it", "on", "by"]
    words = [*draw.choices(TOPICS[topic].split(), k=6), *draw.choices(common, k=14)]
    draw.shuffle(words)
    return " ".join(words)


def write_topics(path: Path, n: int = 120) -> Path:
    """JSONL whose documents carry their topic."""
    draw = random.Random(0)
    path.write_bytes(jsonl([{"text": text(topic, draw), "topic": topic} for _ in range(n) for topic in TOPICS]))
    return path


def small(**changes: object) -> dict[str, object]:
    return {"dim": 8, "buckets": 2000, "epochs": 20, "lr": 0.5, "held_out": 0.3} | changes


def test_topics_are_learned_and_the_report_tells_what_a_second_reading_of_the_held_out_examples_tells(tmp_path: Path) -> None:
    recipe = ClassifierRecipe(labelled=(str(write_topics(tmp_path / "in.jsonl")),), label_column="topic", **small())
    report = fit_classifier(recipe, AimRecipe(label="law"), tmp_path / "model")
    assert report["accuracy"] > 0.95 and report["macro_f1"] > 0.95
    assert {word["word"] for word in report["influential_words"]["sailing"][:10]} <= set(TOPICS["sailing"].split())

    examples = make_examples(read_examples(recipe.labelled[0], "text", "topic"), TextForm(), (), 0.3, 0, None)
    found = load_classifier(str(tmp_path / "model")).most_likely(examples.texts.filter(pa.array(examples.held_out)))
    truth = [examples.labels[number] for number in examples.classes[examples.held_out]]
    assert np.mean([a == b for a, b in zip(found.label.to_pylist(), truth, strict=True)]) == report["accuracy"]
    assert json.loads((tmp_path / "model" / "report.json").read_text()) == report
    assert "| `law` |" in (tmp_path / "model" / "report.md").read_text()


def test_the_same_examples_give_the_same_model_whatever_their_order_and_place(tmp_path: Path) -> None:
    path = write_topics(tmp_path / "a.jsonl", 40)
    lines = path.read_bytes().splitlines(keepends=True)
    (tmp_path / "b.jsonl").write_bytes(b"".join(reversed(lines)))
    for name in "ab":
        recipe = ClassifierRecipe(labelled=(str(tmp_path / f"{name}.jsonl"),), label_column="topic", **small())
        fit_classifier(recipe, AimRecipe(), tmp_path / name)
    assert (tmp_path / "a" / "model.bin").read_bytes() == (tmp_path / "b" / "model.bin").read_bytes()


def test_a_quantised_model_is_smaller_and_is_the_one_reported_on(tmp_path: Path) -> None:
    source = (str(write_topics(tmp_path / "in.jsonl")),)
    sizes = {}
    for name, quantize in (("full", False), ("small", True)):
        report = fit_classifier(ClassifierRecipe(labelled=source, label_column="topic", **small(quantize=quantize)), AimRecipe(), tmp_path / name)
        sizes[name] = report["model"]["n_bytes"]
        assert report["accuracy"] > 0.9
    assert sizes["small"] < sizes["full"] / 2
    assert load_classifier(str(tmp_path / "small")).labels


def test_text_is_prepared_alike_in_training_and_use(tmp_path: Path) -> None:
    draw = random.Random(1)
    for topic in ("cooking", "law"):
        (tmp_path / f"{topic}.txt").write_text("\n".join(text(topic, draw).upper() for _ in range(60)))
    sources = tuple(ClassSourceRecipe(label=topic, path=str(tmp_path / f"{topic}.txt")) for topic in ("cooking", "law"))
    fit_classifier(ClassifierRecipe(classes=sources, one_per_line=True, lowercase=True, **small()), AimRecipe(), tmp_path / "model")
    classifier = load_classifier(str(tmp_path / "model"))
    one, other = "Court judge\nappeal RULING", "court judge appeal ruling"
    probabilities = classifier.probabilities(pa.array([one, other, "court </s> judge __label__x appeal ruling"], pa.large_string()))
    assert probabilities[0].tolist() == probabilities[1].tolist()
    assert classifier.labels[int(probabilities[2].argmax())] == "law"


def test_a_wanted_precision_recall_or_share_chooses_the_threshold(tmp_path: Path) -> None:
    source = (str(write_topics(tmp_path / "in.jsonl")),)
    recipe = ClassifierRecipe(labelled=source, label_column="topic", **small(epochs=1, lr=0.1))
    recall = fit_classifier(recipe, AimRecipe(label="law", recall=0.9), tmp_path / "model")["chosen"]
    precision = fit_classifier(recipe, AimRecipe(label="law", precision=0.5), tmp_path / "model")["chosen"]
    share = fit_classifier(recipe, AimRecipe(label="law", keep_share=0.05), tmp_path / "model")["chosen"]
    assert recall["recall"] >= 0.9 and precision["precision"] >= 0.5 and share["threshold"] > recall["threshold"]


def test_what_cannot_be_trained_is_refused_in_one_line(tmp_path: Path) -> None:
    path = str(write_topics(tmp_path / "in.jsonl", 40))
    with pytest.raises(CurateError, match="no document has a 'kind'"):
        fit_classifier(ClassifierRecipe(labelled=(path,), label_column="kind", **small()), AimRecipe(), tmp_path / "model")
    with pytest.raises(CurateError, match="no class 'tax' among the examples; known are cooking, law, sailing"):
        fit_classifier(ClassifierRecipe(labelled=(path,), label_column="topic", **small()), AimRecipe(label="tax"), tmp_path / "model")

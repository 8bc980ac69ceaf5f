import numpy as np
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.fit.training import make_examples
from curate.models.classifier import TextForm


def batch(texts: list[str | None], labels: list[str | None]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(texts, pa.large_string()), pa.array(labels, pa.string())], names=["text", "label"])


def test_copies_count_once_and_contradicting_labels_not_at_all() -> None:
    texts = [f"text {number}" for number in range(60)]
    labels = ["a" if number % 2 else "b" for number in range(60)]
    examples = make_examples([batch([*texts, "text 1", "text 2", "none"], [*labels, "a", "a", None])], TextForm(), ("b", "a"), 0.3, 0, None)
    assert (examples.copies, examples.ambiguous, examples.unlabelled, len(examples.texts)) == (1, 2, 1, 59)
    assert examples.labels == ("b", "a") and examples.given == {"b": 30, "a": 32}
    assert "text 2" not in examples.texts.to_pylist()


def test_classes_of_too_few_examples_are_left_out_and_counted() -> None:
    texts, labels = [f"text {number}" for number in range(63)], ["b", "c", "a", *["a", "c"] * 30]
    examples = make_examples([batch(texts, labels)], TextForm(), (), 0.3, 0, min_per_class=2)
    assert examples.labels == ("a", "c") and examples.rare == 1 and examples.given == {"a": 31, "c": 31}
    assert [examples.labels[number] for number in examples.classes] == [labels[texts.index(text)] for text in examples.texts.to_pylist()]


def test_which_examples_are_held_out_depends_on_their_text_alone() -> None:
    texts = [f"text {number}" for number in range(400)]
    labels = ["a" if number % 2 else "b" for number in range(400)]
    whole = make_examples([batch(texts, labels)], TextForm(), (), 0.25, 0, None)
    part = make_examples([batch(texts[:200], labels[:200])], TextForm(), (), 0.25, 0, None)
    aside = {text for text, held in zip(whole.texts.to_pylist(), whole.held_out, strict=True) if held}
    assert all(held == (text in aside) for text, held in zip(part.texts.to_pylist(), part.held_out, strict=True))
    assert 0.15 < len(aside) / 400 < 0.35
    few = make_examples([batch(texts, labels)], TextForm(), (), 0.25, 0, 50)
    assert np.bincount(few.classes).tolist() == [50, 50] and few.surplus == 300
    assert 0.1 < few.held_out.mean() < 0.4


def test_a_class_without_examples_on_both_sides_is_refused() -> None:
    with pytest.raises(CurateError, match="class b: 1 distinct examples"):
        make_examples([batch(["x", *"acdefghijk"], ["b", *["a"] * 10])], TextForm(), (), 0.5, 0, None)
    with pytest.raises(CurateError, match="needs examples of two classes; found: a"):
        make_examples([batch(["x", "y"], ["a", "a"])], TextForm(), (), 0.5, 0, None)


def test_white_space_in_labels_becomes_an_underscore() -> None:
    texts = [f"text {number}" for number in range(40)]
    examples = make_examples([batch(texts, ["real estate", "tax"] * 20)], TextForm(), (), 0.3, 0, None)
    assert examples.labels == ("real_estate", "tax") and examples.given == {"real_estate": 20, "tax": 20}

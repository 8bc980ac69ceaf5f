from pathlib import Path

import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.models.classifier import TextForm, known_label, load_classifier
from shards.folder import write_owned
from shards.record import sealed
from tests.curate.languages.texts import large
from tests.curate.models.test_fasttext_file import model_bytes, written


def test_texts_that_hold_fasttexts_own_marks_cannot_forge_labels() -> None:
    prepared = TextForm().apply(pa.array(["a\nb", "x __label__spam y", "a </s> b", None], pa.large_string())).to_pylist()
    assert prepared == ["a b", "x label spam y", "a   b", ""]


def test_a_model_that_is_not_there_or_lacks_the_label_says_so(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match="no such file or folder; train one with `curate fit-classifier`"):
        load_classifier(str(tmp_path / "none"))
    (tmp_path / "bad.bin").write_bytes(b"not a model")
    with pytest.raises(CurateError, match=r"bad\.bin"):
        load_classifier(str(tmp_path / "bad.bin"))


def test_a_label_is_known_with_and_without_its_mark(tmp_path: Path) -> None:
    classifier = load_classifier(str(written(tmp_path, model_bytes())))
    assert known_label(classifier, "__label__sea", "x") == known_label(classifier, "sea", "x") == "sea"
    with pytest.raises(CurateError, match="fastText model x: no label 'fine'; it has sea, land"):
        known_label(classifier, "fine", "x")


def test_the_card_says_in_which_form_text_was_trained(tmp_path: Path) -> None:
    written(tmp_path, model_bytes())
    assert not load_classifier(str(tmp_path)).form.lowercase and load_classifier(str(tmp_path), lowercase=True).form.lowercase
    write_owned(tmp_path / "card.json", sealed({"form": TextForm(lowercase=True).to_json()}))
    load_classifier.cache_clear()
    classifier = load_classifier(str(tmp_path))
    assert classifier.form.lowercase
    assert classifier.probabilities(large(["SHIP"])).tolist() == classifier.probabilities(large(["ship"])).tolist()

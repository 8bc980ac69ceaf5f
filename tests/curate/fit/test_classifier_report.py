from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curate.errors import CurateError
from curate.fit.classifier_report import influential_words, markdown, measure
from curate.fit.recipe import AimRecipe

LABELS = ("law", "other")
TRUTH = np.array([0, 0, 0, 1, 1, 1, 1, 1])
LAW = np.array([0.95, 0.8, 0.3, 0.6, 0.2, 0.2, 0.1, 0.0], np.float32)
SCORES = np.stack([LAW, 1 - LAW], axis=1)


def test_figures_are_those_of_counting() -> None:
    report = measure(SCORES, TRUTH, LABELS, 0, AimRecipe())
    assert (report["held_out"], report["accuracy"], report["largest_class"]) == (8, 6 / 8, 5 / 8)
    assert report["confusion"] == [[2, 1], [1, 4]] and report["classes"]["law"]["precision"] == pytest.approx(2 / 3)
    assert report["chosen"]["aim"] == "the best F1" and report["chosen"]["threshold"] == pytest.approx(0.3)
    assert report["roc_auc"] == pytest.approx(14 / 15)
    assert [row["threshold"] for row in report["thresholds"]][-1] == 0.9  # none above the highest score


@pytest.mark.parametrize(("aim", "threshold"), [({"precision": 1.0}, 0.8), ({"recall": 0.6}, 0.8), ({"keep_share": 0.4}, 0.2)])
def test_an_aim_chooses_the_threshold(aim: dict[str, float], threshold: float) -> None:
    assert measure(SCORES, TRUTH, LABELS, 0, AimRecipe.model_validate(aim))["chosen"]["threshold"] == pytest.approx(threshold)


def test_a_precision_out_of_reach_is_refused_with_the_best() -> None:
    with pytest.raises(CurateError, match=r"no threshold reaches precision 0\.9 on held-out examples; the best is 0\.375, so ask for less"):
        measure(SCORES, TRUTH, LABELS, 1, AimRecipe(precision=0.9)) if False else measure(SCORES[::-1], TRUTH, LABELS, 0, AimRecipe(precision=0.9))


class FakeModel:
    """A fastText model of four words in two dimensions."""

    words = {"court": (9, (1.0, 0.0)), "sail": (7, (0.0, 1.0)), "rare": (4, (9.0, 0.0)), "</s>": (50, (9.0, 0.0))}

    def get_words(self, include_freq: bool) -> tuple[list[str], list[int]]:
        return list(self.words), [count for count, _ in self.words.values()]

    def get_word_vector(self, word: str) -> np.ndarray:
        return np.array(self.words[word][1])

    def get_output_matrix(self) -> np.ndarray:
        return np.array([[2.0, 0.0], [0.0, 3.0]])

    def get_labels(self) -> list[str]:
        return ["__label__law", "__label__sea"]


def test_frequent_words_are_ranked_by_their_logit_above_the_other_labels() -> None:
    found = influential_words(FakeModel(), ["__label__law", "__label__sea"])
    assert found["law"] == [{"word": "court", "count": 9, "logit": 2.0}, {"word": "sail", "count": 7, "logit": -3.0}]
    assert [word["word"] for word in found["sea"]] == ["sail", "court"]


def test_the_page_ends_with_lines_to_paste() -> None:
    report: dict[str, Any] = measure(SCORES, TRUTH, LABELS, 0, AimRecipe())
    report |= {"labels": LABELS, "positive": "law", "model": {"file": "model.bin", "n_bytes": 2_000_000}}
    report |= {"left_out": {"copies": 3}, "influential_words": {"law": [{"word": "court"}], "other": []}}
    report |= {
        "examples": {label: {"given": 20, "train": 10, "held_out": 4} for label in LABELS},
        "influential_words": {"law": [{"word": "court"}], "other": []},
    }
    page = markdown(report, Path("out/My-Model"))
    assert page.startswith("# fastText classifier `my_model`") and "| `law` | 20 | 10 | 4 | 0.667 |" in page and "Left out: 3 copies." in page
    assert "- `other`: no word is frequent enough" in page and "{kind: fasttext, name: my_model, path: out/My-Model, label: law}" in page
    assert "{name: low_my_model, value: my_model, drop_if: '<', threshold: 0.3}" in page

import pytest
from pydantic import ValidationError

from curate.fit.recipe import AimRecipe, ClassifierRecipe

BOTH = [{"label": "a", "path": "x"}, {"label": "b", "path": "y"}]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"classes": BOTH[:1]}, "needs texts of two classes"),
        ({"classes": [BOTH[0], BOTH[0]]}, "needs texts of two classes"),
        ({"labelled": ["x"]}, "give labelled inputs and label_column together"),
        ({"classes": BOTH, "label_column": "topic"}, "give labelled inputs and label_column together"),
        ({"classes": BOTH, "char_ngrams": (3, 2)}, "the first length must be at least 1, and at most the second"),
        ({"classes": BOTH, "char_ngrams": (0, 2)}, "the first length must be at least 1, and at most the second"),
        ({"classes": [BOTH[0], {"label": "b c", "path": "y"}]}, "label"),
    ],
)
def test_a_classifier_that_cannot_be_trained_is_refused(given: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ClassifierRecipe.model_validate(given)


def test_a_threshold_has_one_aim() -> None:
    assert AimRecipe(label="law", recall=0.9).precision is None
    with pytest.raises(ValidationError, match="give only one of precision, recall and keep_share"):
        AimRecipe(recall=0.9, precision=0.9)

import pytest

from mix.errors import MixError
from mix.open import open_source


@pytest.mark.parametrize(
    "recipe, said",
    [
        ({"split": "colour"}, r"source web: .*no column colour; it has id, text, score, topic"),
        ({"order": {"by": "topic"}}, "column topic holds values that are not numbers"),
        ({"split": "score"}, "column score is double; split by text or whole numbers"),
    ],
)
def test_unusable_columns_are_named(source, recipe, said):
    with pytest.raises(MixError, match=said):
        open_source("web", source(**recipe))


def test_documents_that_were_not_tokenized_are_refused(tmp_path, source):
    recipe = source(split="topic")
    with pytest.raises(MixError, match=r"source web: .* are not the documents that were tokenized, in that order"):
        open_source("web", recipe.model_copy(update={"tokens": recipe.tokens[::-1]}))

import numpy as np
import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from curate.languages.default_model import MAX_BYTES, DefaultModel
from tests.curate.languages.texts import TEXTS, large


@pytest.fixture(scope="module")
def model() -> DefaultModel:
    return DefaultModel()


def test_common_languages_are_told_apart(model: DefaultModel) -> None:
    found = model.identify(large(list(TEXTS.values())))
    assert found.code.to_pylist() == list(TEXTS) and (found.score > 0.5).all()


def test_the_model_alone_gives_the_answers_and_scores_of_py3langid(model: DefaultModel) -> None:
    reference = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    texts = [*TEXTS.values(), *(text[:9] for text in TEXTS.values()), TEXTS["en"].upper(), "e\u0301cole", "Добрый день мой друг hello"]
    probability, _ = model.classify(large(texts))
    expected = [reference.classify(text) for text in texts]
    assert [model.codes[label] for label in probability.argmax(axis=1)] == [code for code, _ in expected]
    np.testing.assert_allclose(probability.max(axis=1), [score for _, score in expected], rtol=1e-3)


def test_plain_text_keeps_the_answers_of_py3langid(model: DefaultModel) -> None:
    reference = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    texts = [text for code, text in TEXTS.items() if code != "zh"]  # whose score is that of all Chinese
    expected = [reference.classify(text) for text in texts]
    found = model.identify(large(texts))
    assert found.code.to_pylist() == [code for code, _ in expected]
    np.testing.assert_allclose(found.score, [score for _, score in expected], rtol=1e-2)


def test_a_text_without_known_features_is_undetermined(model: DefaultModel) -> None:
    found = model.identify(large(["", "\x7f"]))
    assert found.code.to_pylist()[0] == "und" and found.score[0] == 0


def test_a_long_text_is_judged_by_pieces_from_all_over_it(model: DefaultModel) -> None:
    long_german = TEXTS["de"] * 200
    assert len(long_german) > MAX_BYTES
    mostly_german = TEXTS["en"] + long_german
    found = model.identify(large([long_german, mostly_german, TEXTS["th"] * 50]))
    assert found.code.to_pylist() == ["de", "de", "th"]


def test_answers_do_not_depend_on_the_batch(model: DefaultModel) -> None:
    alone = [model.identify(large([text])).score[0] for text in TEXTS.values()]
    assert model.identify(large(list(TEXTS.values()) * 2).slice(3, 7)).score.tolist() == (alone * 2)[3:10]
    assert len(model.identify(large([])).code) == 0


def test_more_bytes_are_read_if_asked(model: DefaultModel) -> None:
    text = TEXTS["de"] * 100
    short, long = DefaultModel(256).identify(large([text])), DefaultModel(4096).identify(large([text]))
    assert short.code[0].as_py() == long.code[0].as_py() == "de" and short.score[0] != long.score[0]


def test_candidates_are_listed_with_their_probabilities(model: DefaultModel) -> None:
    texts = large([*TEXTS.values(), "", "Dobrý den a hezký den"])
    best, listed = model.identify(texts), model.candidates(texts, 0.01).to_pylist()
    assert listed[-2] == [] and len(listed[-1]) > 1
    for row, languages in enumerate(listed):
        scores = [one["score"] for one in languages]
        assert scores == sorted(scores, reverse=True) and all(0.01 <= score <= 1 for score in scores) and sum(scores) <= 1.0001
        if languages:
            assert languages[0] == {"language": best.code[row].as_py(), "score": best.score[row]}

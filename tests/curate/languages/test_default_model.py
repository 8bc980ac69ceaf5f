import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from curate.errors import CurateError
from curate.languages.default_model import MAX_BYTES, DefaultModel
from curate.languages.identify import load_language_model
from curate.languages.sample import sample_texts

TEXTS = {
    "en": "The committee will meet again in spring, when the report on the harbour is expected to be finished.",
    "de": "Der Ausschuss trifft sich im Frühjahr wieder, wenn der Bericht über den Hafen fertig sein soll.",
    "fr": "La commission se réunira de nouveau au printemps, lorsque le rapport sur le port sera terminé.",
    "sw": "Kamati itakutana tena wakati wa masika, ripoti kuhusu bandari itakapokuwa imekamilika.",
    "ru": "Комитет снова соберётся весной, когда доклад о гавани должен быть готов.",
    "th": "คณะกรรมการจะประชุมอีกครั้งในฤดูใบไม้ผลิ เมื่อรายงานเกี่ยวกับท่าเรือเสร็จสิ้น",
    "zh": "委员会将在春天再次开会，届时关于港口的报告应该已经完成。",
}


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


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


def test_a_missing_or_wrong_model_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match=r"lid\.bin: no such file; `curate fetch-model lid\.176\.ftz` downloads one"):
        load_language_model(str(tmp_path / "lid.bin"))
    (tmp_path / "lid.bin").write_bytes(b"no model")
    with pytest.raises(CurateError, match="not a fastText model"):
        load_language_model(str(tmp_path / "lid.bin"))


def test_any_fasttext_model_works_and_keeps_its_own_labels(tmp_path: Path) -> None:
    lines = [f"__label__{label} {text}" for label, key in (("eng_Latn", "en"), ("deu_Latn", "de")) for text in [TEXTS[key]] * 50]
    (tmp_path / "train.txt").write_text("\n".join(lines))
    program = f"import fasttext; fasttext.train_supervised('{tmp_path}/train.txt', epoch=20, thread=1, dim=8, verbose=0).save_model('{tmp_path}/lid.bin')"
    subprocess.run([sys.executable, "-c", program], check=True)
    found = load_language_model(str(tmp_path / "lid.bin")).identify(large([TEXTS["de"].replace(" ", "\n"), TEXTS["en"]]))
    assert found.code.to_pylist() == ["deu_Latn", "eng_Latn"] and ((found.score > 0.5) & (found.score <= 1)).all()


@pytest.mark.parametrize("text", [TEXTS["de"] * 40, TEXTS["th"] * 40, "x" * 4000, "é" * 3000, "ab " * 1500])
def test_a_sample_is_whole_words_from_all_over_the_text(text: str) -> None:
    for max_bytes in (64, 128, 1000, 2048):
        (sample,) = sample_texts(large([text]), max_bytes).to_pylist()
        assert max_bytes // 2 < len(sample.encode()) <= max_bytes
        assert all(piece in text for piece in sample.split(" "))
        if " " in text[:20]:
            assert set(sample.split()) <= set(text.split())


def test_short_texts_are_read_whole_and_samples_do_not_depend_on_neighbours() -> None:
    texts = ["", "short", TEXTS["en"] * 30, TEXTS["zh"] * 30, "x"]
    together = sample_texts(large(texts), 500).to_pylist()
    assert together == [sample_texts(large([text]), 500)[0].as_py() for text in texts] and together[:2] + together[4:] == ["", "short", "x"]
    assert sample_texts(large(texts).slice(2, 2), 500).to_pylist() == together[2:4]


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

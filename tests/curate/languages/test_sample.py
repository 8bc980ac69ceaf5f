import pytest

from curate.languages.sample import sample_texts
from tests.curate.languages.texts import TEXTS, large


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

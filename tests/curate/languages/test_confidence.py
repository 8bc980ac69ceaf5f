import numpy as np
import pyarrow as pa
import pytest

from curate.languages.confidence import LOWEST, PROSE_BYTES, Limits, believe
from curate.languages.default_model import DefaultModel

CODES = ["zxx", "zh", "yue", "wuu", "nso"]
LIMITS = Limits(np.array([np.nan, 5, 5, 5, 4], np.float32), np.array([1, 1, 1, 1, 0.5], np.float32))
MANDARIN, CANTONESE = "委員會將在春天再次開會，報告已經完成。", "佢哋聽日喺邊度食飯，我哋唔知。"


def believed(row: list[float], fit: float, n_prose: int = 0, text: str = "") -> list[float]:
    found = believe(np.array([row], np.float32), np.array([fit], np.float32), np.array([n_prose]), pa.array([text], pa.large_string()), CODES, LIMITS)
    return [round(float(value), 4) for value in found[0]]


def test_zxx_is_no_answer_to_prose_and_what_it_had_is_doubt() -> None:
    assert believed([0.7, 0.3, 0, 0, 0], 5, PROSE_BYTES) == [0, 0.3, 0, 0, 0]
    assert believed([0.7, 0.3, 0, 0, 0], 5, PROSE_BYTES - 1) == [0.7, 0.3, 0, 0, 0]


@pytest.mark.parametrize(("fit", "factor"), [(5.0, 1), (2.5, 1), (2.0, 0.5), (1.5, LOWEST), (0.0, LOWEST)])
def test_a_poor_fit_lowers_the_score(fit: float, factor: float) -> None:
    assert believed([0, 0.8, 0, 0, 0.1], fit)[1] == pytest.approx(0.8 * factor, abs=1e-3)


def test_an_answer_is_never_surer_than_its_precision() -> None:
    assert believed([0, 0.01, 0, 0, 0.99], 4)[4] == 0.5


def test_cantonese_needs_its_characters() -> None:
    assert believed([0, 0.3, 0.6, 0.1, 0], 5, text=MANDARIN) == [0, 1, 0, 0, 0]
    assert believed([0, 0.3, 0.6, 0, 0], 5, text=CANTONESE) == [0, 0.3, 0.6, 0, 0]
    assert believed([0, 0.3, 0.6, 0, 0], 5, text="佢說報告已經完成。") == [0, 0.9, 0, 0, 0]


MAORI = (
    "Ka hui anō te komiti a te kōanga, i te wā e oti ai te pūrongo mō te whanga. Ko ngā tāngata katoa o te hapori e pīrangi ana "
    "ki te kōrero mō tēnei take, me haere mai ki te whare hui i te ahiahi o te Rātapu."
)
TSWANA = (
    "Komiti e tla kopana gape mo dikgakologong, fa pego ya boemakepe e setse e fedile. Batho botlhe ba ba batlang go bua ka ga "
    "kgang eno ba kopiwa go tla kwa kgotleng ka Latshipi thapama, gore re buisane mmogo."
)
TSONGA = (
    "Komiti yi ta hlangana nakambe hi nkarhi wa ximun'wana, loko xiviko xa hlaluko xi herile. Vanhu hinkwavo lava lavaka ku vulavula "
    "hi mhaka leyi va komberiwa ku ta eka nhlengeletano hi Sonto nindzhenga, leswaku hi ta vulavurisana."
)


@pytest.mark.parametrize("text", [MAORI, TSWANA, TSONGA])
def test_languages_that_the_model_does_not_know_are_not_answered_with_confidence(text: str) -> None:
    model = DefaultModel()
    probability, _ = model.classify(pa.array([text], pa.large_string()))
    found = model.identify(pa.array([text], pa.large_string()))
    assert found.score[0] < 0.65 and found.score[0] < probability.max()

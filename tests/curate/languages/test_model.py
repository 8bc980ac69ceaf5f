import numpy as np

from curate.languages.model import CANDIDATES, pairs


def test_candidates_are_those_with_enough_score_and_never_one_of_zero() -> None:
    codes, label = np.array(["en", "de", "fr"], dtype=object), np.array([[0, 1], [2, 0], [1, 2]])
    score = np.array([[0.75, 0.25], [0.5, 0.125], [0.0, 0.0]], np.float32)
    assert pairs(codes, label, score, 0.25).to_pylist() == [
        [{"language": "en", "score": 0.75}, {"language": "de", "score": 0.25}],
        [{"language": "fr", "score": 0.5}],
        [],
    ]
    everything = pairs(codes, label, score, 0.0)
    assert everything.type == CANDIDATES and [len(row) for row in everything.to_pylist()] == [2, 2, 0]

import numpy as np
import pytest

from curate.fit import metrics


def example(seed: int, n: int = 200, n_levels: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties that tell something about the class."""
    draw = np.random.default_rng(seed)
    positive = draw.random(n) < 0.3
    return np.round((draw.random(n) + 0.5 * positive) * n_levels) / n_levels, positive


def slow_at(scores: np.ndarray, positive: np.ndarray, threshold: float) -> tuple[float, float, float]:
    """Precision, recall and share kept, by counting."""
    taken = [(score, true) for score, true in zip(scores, positive, strict=True) if score >= threshold]
    hits = sum(true for _, true in taken)
    return hits / len(taken), hits / sum(positive), len(taken) / len(scores)


@pytest.mark.parametrize("seed", range(3))
def test_precision_recall_and_share_kept_are_those_of_counting(seed: int) -> None:
    scores, positive = example(seed)
    points = metrics.curve(scores, positive)
    for threshold in (0.1, 0.33, 0.5, 0.9, scores.max()):
        found = metrics.at(points, threshold)
        assert (found["precision"], found["recall"], found["kept"]) == pytest.approx(slow_at(scores, positive, threshold))


@pytest.mark.parametrize("seed", range(3))
def test_the_area_under_the_roc_curve_is_the_chance_that_a_positive_scores_higher(seed: int) -> None:
    scores, positive = example(seed)
    wins = [(high > low) + (high == low) / 2 for high in scores[positive] for low in scores[~positive]]
    assert metrics.roc_auc(metrics.curve(scores, positive)) == pytest.approx(np.mean(wins))


def test_average_precision_is_the_mean_of_precision_over_positives() -> None:
    scores, positive = example(5)
    mean = np.mean([slow_at(scores, positive, score)[0] for score in scores[positive]])
    assert metrics.pr_auc(metrics.curve(scores, positive)) == pytest.approx(mean)


def test_thresholds_meet_their_aims_and_the_next_one_does_not() -> None:
    scores, positive = example(7)
    points = metrics.curve(scores, positive)
    high = metrics.most_with_recall(points, 0.8)
    assert points.recall[high] >= 0.8 > points.recall[high - 1]
    low = metrics.least_with_precision(points, 0.6)
    assert low is not None and points.precision[low] >= 0.6 and (points.precision[low + 1 :] < 0.6).all()
    kept = metrics.most_with_kept(points, 0.1)
    assert np.mean(scores[~positive] >= points.threshold[kept]) >= 0.1 > np.mean(scores[~positive] > points.threshold[kept])
    assert metrics.least_with_precision(metrics.curve(np.array([1.0, 0.5]), np.array([False, True])), 0.9) is None


def test_calibration_compares_scores_with_shares_in_ten_bins() -> None:
    scores, positive = np.array([0.05, 0.05, 0.95, 1.0]), np.array([False, True, True, True])
    table = metrics.calibration(scores, positive)
    assert [(row["low"], row["n"], row["share_positive"]) for row in table] == [(0.0, 2, 0.5), (0.9, 2, 1.0)]
    assert metrics.calibration_error(table) == pytest.approx((0.45 * 2 + 0.025 * 2) / 4)


def test_a_confusion_table_gives_each_class_its_precision_and_recall() -> None:
    table = metrics.confusion(np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 0]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 0]]
    rows = metrics.by_class(table)
    assert [row["n"] for row in rows] == [2, 1, 2]
    assert [row["precision"] for row in rows] == pytest.approx([1 / 3, 1 / 2, 0])
    assert [row["recall"] for row in rows] == pytest.approx([1 / 2, 1, 0])
    assert [row["f1"] for row in rows] == pytest.approx([2 / 5, 2 / 3, 0])

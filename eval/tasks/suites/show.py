"""What `evaluate suites` prints."""

import math
from pathlib import Path
from statistics import NormalDist

from eval.statistics.interval import CONFIDENCE, POWER
from eval.tables import Rows
from eval.tasks.suites.olmo import Requests
from eval.tasks.suites.read import read_suite, suite_called
from eval.tasks.suites.table import SUITES


def suite_rows(n_items: int) -> Rows:
    """Header and rows: every suite, and the smallest change of accuracy that `n_items` of its items would show."""
    header = ["suite", "items", "sees changes of accuracy from", "measures"]
    rows = []
    for suite in SUITES.values():
        items = "as many as the files give" if suite.n_items is None else f"{suite.n_items:,}"
        seen = f"{detectable_accuracy(min(n_items, suite.n_items or n_items)):.1%}"
        rows.append([suite.name, items, seen, suite.measures])
    return header, rows


def suite_facts(name: str) -> dict[str, str]:
    """Which files a suite reads and how to get them. Raises EvalError for a suite that isn't there."""
    suite = suite_called(name)
    return {"measures": suite.measures, "reads": suite.reads, "get": suite.get, "examples": f"{suite.shots} before a question"}


def content_rows(name: str, path: Path) -> Rows:
    """Header and rows: the tasks that a suite finds at `path`, with their items; for `olmo`, its request files. Raises EvalError."""
    header = ["task", "items", "examples", "accuracy"]
    if suite_called(name).name == "olmo":
        requests = Requests(path)
        described = [requests.describe(task) for task in requests.names()]
        return header, [[task.name, f"{task.n_items:,}" if task.n_items else "not stated", str(task.n_shots), task.metric] for task in described]
    tasks = read_suite(name, name, path)
    return header, [[task.name, f"{len(task.items):,}", str(task.shots), task.accuracy] for task in tasks]


def detectable_accuracy(n_items: int) -> float:
    """Upper bound of the smallest difference of accuracy that two models' answers to `n_items` independent items show at 5% with 80% power: that of two
    unrelated models that are right half of the time. Models with one base agree on most items, and smaller differences are seen."""
    normal = NormalDist()
    return min(1.0, (normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(POWER)) * math.sqrt(0.5 / n_items))

"""Write `curate/languages/default_model.json`: how text in each language fits the embedded language model, and the precision of doubtful answers.

    python -m benchmarks.langid_confidence --input UDHR

UDHR holds the Universal Declaration of Human Rights as the Unicode project publishes it, `index.xml` and a file a language. The first half of each
version gives the figures, in passages of PASSAGE_CHARS; `python -m benchmarks.langid --input UDHR` measures on the second. A language without a
version has the median fit of those in its script. The last line is one JSON object: shares of passages of the second half that pass 0.65, before and after.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.labelled import declarations, same
from curate.languages.confidence import GOOD_FIT, LEAST_FIT, NO_LANGUAGE
from curate.languages.default_model import DefaultModel
from curate.languages.table import full_code

PASSAGE_CHARS = 400
LEAST_PASSAGES = 4
LEAST_RATE = 0.2
TABLE = Path(__file__).parent.parent / "curate" / "languages" / "default_model.json"

CONFUSED = {"nso": ("tn",), "zu": ("ss", "nr"), "rw": ("rn",), "jv": ("su", "ban", "mad"), "dz": ("bo",), "tl": ("ceb", "hil", "pam")}
"""Languages that the model does not know but answers with a relative's code, and that are written about as much as this relative. (Others, such as
Yiddish answered as Hebrew, are rare beside it, and would make every right answer look doubtful.)"""


class Judged(NamedTuple):
    """Passages: the label, the model's answer as `same` code, its probability and fit."""

    label: np.ndarray
    answer: np.ndarray
    probability: np.ndarray
    fit: np.ndarray


def main() -> None:
    """Measure, write the table, print how it does on the other half."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", required=True, type=Path)
    model = DefaultModel()
    texts = declarations(parser.parse_args().input)
    first, second = (_judged(model, [(label, passage) for label, text in texts for passage in _passages(text, half)]) for half in (0, 1))
    codes = [str(code) for code in model.codes[:-1]]
    fits = _fits(first, codes)
    most = {code: 1 / (1 + rate) for code, relatives in CONFUSED.items() if (rate := _rate(first, code, relatives, fits)) >= LEAST_RATE}
    table = {"fit": {code: round(fit, 3) for code, fit in sorted(fits.items())}, "most": {code: round(value, 2) for code, value in sorted(most.items())}}
    TABLE.write_text(json.dumps(table, indent=1) + "\n")
    print(json.dumps(_verdict(second, fits, most, {same(code) for code in codes})))


def _passages(text: str, half: int) -> list[str]:
    """Paragraphs of the first or second half, joined to at least PASSAGE_CHARS."""
    paragraphs = [line for line in text.split("\n") if len(line) > 20]
    middle, found, open_ = len(paragraphs) // 2, [], ""
    for paragraph in paragraphs[middle:] if half else paragraphs[:middle]:
        open_ += paragraph + " "
        if len(open_) > PASSAGE_CHARS:
            found, open_ = [*found, open_], ""
    return found


def _judged(model: DefaultModel, passages: Sequence[tuple[str, str]]) -> Judged:
    probability, fit = model.classify(pa.array([text for _, text in passages], pa.large_string()))
    answers = np.array([same(str(model.codes[label])) for label in probability.argmax(axis=1)])
    return Judged(np.array([label for label, _ in passages]), answers, probability.max(axis=1), fit)


def _fits(judged: Judged, codes: Sequence[str]) -> dict[str, float]:
    """Median fit of passages rightly answered; by script for languages with too few. `zxx` has none."""
    right = judged.label == judged.answer
    measured = {code: float(np.median(judged.fit[right & (judged.label == code)])) for code, n in Counter(judged.label[right]).items() if n >= LEAST_PASSAGES}
    by_script = defaultdict(list)
    for code, fit in measured.items():
        by_script[_script(code)].append(fit)
    every = [fit for fits in by_script.values() for fit in fits]
    return {code: measured.get(same(code), float(np.median(by_script.get(_script(code), every)))) for code in codes if code != NO_LANGUAGE}


def _script(code: str) -> str:
    return full_code(code).split("_")[-1]


def _rate(judged: Judged, code: str, relatives: Sequence[str], fits: dict[str, float]) -> float:
    """The largest share of a relative's passages that get this answer with a fit good enough."""
    taken = (judged.answer == same(code)) & (judged.fit >= (LEAST_FIT + GOOD_FIT) / 2 * fits[code])
    return max([float(taken[judged.label == one].mean()) for one in relatives if (judged.label == one).any()], default=0.0)


def _verdict(judged: Judged, fits: dict[str, float], most: dict[str, float], known: set[str]) -> dict[str, object]:
    own = {same(code): fit for code, fit in fits.items()}
    limit = {same(code): value for code, value in most.items()}
    share = np.array([fit / own.get(code, np.inf) for code, fit in zip(judged.answer, judged.fit, strict=True)])
    highest = np.array([limit.get(code, 1.0) for code in judged.answer])
    after = np.minimum(judged.probability, highest) * np.clip((share - LEAST_FIT) / (GOOD_FIT - LEAST_FIT), 0.05, 1)
    is_known, right = np.isin(judged.label, list(known)), judged.label == judged.answer
    kinds = {"right": right, "wrong, known language": is_known & ~right, "wrong, unknown language": ~is_known}
    return {
        kind: {"n": int(rows.sum()), "before": float((judged.probability[rows] > 0.65).mean()), "after": float((after[rows] > 0.65).mean())}
        for kind, rows in kinds.items()
    }


if __name__ == "__main__":
    main()

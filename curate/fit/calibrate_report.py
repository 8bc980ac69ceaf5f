"""What `curate calibrate` prints."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from curate.errors import CurateError
from curate.fit.calibrate import Method, calibrate
from shards import console

_FEW = 200
"""Documents below which quantiles and deviations are guesses."""


def run_calibrate(paths: Sequence[str], out: Path, language: str, method: str, words: str, model: str, one_per_line: bool) -> None:
    """Calibrate, show each rule with what it does to the reference, and say how to use the set. Raises CurateError."""
    if method not in get_args(Method):
        raise CurateError(f"--method {method}: known are {' and '.join(get_args(Method))}")
    chosen: Method = "quantile" if method == "quantile" else "mean"
    found = calibrate(paths, out, language, chosen, words, model, one_per_line)
    rows = [(name, drop_if, f"{threshold:.4g}", f"{median:.4g}", f"{share:.1%}") for name, drop_if, threshold, median, share in found.table]
    console.print_table("a document is dropped if", ["rule", "", "threshold", "median", "drops of the reference"], rows)
    if found.n_documents < _FEW:
        console.show_text(f"only {found.n_documents} documents: more of them give steadier thresholds")
    use = f"rules: [{out}], words: {found.words}"
    facts = {"stop words": " ".join(found.rules.stop_words), "dropped by any rule": f"{found.dropped:.1%} of {found.n_documents} documents", "use": use}
    console.summary(f"wrote {out}", facts)

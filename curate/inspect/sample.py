"""`curate sample`: some documents that a rule drops, or that are kept."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from curate.errors import CurateError
from curate.inspect.why import text_head, verdict_line
from curate.run_folder import RunFolder


def sample(out: Path, dropped_by: str | None, kept: bool, n: int, seed: int) -> Iterator[str]:
    """Lines that show `n` documents that a rule dropped, or kept ones. Raises CurateError for a rule that dropped nothing."""
    run = RunFolder.open(out)
    if kept == (dropped_by is not None):
        raise CurateError("sample: give either --dropped-by RULE or --kept")
    if kept:
        chosen = draw(run.documents.filter(pl.col("set") == "documents"), n, seed).with_columns(head=pl.lit(""))
    else:
        fired = _fired_by(run, dropped_by or "")
        chosen = draw(fired, n, seed)
        chosen = chosen.with_columns(head=pl.Series([verdict_line(row) for row in chosen.iter_rows(named=True)], dtype=pl.String))
    texts = run.texts(chosen["row_index"].drop_nulls())
    for row in chosen.iter_rows(named=True):
        yield f"── {row['doc_id'].hex() if row['doc_id'] else 'no id'}  {row['file']}:{row['row']}  {row['head']}".rstrip()
        if row["row_index"] in texts:
            yield text_head(texts[row["row_index"]]["text"])
        yield ""


def draw(frame: pl.DataFrame, n: int, seed: int) -> pl.DataFrame:
    """`n` rows of a frame without repeats, in the frame's order; the same for the same seed and frame height."""
    order = np.random.default_rng(seed).permutation(frame.height)[:n]
    return frame[np.sort(order)]


def _fired_by(run: RunFolder, rule: str) -> pl.DataFrame:
    """Verdicts of a rule; its name after the slash is enough where no other rule ends so."""
    fired = run.verdicts["rule"].unique().sort().to_list()
    matching = [one for one in fired if one == rule] or [one for one in fired if one.endswith(f"/{rule}")]
    if len(matching) == 1:
        return run.verdicts.filter(pl.col("rule") == matching[0])
    near = matching or difflib.get_close_matches(rule, fired, n=3, cutoff=0.4) or fired
    raise CurateError(f"--dropped-by {rule}: {'several rules end so' if matching else 'no rule of this name dropped anything'}; there is {', '.join(near)}")

"""`curate sample`: some of the documents that a rule dropped or that were kept."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from curate.errors import CurateError
from curate.inspect.why import text_head, verdict_line
from curate.run_folder import RunFolder


def sample(out: Path, dropped_by: str | None, kept: bool, n: int, seed: int) -> Iterator[str]:
    """Lines showing `n` documents that a rule dropped, or kept ones. Raises CurateError for a rule that dropped nothing."""
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
    """`n` distinct rows of a frame, in its order. The choice depends only on the seed and the height."""
    order = np.random.default_rng(seed).permutation(frame.height)[:n]
    return frame[np.sort(order)]


def _fired_by(run: RunFolder, rule: str) -> pl.DataFrame:
    """Verdicts of a rule. The name after the slash suffices if it is unique."""
    fired = run.verdicts["rule"].unique().sort().to_list()
    matching = [name for name in fired if name == rule] or [name for name in fired if name.endswith(f"/{rule}")]
    if len(matching) == 1:
        return run.verdicts.filter(pl.col("rule") == matching[0])
    near = matching or difflib.get_close_matches(rule, fired, n=3, cutoff=0.4) or fired
    raise CurateError(
        f"--dropped-by {rule}: {'several rules end with this name' if matching else 'no rule of this name dropped anything'}; rules that did: {', '.join(near)}"
    )

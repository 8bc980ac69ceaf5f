import numpy as np
import pytest

from mix.errors import MixError
from mix.runs.read import read_runs, table_of
from mix.runs.write import runs_hash, write_runs


def uneven(seed=0):
    """A table with values that need all 17 digits, unknown cells, a base model, text with commas and quotes."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(3), 6)
    columns = {f"share.{name}": [None, *shares[:, i].tolist()] for i, name in enumerate(("a", 'b "c", d', "ü"))}
    columns |= {"bits.a": [1.5, *rng.normal(1, 0.1, 6).tolist()], "loss.e": [None, *rng.normal(1, 0.1, 5).tolist(), np.nan]}
    columns |= {"run": ["base", "1", "02", "x,y", "z", "z", "w"], "step": [0, 1, 1, 1, 1, 2, None], "lr.peak": [None, *(10.0 ** rng.normal(-4, 1, 6)).tolist()]}
    return table_of(columns | {"content.a": ["", "f" * 32, "", "f" * 32, "", "", ""], "tokenizer": ["t"] * 7, "tokens": [0, 2**40 + 1, 5, 6, 7, 8, 9]})[0]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_is_read_back_exactly(tmp_path, suffix):
    runs = uneven()
    write_runs(tmp_path / f"runs{suffix}", runs)
    again, _ = read_runs(tmp_path / f"runs{suffix}")
    for name in ("run", "kind", "tokenizer", "sources", "domains", "units"):
        assert getattr(again, name) == getattr(runs, name)
    for name in ("shares", "losses", "contents"):
        np.testing.assert_array_equal(getattr(again, name), getattr(runs, name))
    assert list(again.numbers) == list(runs.numbers)
    for name, values in runs.numbers.items():
        np.testing.assert_array_equal(again.numbers[name], values)
    assert runs_hash(again) == runs_hash(runs) != runs_hash(uneven(1))


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(MixError, match=r"written as \.csv or \.parquet"):
        write_runs(tmp_path / "runs.xlsx", uneven())

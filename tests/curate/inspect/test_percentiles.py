from pathlib import Path

import numpy as np
import pytest

from curate.errors import CurateError
from curate.inspect.percentiles import keep_threshold, measured, print_percentiles, signal_values
from curate.pipeline.run import run
from tests.curate.steps.topics import load, make_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"))


def test_the_share_to_keep_gives_a_threshold_that_keeps_it(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(0).normal(size=1001)
    assert (values >= keep_threshold(values, 0.1, lowest=False)).sum() == 101
    assert (values <= keep_threshold(values, 0.1, lowest=True)).sum() == 101
    run(load(home), tmp_path / "out", 1)
    everything, kept = (signal_values(tmp_path / "out", "law", None, kept) for kept in (False, True))
    assert everything.height == 180 and (kept["value"] >= 0.5).all() and 0 < kept.height < 100
    print_percentiles(tmp_path / "out", "dsir_gumbel", "topic", False, 0.25, False)
    printed = capsys.readouterr().out
    assert "sailing" in printed and "drop_if: '<', threshold: " in printed
    with pytest.raises(CurateError, match="neither a signal nor a rule of this run; did you mean law"):
        signal_values(tmp_path / "out", "lwa", None, False)
    with pytest.raises(CurateError, match="topic holds String, no number"):
        signal_values(tmp_path / "out", "topic", None, False)


def test_percentiles_take_the_name_of_a_rule_for_what_it_looks_at(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(load(home, rules=["gopher_quality", "fineweb"]), tmp_path / "out", 1)
    short = signal_values(tmp_path / "out", "gopher_quality/gopher_short_doc", None, False)
    assert short.equals(signal_values(tmp_path / "out", "n_non_symbol_words", None, False))
    assert signal_values(tmp_path / "out", "list_ratio", None, False).height == short.height
    assert measured(tmp_path / "out", "language/low_confidence").value == "language_score"
    print_percentiles(tmp_path / "out", "fineweb/list_ratio", None, False, 0.5, True)
    printed = capsys.readouterr().out
    assert "fineweb/list_ratio: n_newlines / n_words" in printed and '{name: list_ratio, value: "n_newlines / n_words", drop_if' in printed
    with pytest.raises(CurateError, match=r"fineweb/lst_ratio: neither .* did you mean fineweb/list_ratio"):
        signal_values(tmp_path / "out", "fineweb/lst_ratio", None, False)
    with pytest.raises(CurateError, match="this rule has no signal"):
        signal_values(tmp_path / "out", "minhash/duplicate", None, False)
    with pytest.raises(CurateError, match="was not measured"):
        signal_values(tmp_path / "out", "code/long_lines", None, False)

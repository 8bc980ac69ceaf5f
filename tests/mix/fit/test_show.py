"""What is printed, and the command."""

import json
from pathlib import Path

import pytest

from mix.cli import main
from mix.fit.fit import fit
from mix.fit.recipe import FitRecipe
from mix.fit.show import show
from mix.laws import extra
from tests.mix.fit.tables import replay_table, write_table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return replay_table(tmp_path / "runs.csv")


def printed(capsys: pytest.CaptureFixture[str], table: Path, **values: object) -> str:
    recipe = FitRecipe(**({"runs": [table], "laws": ["exponential", "log_offset", "regmix"], "n_resamples": 20} | values))
    show(fit(recipe, table.parent / "out").model_dump(mode="json"))
    return capsys.readouterr().out


def test_verdicts_come_first_then_laws_predictions_and_what_was_cleaned(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.write_text(table.read_text() + table.read_text().splitlines()[1] + "\n")
    lines = printed(capsys, table).splitlines()
    assert lines[0].startswith("general: exponential is better than ") and lines[1].startswith("domain: exponential is better than ")
    text = "\n".join(lines)
    assert "general: 16 runs at 8 ratios, in nats a token, noise between seeds 0.00" in text
    assert "not tried: regmix: boosted trees need at least 30 distinct ratios; there are 8" in text
    assert "chosen: exponential (smallest error on held-out ratios)" in text
    assert "general by exponential" in text and "of one run" in text
    assert lines[-1] == f"note: {table}: 1 duplicate row dropped"


def test_a_law_that_is_worse_than_a_trivial_guess_is_in_the_first_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"run": f"{share}-{seed}", "seed": seed, "share.a": share, "share.b": 1 - share, "loss.good": 2 + share**2, "loss.wild": 2 + (share * 10) % 2}
        for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
        for seed in range(2)
    ]
    lines = printed(capsys, write_table(tmp_path / "runs.csv", rows), laws=["exponential"]).splitlines()
    assert lines[0].startswith("wild: exponential is worse than the mean loss on held-out ratios (off by ")
    assert any(line.startswith("exponential") and "worse than a trivial guess on held-out ratios; chosen" in line for line in lines)


def test_many_sources_are_shown_by_their_largest_shares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = []
    for number in range(16):
        shares = {f"share.s{source}": 0.0 for source in range(8)} | {f"share.s{number % 7 + 1}": 0.3 + number / 64}
        shares["share.s0"] = 1 - sum(shares.values())
        rows.append({"run": f"r{number}"} | shares | {"loss.x": 2 + shares["share.s1"] + shares["share.s2"] / 2})
    text = printed(capsys, write_table(tmp_path / "runs.csv", rows), laws=["exponential"])
    assert "largest shares" in text and "s0 0.7, s1 0.3 " in text


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["mix", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_the_command_fits_with_the_law_of_its_option_and_prints_json(table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (table.parent / "fit.yaml").write_text(f"runs: {table}\nlosses: [general]\nn_resamples: 20\n")
    options = ("--law", "exponential", "--out", table.parent / "out", "--json", "--set", "confidence=0.9")
    assert run(monkeypatch, "fit", table.parent / "fit.yaml", *options) == 0
    content = json.loads(capsys.readouterr().out)
    assert next(iter(content)) == "verdict" and content["domains"]["general"]["chosen"] == "exponential"
    assert content["recipe"]["confidence"] == 0.9 and next(iter(content["domains"]["general"]["candidates"][0])) == "verdict"


def test_without_the_extra_the_command_says_how_to_install_it(table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    (table.parent / "fit.yaml").write_text(f"runs: {table}\n")
    assert run(monkeypatch, "fit", table.parent / "fit.yaml", "--out", table.parent / "out") == 2
    assert capsys.readouterr().err == "error: `mix fit` needs scipy and scikit-learn: pip install 'cptkit[laws]'\n"
    assert not (table.parent / "out").exists()

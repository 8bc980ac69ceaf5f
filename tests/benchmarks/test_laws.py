"""Tests of the benchmark of laws on tables that are made here: shuffled, with duplicates and unknown losses."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import laws_ct, laws_regmix, laws_sizes

RATIOS = {0.125: (2.9262, 1.3679), 0.25: (2.8805, 1.3863), 0.28516: (2.8721, 1.3933), 0.375: (2.8571, 1.4084), 0.5: (2.8388, 1.4309)}
"""Last losses of the Pile and of Python by the Pile's share, rounded (arXiv 2403.16952)."""


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def curves(path):
    """Two evaluations of each ratio in any order, one of them twice, and the base model."""
    rows = [
        [f"run {i}", step, 1 - share, share, general + 0.02 * (step == 1000), domain + 0.1 * (step == 1000)]
        for i, (share, (general, domain)) in enumerate(RATIOS.items())
        for step in (1000, 10_000)
    ]
    rows = [*rows[::-1], rows[2], ["base", 0, "", "", 2.87337, 1.83812]]
    write(path, ["run", "step", "share.python", "share.pile", "loss.pile", "loss.python"], rows)


def test_critical_share_of_open_curves_is_that_of_least_squares(tmp_path):
    curves(tmp_path / "ct.csv")
    figures = {figure.key: figure for figure in laws_ct.measure(tmp_path / "ct.csv")}
    assert figures["critical_share"].ours == pytest.approx(0.2831, abs=2e-4)
    assert figures["critical_share_interval"].ours == pytest.approx([0.2776, 0.2952], abs=2e-4)
    assert figures["ct_heldout"].ours < 0.001
    assert all(figure.met for figure in figures.values())


def test_curves_without_a_base_model_are_refused(tmp_path):
    rows = [[f"run {share}", 1 - share, share, *losses] for share, losses in RATIOS.items()]
    write(tmp_path / "ct.csv", ["run", "share.python", "share.pile", "loss.pile", "loss.python"], rows)
    with pytest.raises(SystemExit, match="no row `base`"):
        laws_ct.measure(tmp_path / "ct.csv")


def sizes_table(path, *, product):
    """12 mixtures of three sources at five sizes and four numbers of tokens, shuffled, with duplicate rows and unknown losses."""
    rng = np.random.default_rng(0)
    rows = []
    for mixture, shares in enumerate(rng.dirichlet(np.ones(3), 12)):
        for n in (1.2e8, 3e8, 6.8e8, 9.4e8, 2.7e9):
            for d in (2e9, 8e9, 2e10, 6e10):
                mixed = np.exp(-2 * shares[0] + shares[1] - 1)
                tokens = (d / 1e9) ** -0.4
                loss = 1.5 + 0.4 * (n / 1e8) ** -0.3 + (mixed * (0.4 + 1.5 * tokens) if product else mixed + 0.4 * tokens)
                rows.append([mixture, n, d, *shares, *(loss * (1 + rng.normal(0, 0.002, 2)))])
    rows += [list(row) for row in rows[:7]]
    rows[30][-1] = "nan"
    rows[31][-2] = ""
    write(path, ["run", "n_parameters", "tokens", "share.a", "share.b", "share.c", "loss.x", "loss.y"], [rows[i] for i in rng.permutation(len(rows))])


@pytest.mark.parametrize("product", [False, True])
def test_larger_models_are_predicted_better_than_by_the_nearest_size(tmp_path, capsys, product):
    sizes_table(tmp_path / "sizes.csv", product=product)
    figures = {figure.key: figure.ours for figure in laws_sizes.measure(tmp_path / "sizes.csv")}
    assert figures["sizes_heldout"] < 0.6
    assert figures["sizes_carried"] > 2
    printed = capsys.readouterr().out
    assert "duplicate rows dropped" in printed
    assert f"{'additive_product' if product else 'additive'}: fitted to" in printed


def test_regmix_tables_are_joined_by_index_and_domain(tmp_path):
    rng = np.random.default_rng(0)
    for part, n in (("train", 40), ("test", 12)):
        shares = rng.dirichlet(np.ones(3), n)
        losses = 3 - shares + rng.normal(0, 0.01, (n, 3))
        order = rng.permutation(n)
        columns = [0, 1, 2] if part == "train" else [2, 0, 1]
        names = [["a", "b", "c"][i] for i in columns]
        write(tmp_path / f"{part}_mixture_1m.csv", ["index", *(f"train_the_pile_{name}" for name in names)], [[i, *shares[i, columns]] for i in range(n)])
        write(
            tmp_path / f"{part}_pile_loss_1m.csv", ["index", *(f"metric/the_pile_{name}_val_loss" for name in names)], [[i, *losses[i, columns]] for i in order]
        )
    _, shares, losses = laws_regmix.read_set(tmp_path, "test", "1m", ("a", "b", "c"))
    assert np.corrcoef(shares[:, 0], losses["a"])[0, 1] < -0.99
    figures = {figure.key: figure.ours for figure in laws_regmix.measure(tmp_path)}
    assert figures["regmix_1m"] > 80
    assert figures["linear_1m"] > 95
    with pytest.raises(SystemExit, match=r"no train_mixture_1m\.csv"):
        laws_regmix.measure(tmp_path / "elsewhere")


@pytest.mark.slow
def test_last_line_is_json_with_the_published_numbers_beside_ours(tmp_path):
    curves(tmp_path / "ct.csv")
    done = subprocess.run([sys.executable, "-m", "benchmarks.laws", "--ct", str(tmp_path / "ct.csv")], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert {"critical_share", "ct_heldout", "cmr_t100", "cmr_25", "dcpt_crossing", "lr_heldout"} <= set(result["ours"])
    assert not {"regmix_1m", "sizes_heldout"} & set(result["ours"])
    assert result["agreement"] == 1.0

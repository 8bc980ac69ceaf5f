from eval.report.figures import evaluations, mix_shares, run_curves

COLORS = {"domain": "#111111", "general": "#222222"}
CURVE = {"step": [1, 2], "raw": [3.0, 2.0], "smooth": [3.0, 2.5]}
RUN = {"name": "r", "loss_by_source": {"general": CURVE}, "learning_rate": {"step": [1, 2], "lr": [0.1, 0.2]}, "bits_per_byte": {}}


def test_a_source_has_its_colour_in_every_plot_whatever_stands_beside_it():
    mix = {"name": "m", "sources": [{"name": name, "asked": 0.5, "got": 0.5, "seen": None} for name in ("general", "domain")]}
    assert all(color in mix_shares([mix], COLORS) for color in COLORS.values())
    (curves,) = run_curves([RUN], COLORS)
    assert COLORS["general"] in curves and COLORS["domain"] not in curves
    evaluated = evaluations([RUN | {"bits_per_byte": {"domain": {"step": [1], "value": [1.5]}}}], COLORS)
    assert COLORS["domain"] in evaluated and COLORS["general"] not in evaluated


def test_runs_that_were_not_evaluated_have_no_plot():
    assert evaluations([RUN], COLORS) == ""

from eval.report.figures import headline, mix_shares, run_curves
from eval.report.sections import Colors
from shards.page.colors import model_colors
from tests.eval import synthetic

COLORS = {"domain": "#111111", "general": "#222222"}
CURVE = {"step": [1, 2], "raw": [3.0, 2.0], "smooth": [3.0, 2.5]}
RUN = {"name": "r", "loss_by_source": {"general": CURVE}, "learning_rate": {"step": [1, 2], "lr": [0.1, 0.2]}}


def test_a_source_has_its_colour_in_every_plot_whatever_stands_beside_it():
    mix = {"name": "m", "sources": [{"name": name, "asked": 0.5, "got": 0.5, "seen": None} for name in ("general", "domain")]}
    assert all(color in mix_shares([mix], COLORS) for color in COLORS.values())
    (curves,) = run_curves([RUN], COLORS)
    assert COLORS["general"] in curves and COLORS["domain"] not in curves


def content_of(n_models: int, n_domains: int) -> dict:
    domains = {f"d{index}": "gain" if index < n_domains / 2 else "retain" for index in range(n_domains)}
    changes = [[synthetic.difference(f"m{model}", "base", name, role, -0.1, 0.01) for name, role in domains.items()] for model in range(n_models)]
    models = [{"model": f"m{model}", "changes": changes[model]} for model in range(n_models)]
    return {"headline": {"baseline": "base", "models": models}, "suggestions": [], "provenance": {"settings": {"tolerance": 0.01}}}


def test_plots_grow_with_the_domains_and_not_with_their_pairs():
    colors = Colors({}, model_colors(["m0", "m1"]) | {"base": "#1f2933"})
    few, many = headline(content_of(2, 4), colors), headline(content_of(2, 8), colors)
    assert len(few["plane"]) == 4 and few["changes"] == []
    assert many["plane"] == [] and len(many["changes"]) == 8
    assert few["marks"] == {"base": "●", "m0": "■", "m1": "◆"}

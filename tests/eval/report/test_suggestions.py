import re

import pytest

from eval.errors import EvalError
from eval.report.recipe import ReportRecipe
from eval.report.write import write_report
from shards.page.colors import model_colors
from tests.eval import synthetic
from tests.records import edit


def domain(name: str, base: float | None, value: float, half: float, unit: str = "bits per byte") -> dict:
    return {"name": name, "unit": unit, "base": base, "predicted": {"value": value, "low": value - half, "high": value + half}}


@pytest.fixture
def suggested(fields, tmp_path):
    """Fields of a report with one suggestion, of the name of a model."""
    domains = [domain("domain", 1.812, 1.390, 0.012), domain("general", 1.402, 1.430, 0.02), domain("elsewhere", 2.0, 1.9, 0.1)]
    content = {"format": 1, "status": "provisional", "shares": {"general": 0.3, "domain": 0.7}, "domains": domains}
    synthetic.write_json(tmp_path / "suggest" / "suggestion.json", content)
    return fields | {"suggestions": {"replay": str(tmp_path / "suggest")}}


def html_of(fields: dict) -> str:
    page, _ = write_report(ReportRecipe.model_validate(fields))
    return page.read_text()


def test_a_suggestion_stands_beside_the_observed_models_in_plot_and_text(suggested, fields):
    without = html_of(fields)
    html = html_of(suggested)
    (before, _), (after, _) = (re.findall(r'aria-label="gain on domain against.*?</svg>', page, re.DOTALL) for page in (without, html))
    assert "</b>replay, predicted" in html and "replay, predicted" not in without and "stroke-dasharray" in after and "stroke-dasharray" not in before
    sentence = (
        "Suggested as replay, provisional: 30.0% general and 70.0% domain. Predicted for one run: 1.812 → 1.390 bits per byte on domain (95% interval 1.378 to "
        "1.402) and 1.402 → 1.430 bits per byte on general (95% interval 1.410 to 1.450)."
    )
    assert sentence in html and "elsewhere" not in html and "Suggested as" not in without


def test_a_suggestion_has_the_colour_of_the_model_of_its_name(suggested, fields):
    def n_uses(content: dict) -> int:
        plot, _ = re.findall(r'aria-label="gain on domain against.*?</svg>', html_of(content), re.DOTALL)
        return plot.count(model_colors(["replay"])["replay"])

    other = suggested | {"suggestions": {"other": suggested["suggestions"]["replay"]}}
    assert n_uses(suggested) > n_uses(other) == n_uses(fields)


def test_another_base_model_is_a_caveat(suggested, tmp_path):
    edit(tmp_path / "suggest" / "suggestion.json", lambda content: content["domains"].__setitem__(0, domain("domain", 1.9, 1.39, 0.01)))
    assert "replay was suggested for a base model with 1.9000 bits per byte on domain; the baseline here has 1.8120." in html_of(suggested)


@pytest.mark.parametrize(
    "domains, said",
    [
        ([domain("domain", 3.0, 2.0, 0.1, "nats a token")], "predicts domain in nats a token, and a report compares bits per byte"),
        ([domain("law", 3.0, 2.0, 0.1)], "suggestions.replay: it predicts law, and the scores are of domain and general"),
        ([domain("domain", None, 2.0, 0.1)], "suggestions.replay: it knows no base loss of domain"),
        ([domain("domain", 3.0, 2.0, -0.1)], "not an interval around its value"),
        ([], "domains"),
    ],
)
def test_a_suggestion_that_cannot_be_compared_is_refused(suggested, tmp_path, domains, said):
    edit(tmp_path / "suggest" / "suggestion.json", lambda content: content.update(domains=domains))
    with pytest.raises(EvalError, match=re.escape(said)) as refusal:
        html_of(suggested)
    assert str(refusal.value).startswith("suggestions.replay: ") and "\n" not in str(refusal.value)


def test_a_folder_without_a_suggestion_is_refused(fields, tmp_path):
    with pytest.raises(EvalError, match=r"suggestions\.x: no suggestion\.json in .*; give the output folder of a finished `mix suggest`"):
        html_of(fields | {"suggestions": {"x": str(tmp_path / "nowhere")}})

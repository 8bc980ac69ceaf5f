import pytest

from eval.report import over_steps as module
from eval.report.over_steps import gap_words, last_decay, over_steps, stability_gaps
from eval.report.recipe import ReportRecipe
from eval.report.write import write_report
from tests.eval import synthetic


def point(step, value, base, half=0.01, verdict="undetectable"):
    delta = value - base
    row = {"step": step, "tokens": 100 * step, "value": value, "delta": delta, "low": delta - half, "high": delta + half, "standard_error": half / 2}
    return row | {"minimum_detectable": half, "p_value": 0.5, "adjusted_p": 0.5, "verdict": verdict, "of": "checkpoint"}


def watched(values, base=1.4, verdicts=None, kind="domain", name="general", metric="bits_per_byte"):
    points = [point(10 * (index + 1), value, base, verdict=(verdicts or {}).get(index, "undetectable")) for index, value in enumerate(values)]
    curve = {"kind": kind, "name": name, "metric": metric, "role": None, "base": base, "points": points}
    head = {"format": 1, "run": {"name": "r", "folder": "f", "recipe_hash": ""}, "identity": "", "baseline": "base", "finished": True, "recipe": {}}
    rates = [(step, 0.1 * min(1, (40 - step) / 10)) for step in range(1, 41)]
    return head | {"learning_rate": rates, "steps": [], "curves": [curve], "skipped": [{"step": 15, "why": "it was deleted"}]}


@pytest.mark.parametrize(
    "rates, step",
    [
        ([1, 2, 2, 2, 1, 0.5], 5),
        ([1, 0.5, 2, 1.5, 1], 4),
        ([3, 2, 1], 2),
        ([1, 2, 2], None),
        ([1, 2], None),
        ([1], None),
        ([2, 1], 2),
    ],
)
def test_the_annealing_begins_after_the_last_step_that_did_not_fall(rates, step):
    assert last_decay(list(enumerate(rates, 1))) == step


def test_a_stability_gap_is_a_sure_loss_that_is_partly_recovered():
    def gaps(*args, **options):
        return over_steps({}, {"m": watched(*args, **options)})["gaps"]

    (gap,) = gaps([1.5, 1.7, 1.43], verdicts={1: "worse"})
    assert (gap["step"], gap["last_step"]) == (20, 30) and gap["lost"] == pytest.approx(0.3) and gap["lost_at_end"] == pytest.approx(0.03)
    assert gap_words(gap) == "m was up to 0.300 bits per byte worse than the base model on general, at step 20, and is 0.030 worse at step 30."
    assert not gaps([1.5, 1.7, 1.43]), "the loss is not sure"
    assert not gaps([1.5, 1.7, 1.695], verdicts={1: "worse"}), "the recovery is within the interval"
    assert not gaps([1.3, 1.2, 1.35], verdicts={0: "better"}), "never worse"
    (gap,) = gaps([0.5, 0.3, 0.6], base=0.5, verdicts={1: "worse"}, kind="task", name="qa", metric="acc")
    assert gap["step"] == 20 and "is no worse than the base model" in gap_words(gap)


def test_scores_in_training_have_a_gap_only_over_a_known_base():
    def steps(base):
        lines = [{"step": step, "lr": 0.1, "answer_bits": {"qa": value}} for step, value in ((1, 2.0), (2, 3.0), (3, 1.9))]
        return [lines[0] | ({"base_answer_bits": {"qa": base}} if base else {}), *lines[1:]]

    assert stability_gaps(over_steps({"r": steps(None)}, {})["panels"][0]) == []
    (gap,) = over_steps({"r": steps(2.0)}, {})["gaps"]
    assert "(scores in training, without intervals)" in gap_words(gap) and gap["task"] == "qa"


def test_nothing_over_steps_gives_no_section():
    assert over_steps({"r": [{"step": 1, "lr": 0.1}]}, {}) is None


def test_the_page_shows_checkpoints_and_scores_in_training_in_one_plot(fields, tmp_path):
    synthetic.write_json(tmp_path / "watch" / "watch.json", watched([1.5, 1.7, 1.43], verdicts={1: "worse"}))
    metrics = tmp_path / "train" / "replay" / "metrics.jsonl"
    lines = metrics.read_text().splitlines()
    lines[9] = lines[9][:-1] + ', "bits_per_byte": {"general": 1.45}, "answer_bits": {"qa": 2.0}}'
    metrics.write_text("\n".join(lines) + "\n")
    page, _ = write_report(ReportRecipe.model_validate(fields | {"watch": {"replay": str(tmp_path / "watch")}}))
    html = page.read_text()
    assert 'id="steps"' in html and "replay was up to 0.300 bits per byte worse than the base model on general" in html
    assert "replay, step 15: not scored, because it was deleted." in html
    assert html.count("over the steps of training, a line for each model") >= 2


def test_every_panel_is_painted_with_its_annealing(monkeypatch):
    lines = []
    monkeypatch.setattr("matplotlib.axes.Axes.axvline", lambda self, x, **options: lines.append(x))
    content = {"over_steps": over_steps({}, {"m": watched([1.5, 1.6])})}
    assert len(module.plots(content, {"m": "#123456"})) == 1 and set(lines) == {31}

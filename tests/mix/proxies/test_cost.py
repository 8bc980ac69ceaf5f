import pytest

from mix.proxies.cost import costs, show_costs
from mix.proxies.recipe import ProxiesRecipe
from mix.proxies.run import entry_of, plan
from tests.mix.proxies.home import values


@pytest.fixture
def planned(home, tmp_path):
    def make(**changes):
        return plan(ProxiesRecipe.model_validate(values(home, tmp_path / "out", kinds=["trained", "merged"], **changes)))

    return make


def enter(planned, seconds, **changes):
    """Enter runs as done in one start, with these seconds."""
    entries = {}
    for run in planned.runs:
        if run.name in seconds:
            state = {"status": "done", "done": run.keys, "starts": 1, "seconds": {"all": seconds[run.name]}}
            entries[run.name] = entry_of(run).model_copy(update=state | changes)
    planned.ledger.add(entries)


def test_a_dry_run_counts_runs_and_tokens_and_writes_nothing(planned, tmp_path):
    found = costs(planned())
    assert (found["runs"], found["runs_left"], found["tokens"], found["tokens_left"]) == (7, 7, 16_000, 16_000)
    assert found["hours"] is None and not (tmp_path / "out").exists()
    assert [row["state"] for row in found["list"]] == ["planned"] * 7


def test_hours_come_from_a_given_speed_or_from_finished_runs(planned):
    assert costs(planned(tokens_per_second=2, workers=2))["hours"] == pytest.approx(16_000 / 2 / 3600 / 2)
    made = planned(workers=2)
    enter(made, {"even100": 30.0})
    assert costs(made)["hours"] is None  # nothing is known of merging
    enter(made, {"merged-even100": 10.0})
    found = costs(made)
    assert found["runs_left"] == 5 and found["tokens_left"] == 12_000
    assert found["hours"] == pytest.approx((3 * 30 + 2 * 10) / 3600 / 2)


def test_runs_that_were_interrupted_do_not_count_for_the_speed(planned):
    made = planned()
    enter(made, {"even100": 1.0, "merged-even100": 1.0}, starts=2)
    assert costs(made)["hours"] is None and costs(made)["runs_left"] == 5


def test_costs_are_shown_with_what_is_left(planned, capsys):
    made = planned()
    enter(made, {"even100": 36.0, "merged-even100": 0.0})
    show_costs(costs(made))
    shown = capsys.readouterr().out
    assert "7, of which 5 are left" in shown and "12,000 to train on" in shown and "0.03 (all steps, as" in shown

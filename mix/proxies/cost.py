"""What the runs of a recipe cost: how many, tokens, hours."""

from collections.abc import Mapping, Sequence
from typing import Any

from mix.proxies.ledger import Entry
from mix.proxies.plan import Run
from mix.proxies.run import Plan
from shards.console import print_table, summary

_MOST_SHOWN = 40


def costs(planned: Plan) -> dict[str, Any]:
    """Runs, those left to do, tokens and hours as JSON values.

    Hours are those of the runs that are left, with the recipe's number of workers: at `tokens_per_second`, for training alone; or else at the measured
    seconds of runs that went through in one start, all steps counted; null where neither is known.
    """
    entries = planned.ledger.read()
    open_runs = planned.open_runs(entries)
    left = {run.name for run in open_runs}
    rows = [
        {
            "run": run.name,
            "kind": run.proxy.kind,
            "shares": run.proxy.shares,
            "tokens": run.trained_tokens,
            "state": "done" if run.name not in left else entries[run.name].status if run.name in entries else "planned",
        }
        for run in planned.runs
    ]
    hours, basis = _hours(planned, open_runs, entries)
    return {
        "runs": len(planned.runs),
        "runs_left": len(open_runs),
        "tokens": sum(run.trained_tokens for run in planned.runs),
        "tokens_left": sum(run.trained_tokens for run in open_runs),
        "workers": planned.recipe.workers,
        "hours": hours,
        "hours_from": basis,
        "list": rows,
    }


def show_costs(content: dict[str, Any]) -> None:
    """Print `costs`."""
    columns = ("run", "kind", "tokens", "state")
    print_table("Runs", columns, ([row["run"], row["kind"], f"{row['tokens']:,}", row["state"]] for row in content["list"][:_MOST_SHOWN]))
    hidden = len(content["list"]) - _MOST_SHOWN
    hours = "unknown until a run is done; or set tokens_per_second" if content["hours"] is None else f"{content['hours']:,.2f} ({content['hours_from']})"
    lines = {"runs": f"{content['runs']:,}, of which {content['runs_left']:,} are left"} | ({"not listed": f"{hidden:,} runs"} if hidden > 0 else {})
    summary("Nothing was written", lines | {"tokens": f"{content['tokens_left']:,} to train on", "workers": content["workers"], "hours": hours})


def _hours(planned: Plan, runs: Sequence[Run], entries: Mapping[str, Entry]) -> tuple[float | None, str | None]:
    recipe = planned.recipe
    if recipe.tokens_per_second is not None:
        return sum(run.trained_tokens for run in runs) / recipe.tokens_per_second / 3600 / recipe.workers, "training alone, at tokens_per_second"
    known = [entry for entry in entries.values() if entry.status == "done" and entry.starts == 1 and entry.seconds]
    trained = [entry for entry in known if entry.tokens]
    merged = [sum(entry.seconds.values()) for entry in known if not entry.tokens]
    needs_trained, n_merged = sum(run.trained_tokens for run in runs), sum(not run.trained_tokens for run in runs)
    if (needs_trained and not trained) or (n_merged and not merged):
        return None, None
    seconds = 0.0
    if needs_trained:
        seconds += needs_trained * sum(sum(entry.seconds.values()) for entry in trained) / sum(entry.tokens for entry in trained)
    if n_merged:
        seconds += n_merged * sum(merged) / len(merged)
    return seconds / 3600 / recipe.workers, f"all steps, as {len(known)} finished runs took"

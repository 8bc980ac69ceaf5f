"""Prints a plan on the terminal."""

from itertools import groupby
from typing import Any

from shards import console
from train.plan.gpus import GIB


def show(content: dict[str, Any]) -> None:
    """Print a plan that `train.plan.plan.plan` returned."""
    console.summary(f"Plan of {content['name']}", _facts(content))
    if content["stages"]:
        sources = list(content["stages"][0]["tokens"])
        console.show_text("\nTokens by source, and epochs of it")
        console.print_table(
            "",
            ["stage", "from step", *sources],
            ([stage["name"], f"{stage['first_step']:,}", *_by_source(stage)] for stage in content["stages"]),
        )
    memory, device = content["memory"], content["hardware"]
    rows = [(name, f"{n_bytes / GIB:.2f}") for name, n_bytes in memory["parts"].items()]
    console.show_text(f"\nMemory on each of {device['n_devices']} x {device['name']}")
    console.print_table("", ["part", "GiB"], [*rows, ("peak", f"{memory['total'] / GIB:.2f}")])
    if "remedies" in memory:
        console.show_text("\nIt would fit with one of these; the first leave the result the same up to rounding")
        remedies = [(", ".join(remedy["changes"]), f"{remedy['devices']}", f"{remedy['total'] / GIB:.1f}") for remedy in memory["remedies"]]
        console.print_table("", ["changes", "devices", "GiB on each"], remedies)
    points = [(f"{int(step):,}", f"{rate:.3g}") for step, rate in content["learning_rate"]["points"].items()]
    console.show_text(f"\nLearning rate  {content['learning_rate']['curve']}")
    console.print_table("", ["step", "rate"], points)


def _facts(content: dict[str, Any]) -> dict[str, str]:
    parameters, rows, flops, on, time = (content[name] for name in ("parameters", "rows", "flops", "hardware", "time"))
    by_part = ", ".join(f"{name} {_short(count)}" for name, count in parameters["by_part"].items())
    facts = {
        "parameters": f"{_short(parameters['total'])}, trained {_short(parameters['trainable'])} ({by_part})",
        "steps": f"{rows['steps']:,} of {_short(rows['tokens_per_step'])} tokens, {_short(rows['tokens'])} in total" + _last_step(rows),
        "row": f"{_row_length(content)}, {rows['documents_per_row']:.1f} documents with a median of {rows['median_document_tokens']:,} tokens, "
        f"{rows['padding']:.2%} padding (of {rows['sampled_rows']:,} rows)",
        "FLOPs": f"{flops['causal']:.3g} causal with these documents, {flops['full']:.3g} full; {flops['causal_per_token'] / 1e9:.4g} and "
        f"{flops['full_per_token'] / 1e9:.4g} G per token",
    }
    if time["hours"] is None:
        facts["time"] = f"unknown: no bfloat16 peak is known for {on['name']}; name a GPU with --gpu"
    else:
        cost = f", costs {time['cost']:,.2f}" if time["cost"] is not None else ""
        facts["time"] = f"{time['hours']:,.2f} hours at {on['mfu']:.0%} MFU (full) of {on['n_devices']} x {on['tflops']:,} TFLOP/s{cost}"
    memory = content["memory"]
    facts["memory"] = f"{memory['total'] / GIB:.1f} of {memory['available'] / GIB:.1f} GiB"
    if "largest_micro_batch_rows" in memory:
        facts["memory"] += f"; fits, up to micro_batch_rows: {memory['largest_micro_batch_rows']}"
    return facts


def _last_step(rows: dict[str, Any]) -> str:
    return f"; the last step has {rows['last_step_rows']:,} of {rows['step_rows']:,} rows" if rows["last_step_rows"] < rows["step_rows"] else ""


def _row_length(content: dict[str, Any]) -> str:
    """Tokens per row, in the order of the run, and those of a step where they change with the length."""
    stages = content["stages"]
    lengths = [row_tokens for row_tokens, _ in groupby(stage["row_tokens"] for stage in stages)] or [content["rows"]["row_tokens"]]
    words = ", then ".join(f"{row_tokens:,}" for row_tokens in lengths) + " tokens"
    steps = [tokens for tokens, _ in groupby(stage["step_tokens"] for stage in stages)]
    if len(set(lengths)) > 1 and len(set(steps)) > 1:
        words += f" (a step has {', then '.join(_short(tokens) for tokens in steps)}; batch_rows by stage would keep its size)"
    return words


def _by_source(stage: dict[str, Any]) -> list[str]:
    return [f"{_short(tokens)} ({stage['epochs'][name]:.2f})" if tokens else "" for name, tokens in stage["tokens"].items()]


def _short(number: float) -> str:
    """Three digits and a unit: 1,235,814,400 → 1.24B."""
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:,}"

"""The `train` command. `train RECIPE.yaml` is short for `train run RECIPE.yaml`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from shards import console
from shards.amounts import tokens_given_as


class _RunByDefault(TyperGroup):
    """A group whose first argument is a recipe unless it is the name of a command."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] in ("--help", "-h"))
        return super().parse_args(context, args if known or not args else ["run", *args])


app = console.new_app("Continue the pre-training of a Hugging Face causal language model on a mix.", cls=_RunByDefault)


@app.command("run")
def run_command(
    recipe: console.RecipeArgument,
    out: console.OutOption = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Processes on this machine; default: one per GPU. Over several nodes, use torchrun.")] = None,
    set_: console.SetOption = None,
) -> None:
    """Train, or resume a stopped or killed run from its last checkpoint. `train RECIPE.yaml` does the same."""
    from shards.recipe import load_recipe
    from train.recipe import TrainRecipe

    loaded = load_recipe(recipe, TrainRecipe, set_, {"out": out})
    from train.devices.launch import end_with_launcher, launch, processes_for

    end_with_launcher()
    n_processes = processes_for(loaded, processes)
    if n_processes > 1:
        return launch(loaded, n_processes, _repeated(recipe, out, set_))
    from train.run import run

    outcome = run(loaded)
    console.summary(*outcome.summary())
    if outcome.signal_name is not None:
        from shards.signals import exit_by

        exit_by(outcome.signal_name)


def _repeated(recipe: Path, out: Path | None, set_: list[str] | None) -> list[str]:
    """Arguments of `train` that run the same recipe in another process."""
    options = [part for setting in set_ or () for part in ("--set", setting)] + (["--out", str(out)] if out is not None else [])
    return ["run", str(recipe), *options, *console.common_options()]


@app.command("plan")
def plan_command(
    recipe: console.RecipeArgument,
    gpus: Annotated[int | None, typer.Option(help="Number of GPUs; default: 1 of the named GPU, or all of this machine.")] = None,
    gpu: Annotated[str | None, typer.Option(help="GPU to plan for, e.g. h100; default: this machine's GPU, or its CPU.")] = None,
    mfu: Annotated[float, typer.Option(help="Share of the GPU's peak that you expect the run to reach (6N + 12LDS convention).")] = 0.4,
    price: Annotated[float | None, typer.Option(help="Price of one GPU hour.")] = None,
    memory_gib: Annotated[float | None, typer.Option(help="Memory of one GPU in GiB; overrides the table.")] = None,
    tflops: Annotated[float | None, typer.Option(help="Dense bfloat16 peak of one GPU; overrides the table.")] = None,
    row_tokens: Annotated[str | None, typer.Option(help="Plan without a mix: tokens per row.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Plan without a mix: total tokens, e.g. 2B.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    set_: console.SetOption = None,
) -> None:
    """Estimate what a run needs before you pay for it: memory, steps, epochs, FLOPs, hours, learning rates. Needs no weights and no GPU."""
    from shards.recipe import load_recipe
    from train.recipe import TrainRecipe

    loaded = load_recipe(recipe, TrainRecipe, set_)
    from train.plan.plan import hardware, plan, refuse_what_does_not_fit
    from train.plan.show import show

    sizes = tokens_given_as("--row-tokens", row_tokens), tokens_given_as("--tokens", tokens)
    content = plan(loaded, hardware(gpu, gpus, mfu, price, memory_gib, tflops), *sizes)
    console.show_or_dump(content, show, as_json=as_json)
    refuse_what_does_not_fit(content)


@app.command("init")
def init_command(
    config: Annotated[Path, typer.Argument(help="Model configuration (YAML or JSON) with the keys of transformers' config.json.")],
    tokenizer: Annotated[Path, typer.Option(help="Folder with tokenizer.json.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    seed: Annotated[int, typer.Option(help="Seed of the random weights.")] = 0,
) -> None:
    """Make a new model with random weights."""
    from train.initialize import initialize

    n_parameters = initialize(config, tokenizer, out, seed=seed)
    console.summary("Model made", {"parameters": f"{n_parameters:,}", "written to": out})


@app.command("expand")
def expand_command(
    model: Annotated[str, typer.Argument(help="Folder or hub id of a Hugging Face model.")],
    blocks: Annotated[int, typer.Option(min=1, help="New layers, at most as many as the model has; spread evenly.")],
    out: Annotated[Path, typer.Option(help="Folder to write the larger model to.")],
) -> None:
    """Add layers that change nothing at first (block expansion, LLaMA Pro). In a training recipe, write `adapt: {expand: {blocks: N}}` instead."""
    from train.adapt.export import expand_model

    names = [f"layers[{number}]" for number in expand_model(model, blocks, out)]
    console.summary("Expanded", {"new layers": ", ".join(names), "train them with": f"adapt: {{train: {json.dumps(names)}}}", "written to": out})


@app.command("merge")
def merge_command(
    recipe: Annotated[Path | None, typer.Argument(help="Merge recipe (YAML); or give --method and --model.")] = None,
    method: Annotated[
        str | None,
        typer.Option(help="linear, slerp, karcher, task_arithmetic, ties, dare, dare_ties, della, della_linear, model_stock, residual or lep."),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Folder of a model to merge; repeat for each model.")] = None,
    base: Annotated[str | None, typer.Option(help="Folder of the model that the others were trained from.")] = None,
    instruct: Annotated[str | None, typer.Option(help="residual, lep: folder of the instruct model trained from that base.")] = None,
    out: console.OutOption = None,
    set_: console.SetOption = None,
) -> None:
    """Merge models of one architecture: soups, means, task vectors, the instruction residual, or an adapted model's embeddings in an instruct model."""
    from shards.recipe import build_recipe, load_recipe
    from train.merge.recipe import MergeRecipe

    options = {"method": method, "models": model, "base": base, "instruct": instruct, "out": out}
    loaded = load_recipe(recipe, MergeRecipe, set_, options) if recipe else build_recipe({}, MergeRecipe, "train merge", set_, options)
    from train.merge.run import merge

    merged = merge(loaded)
    console.summary("Merged", {"method": loaded.method, "tensors": f"{merged.n_tensors:,}", "MB": f"{merged.n_bytes / 1e6:,.1f}", "written to": merged.out})


@app.command("push")
def push_command(
    folder: Annotated[Path, typer.Argument(help="Folder to upload: OUT/model, OUT/adapter, a checkpoint, or any model folder.")],
    repo: Annotated[str, typer.Argument(help="Repository on the hub: owner/name. It is made if it does not exist.")],
    revision: Annotated[str | None, typer.Option(help="Branch, made if it does not exist; default: main.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public. Without this it is private.")] = False,
    message: Annotated[str | None, typer.Option(help="Commit message.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the folder and list its files, but send nothing.")] = False,
) -> None:
    """Upload a model to the Hugging Face hub. If it is interrupted, the same command goes on where it stopped."""
    from train.push import push

    pushed = push(folder, repo, revision=revision, public=public, message=message, dry_run=dry_run)
    lines = {"files": ", ".join(pushed.files), "MB": f"{pushed.n_bytes / 1e6:,.1f}"}
    new = {"branch": revision or "main", "if it is new": "public" if public else "private"}
    console.summary("Pushed" if pushed.url else "Would push", lines | ({"to": pushed.url} if pushed.url else {"to": repo} | new))


def main() -> None:
    """Entry point of the command `train`."""
    console.main(app)

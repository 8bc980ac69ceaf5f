"""Recipe of `evaluate report`."""

from pathlib import Path

from pydantic import Field

from shards.recipe import Recipe


class ReportRecipe(Recipe):
    """The content of one report. Everything except the scores is optional; the page omits sections without input."""

    title: str
    """Title of the report."""
    base: str = ""
    """One sentence about the base model."""
    intro: str = ""
    """A few sentences about what was done and why."""
    scores: Path
    """Output folder of `evaluate run`."""
    tasks: Path | None = None
    """Output folder of `evaluate tasks`."""
    curate: dict[str, Path] = {}
    """Output folders of `curate run`, by name of the corpus."""
    mixes: dict[str, Path] = {}
    """Output folders of `mix build`, by name of the model trained on them."""
    runs: dict[str, Path] = {}
    """Output folders of `train`, by name of the model."""
    watch: dict[str, Path] = {}
    """Output folders of `evaluate watch`, by name of the model: curves over the steps of its training."""
    suggestions: dict[str, Path] = {}
    """Output folders of `mix suggest`, by the name to show. What they predict is drawn beside what was observed; their losses must be bits per byte."""
    probes: Path | None = None
    """Output folder of `evaluate probes`."""
    reproduce: list[str] = []
    """Commands that reproduce everything in the report."""
    n_examples: int = Field(2, ge=0)
    """Number of example documents shown for each rule that removed some."""
    example_characters: int = Field(600, ge=50)
    """Characters shown of each example."""
    out: Path = Field(exclude=True)
    """The HTML file; report.json is written beside it."""

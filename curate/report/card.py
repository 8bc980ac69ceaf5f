"""`curate card`: a dataset card in Markdown, with the metadata block that dataset hubs read, made from the run's own figures."""

from pathlib import Path
from typing import Any

import jinja2

from curate.report.licences import card_licences
from curate.run_folder import RunFacts, read_run
from shards.derived import write_derived
from shards.yaml_text import dump_yaml

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)
_LEAST_SHARE = 0.01
"""Of the kept documents, for a language to be named in the metadata: identifiers err on some."""


def write_card(out: Path, path: Path | None) -> Path:
    """Write the card of the run in `out`, by default to `out/README.md`. Raises CurateError if the folder holds no finished run."""
    path = path or Path(out) / "README.md"
    write_derived(Path(out), path, render(read_run(out)).encode())
    return path


def render(run: RunFacts) -> str:
    """The card."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"count": lambda n: f"{n:,}", "megabytes": lambda n: f"{n / 1e6:,.1f} MB", "cell": _cell}
    recipe = dump_yaml(run.recipe, width=120).strip()
    metadata = dump_yaml(metadata_of(run)).strip()
    return environment.get_template("card.md.j2").render(report=run.report, recipe=recipe, settings=run.recipe, inputs=run.inputs, metadata=metadata)


def metadata_of(run: RunFacts) -> dict[str, Any]:
    """The YAML block: name, licences, languages, size. Licences that are not given are left out, not guessed."""
    n_kept = run.report["counts"]["kept"]
    languages = [code for code, n in run.report["kept_languages"].items() if code and n >= _LEAST_SHARE * n_kept]
    found = {
        "pretty_name": run.report["name"],
        **card_licences(source["license"] for source in run.inputs),
        "language": languages,
        "size_categories": [next((name for limit, name in _SIZES if n_kept < limit), "n>1B")],
        "task_categories": ["text-generation"],
        "configs": [{"config_name": "default", "data_files": _data_files(run)}],
    }
    return {name: value for name, value in found.items() if value}


def _data_files(run: RunFacts) -> list[dict[str, str]]:
    held_out = [{"split": "test", "path": "held_out/*.arrow"}] if run.report["counts"]["held_out"] else []
    return [{"split": "train", "path": "documents/*.arrow"}, *held_out]


def _cell(text: object) -> str:
    """Text that stays inside a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")

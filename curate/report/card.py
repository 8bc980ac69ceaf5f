"""`curate card`: a dataset card in Markdown, with the metadata block that dataset hubs read, made from the run's own figures."""

from pathlib import Path
from typing import Any

from curate.report.licences import card_licences
from curate.run_folder import RunFacts, read_run
from shards import page
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
_MIN_LANGUAGE_SHARE = 0.01
"""Of the kept documents: identifiers err on a few documents, so rarer languages are not named in the metadata."""


def write_card(out: Path, path: Path | None) -> Path:
    """Write the card of the run in `out`, by default to `out/README.md`. Raises CurateError if the folder holds no finished run."""
    path = path or Path(out) / "README.md"
    write_derived(Path(out), path, render(read_run(out)).encode())
    return path


def render(run: RunFacts) -> str:
    """The card as Markdown."""
    return page.render(
        Path(__file__).parent / "card.md.j2",
        report=run.report,
        recipe=dump_yaml(run.recipe, width=120).strip(),
        settings=run.recipe,
        inputs=run.inputs,
        metadata=dump_yaml(metadata_of(run)).strip(),
        changed={name: n for name, n in run.report["changed"].items() if n},
    )


def metadata_of(run: RunFacts) -> dict[str, Any]:
    """The YAML block: name, licences, languages, size. Licences that are not given are left out, not guessed."""
    n_kept = run.report["counts"]["kept"]
    metadata = {
        "pretty_name": run.report["name"],
        **card_licences(source["license"] for source in run.inputs),
        "language": [code for code, n in run.report["kept_languages"].items() if code and n >= _MIN_LANGUAGE_SHARE * n_kept],
        "size_categories": [next((name for limit, name in _SIZES if n_kept < limit), "n>1B")],
        "task_categories": ["text-generation"],
        "configs": [{"config_name": "default", "data_files": _data_files(run)}],
    }
    return {name: value for name, value in metadata.items() if value}


def _data_files(run: RunFacts) -> list[dict[str, str]]:
    held_out = [{"split": "test", "path": "held_out/*.arrow"}] if run.report["counts"]["held_out"] else []
    return [{"split": "train", "path": "documents/*.arrow"}, *held_out]

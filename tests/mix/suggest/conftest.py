"""Fits and token sets for tests of `mix suggest`, made once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from mix.fit.fit import fit
from mix.fit.recipe import FitRecipe
from mix.suggest.recipe import SuggestRecipe
from mix.suggest.record import read_suggestion
from mix.suggest.run import run
from tests.mix.conftest import write_tokens

SHARES = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75)
BASE = {"general": 1.42, "law": 1.81}


def losses_at(general: float) -> dict[str, float]:
    """True bits per byte at a share of general text: with half of it, general rises by 4.6% over the base."""
    return {"general": 1.40 + 0.42 * np.exp(-3.2 * general), "law": 1.36 + 0.045 * np.exp(2.2 * general)}


def write_table(path: Path, extra: list[tuple[str, float, dict[str, float]]] = (), *, unit: str = "bits", contents: dict[str, str] | None = None) -> Path:
    """A table of runs over two sources, with repeated seeds, the base model, and `extra` runs (name, share of general, losses)."""
    random = np.random.default_rng(3)
    runs = [(f"g{share}-{seed}", share, seed) for share in SHARES for seed in range(3 if share in (0.1, 0.5) else 1)]
    rows = [(name, "trained", seed, share, [value + random.normal(0, 0.003) for value in losses_at(share).values()]) for name, share, seed in runs]
    rows += [(name, "confirmation", 50 + number, share, list(losses.values())) for number, (name, share, losses) in enumerate(extra)]
    hashes = ",".join(f"content.{name}" for name in contents or ())
    lines = [f"run,kind,step,tokens,n_parameters,seed,share.general,share.law,{unit}.general,{unit}.law" + (f",{hashes}" if hashes else "")]
    lines.append(f"base,base,0,,2750000,,,,{BASE['general']},{BASE['law']}" + "," * len(contents or ()))
    tail = "".join(f",{value}" for value in (contents or {}).values())
    lines += [f"{name},{kind},200,2000000,2750000,{seed},{share},{1 - share},{general},{law}{tail}" for name, kind, seed, share, (general, law) in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def fit_table(table: Path, out: Path) -> Path:
    """The folder of a quick fit to a table."""
    recipe = FitRecipe.model_validate({"runs": [str(table)], "laws": ["exponential"], "n_resamples": 20})
    fit(recipe, out)
    return out


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of the table without extra runs."""
    home = tmp_path_factory.mktemp("fitted")
    return fit_table(write_table(home / "runs.csv"), home / "fit")


def asked_for(fitted: Path, out: Path) -> dict[str, object]:
    """A recipe: the law's loss under a budget of 5% for general text."""
    return {"fit": str(fitted), "target": {"law": 1}, "budget": {"max_general_increase": "5%"}, "out": str(out)}


@pytest.fixture
def recipe(fitted: Path, tmp_path: Path) -> Callable[..., SuggestRecipe]:
    """recipe(**changes): as `asked_for`, into `out`."""

    def make(**changes: object) -> SuggestRecipe:
        return SuggestRecipe.model_validate(asked_for(fitted, tmp_path / "out") | changes)

    return make


@pytest.fixture(scope="session")
def token_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tokens sets of 12,000 tokens each."""
    home = tmp_path_factory.mktemp("tokens")
    return {name: write_tokens(home / name, np.full(200, 60), seed=seed) for seed, name in enumerate(("general", "law"))}


def template(tmp_path, token_sets, **changes) -> str:
    """A mix recipe over the token sets, 20,000 tokens; each source holds 12,000."""
    sources = {name: {"tokens": str(folder), "max_epochs": 2} for name, folder in token_sets.items()}
    raw = {"name": "final", "row_tokens": 64, "sources": sources, "tokens": 20_000, "weights": {"general": 1, "law": 1}} | changes
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(raw))
    return str(tmp_path / "template.yaml")


@pytest.fixture(scope="session")
def first(fitted, token_sets, tmp_path_factory):
    """Folder of a suggestion under a budget of 5%, made once."""
    home = tmp_path_factory.mktemp("first")
    run(SuggestRecipe.model_validate(asked_for(fitted, home / "out") | {"mix": template(home, token_sets)}))
    return home


@pytest.fixture
def suggested(first, recipe, tmp_path):
    """The recipe and record of a suggestion under a budget of 5%; its files lie in `out`, the template of its mix in `template.yaml`."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    return recipe(mix=str(tmp_path / "template.yaml")), read_suggestion(tmp_path / "out")

"""Several tables of runs as one: sources are known by name and by the hash of their tokens."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mix.errors import MixError
from mix.runs.clean import clean, clean_rows
from mix.runs.columns import counted, listed, nearest, runs_of
from mix.runs.read import read_columns
from mix.runs.recipe import RunsRecipe
from mix.runs.table import Array, Runs, Unit


def read_all(recipe: RunsRecipe, current: Mapping[str, str] | None = None) -> tuple[Runs, list[str]]:
    """The cleaned table of a recipe's files, and notes for the user.

    `current` is the hash of the tokens that each source has now, where the caller knows it; otherwise the content of a source is that of its last row with
    a known one. Raises MixError for everything that reading and cleaning refuse, for a domain in two units, and if no run of `recipe.kinds` is left.
    """
    tables, notes = [], []
    for path in recipe.runs:
        columns, of_file = read_columns(path)
        runs, of_columns = runs_of(columns, str(path))
        runs, of_rows = clean_rows(runs, str(path))
        tables.append((str(path), runs))
        notes += of_file + of_columns + of_rows
    joined, of_all = joined_runs(tables, recipe, current or {})
    return joined, notes + of_all


def joined_runs(tables: list[tuple[str, Runs]], recipe: RunsRecipe, current: Mapping[str, str]) -> tuple[Runs, list[str]]:
    """As `read_all`, from tables whose rows are clean, each with the name that begins its messages."""
    _check_renames(tables, recipe.rename)
    tables = [(where, _renamed(runs, recipe.rename, where)) for where, runs in tables]
    names, notes = _names_of_contents([runs for _, runs in tables], current)
    tables = [(where, _with_sources(runs, names)) for where, runs in tables]
    runs, of_columns = _stacked(tables)
    where = ", ".join(where for where, _ in tables)
    runs, of_kinds = _of_kinds(runs, recipe, where)
    runs, of_contents = _of_one_content(runs, recipe, current, where)
    runs, of_rows = clean(runs, where)
    return runs, notes + of_columns + of_kinds + of_contents + of_rows


def _check_renames(tables: list[tuple[str, Runs]], rename: Mapping[str, str]) -> None:
    known = list(dict.fromkeys(name for _, runs in tables for name in (*runs.sources, *runs.domains)))
    for old in rename:
        if old not in known:
            raise MixError(f"rename.{old}: no source or domain of that name{nearest(old, known)}")


def _renamed(runs: Runs, rename: Mapping[str, str], where: str) -> Runs:
    domains = tuple(rename.get(name, name) for name in runs.domains)
    twice = sorted({name for name in domains if domains.count(name) > 1})
    if twice:
        raise MixError(f"{where}: rename: two domains would have the name {twice[0]}")
    return replace(_with_sources(runs, rename), domains=domains)


def _with_sources(runs: Runs, names: Mapping[str, str]) -> Runs:
    """The same table with sources under other names; sources that get one name become one, with the sum of their shares."""
    renamed = [names.get(name, name) for name in runs.sources]
    sources = tuple(dict.fromkeys(renamed))
    if len(sources) == len(renamed):
        return replace(runs, sources=sources)
    shares, contents = [], []
    for source in sources:
        columns = [i for i, name in enumerate(renamed) if name == source]
        shares.append(runs.shares[:, columns].sum(axis=1))
        contents.append([_one(row) for row in runs.contents[:, columns].tolist()])
    return replace(runs, sources=sources, shares=np.stack(shares, axis=1), contents=np.array(contents, np.str_).T)


def _one(contents: list[str]) -> str:
    """The content that all known ones agree on, else unknown."""
    known = {content for content in contents if content}
    return known.pop() if len(known) == 1 else ""


def _names_of_contents(tables: list[Runs], current: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """New names of sources whose tokens are those of a source with another name, and notes. The name is that of the current source, else the last one."""
    name_of: dict[str, str] = {}
    of_name: dict[str, set[str]] = {}
    for runs in tables:
        for column, name in enumerate(runs.sources):
            for content in dict.fromkeys(runs.contents[:, column].tolist()):
                if content:
                    name_of[content] = name
                    of_name.setdefault(name, set()).add(content)
    name_of |= {content: name for name, content in current.items() if content in name_of}
    names = {}
    for name, contents in of_name.items():
        others = {name_of[content] for content in contents} - {name}
        if len(others) == 1 and name not in current:
            names[name] = others.pop()
    return names, [f"source {old} has the same tokens as {new} and counts as the same source" for old, new in names.items()]


def _stacked(tables: list[tuple[str, Runs]]) -> tuple[Runs, list[str]]:
    """All rows in one table. A source that a table lacks has share 0 there, a domain is unknown there; both are told."""
    sources = tuple(dict.fromkeys(name for _, runs in tables for name in runs.sources))
    units: dict[str, tuple[Unit, str]] = {}
    for where, runs in tables:
        for name, unit in zip(runs.domains, runs.units, strict=True):
            first_unit, first = units.setdefault(name, (unit, where))
            if first_unit != unit:
                raise MixError(f"{name}: losses in {first_unit} in {first}, in {unit} in {where}; give all in one unit, or rename one")
    notes = _absent("source", "its share is 0", [(where, runs.sources) for where, runs in tables])
    notes += _absent("domain", "its loss is unknown", [(where, runs.domains) for where, runs in tables])
    parts = [runs for _, runs in tables]
    numbers = dict.fromkeys(name for runs in parts for name in runs.numbers)
    stacked = Runs(
        run=tuple(name for runs in parts for name in runs.run),
        kind=tuple(name for runs in parts for name in runs.kind),
        tokenizer=tuple(name for runs in parts for name in runs.tokenizer),
        numbers={name: np.concatenate([runs.number(name) for runs in parts]) for name in numbers},
        sources=sources,
        shares=np.concatenate([_placed(runs.shares, runs.sources, sources, 0.0) for runs in parts]),
        domains=tuple(units),
        losses=np.concatenate([_placed(runs.losses, runs.domains, tuple(units), np.nan) for runs in parts]),
        units=tuple(unit for unit, _ in units.values()),
        contents=np.concatenate([_placed_contents(runs, sources) for runs in parts]),
    )
    base = stacked.is_base
    stacked.shares[base] = np.nan
    return stacked, notes


def _absent(noun: str, meaning: str, names: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Notes on names that some tables lack."""
    notes = []
    for name in dict.fromkeys(name for _, held in names for name in held):
        holders, lacking = [where for where, held in names if name in held], [where for where, held in names if name not in held]
        if lacking:
            notes.append(f"{noun} {name}: in {listed(holders)} only; {meaning} in {listed(lacking)}; if it has another name there, set rename")
    return notes


def _placed(values: Array, names: tuple[str, ...], wanted: tuple[str, ...], absent: float) -> Array:
    """float64[n, k] with the columns `wanted`, from values with the columns `names`."""
    placed = np.full((len(values), len(wanted)), absent)
    placed[:, [wanted.index(name) for name in names]] = values
    return placed


def _placed_contents(runs: Runs, sources: tuple[str, ...]) -> np.ndarray:
    rows = [dict(zip(runs.sources, row, strict=True)) for row in runs.contents.tolist()]
    return np.array([[row.get(name, "") for name in sources] for row in rows], np.str_).reshape(len(runs), len(sources))


def _of_kinds(runs: Runs, recipe: RunsRecipe, where: str) -> tuple[Runs, list[str]]:
    used = np.array([kind in (*recipe.kinds, "base") for kind in runs.kind], bool)
    left_out = list(dict.fromkeys(kind for kind, keep in zip(runs.kind, used, strict=True) if not keep))
    if not (used & ~runs.is_base).any():
        raise MixError(f"{where}: no run of kind {' or '.join(recipe.kinds)}" + (f"; set kinds: [{', '.join(left_out)}]" if left_out else ""))
    notes = [f"{counted(int((~used).sum()), 'row')} of kind {' and '.join(left_out)} left out; set kinds to use them"] if left_out else []
    return runs.take(used), notes


def _of_one_content(runs: Runs, recipe: RunsRecipe, current: Mapping[str, str], where: str) -> tuple[Runs, list[str]]:
    """The rows whose sources have the content that they have now; rows with share 0 of a changed source stay."""
    outdated, notes = np.zeros(len(runs), bool), []
    for column, name in enumerate(runs.sources):
        contents = runs.contents[:, column]
        known = [content for content in contents.tolist() if content]
        now = current.get(name) or (known[-1] if known else "")
        other = (contents != "") & (contents != now) & (np.nan_to_num(runs.shares[:, column]) > 0) if now else np.zeros(len(runs), bool)
        if not other.any():
            continue
        named = counted(len({run for run, is_other in zip(runs.run, other, strict=True) if is_other}), "run")
        if recipe.content == "ignore":
            notes.append(f"source {name}: its tokens have changed since {named}, used all the same (content: ignore)")
            continue
        outdated |= other
        notes.append(f"source {name}: its tokens have changed since {named}, left out; set content: ignore to use them")
    if (outdated | runs.is_base).all() and outdated.any():
        raise MixError(f"{where}: every run was trained on older content of a source ({'; '.join(notes)})")
    return runs.take(~outdated), notes

"""What a fit knows: its cleaned table of runs, and the evidence on each domain's loss."""

from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from mix.errors import MixError
from mix.fit.record import RUNS_NAME, Fit, read_fit
from mix.laws.law import Evidence
from mix.runs.columns import nearest
from mix.runs.evidence import evidence_of
from mix.runs.read import read_runs
from mix.runs.table import Runs, Unit
from mix.suggest.record import EvidenceRecord


@dataclass(frozen=True)
class Known:
    """The table of a fit, with all steps of its runs."""

    fit: Fit
    table: Runs

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources of the table."""
        return self.table.sources

    @property
    def units(self) -> dict[str, Unit]:
        """Unit of each domain's loss."""
        return dict(zip(self.table.domains, self.table.units, strict=True))

    @property
    def contents(self) -> dict[str, str]:
        """Content hash by source, "" where it is unknown."""
        return dict(zip(self.fit.table.sources, self.fit.table.contents, strict=True))

    @cached_property
    def evidence(self) -> dict[str, Evidence]:
        """By domain, at all steps of its runs."""
        return {name: replace(evidence_of(self.table, name, last=False), source=self._source(facts.source)) for name, facts in self.fit.domains.items()}

    @cached_property
    def run_names(self) -> list[str]:
        """Names of all runs but the base model."""
        return list(dict.fromkeys(self.table.take(~self.table.is_base).run))

    def runs(self, tokens: int | None) -> Runs:
        """One row for each run: its last step, or that with the number of tokens nearest to `tokens`."""
        runs = self.table.take(~self.table.is_base)
        if tokens is None:
            return runs.last_steps()
        distance = np.nan_to_num(np.abs(runs.number("tokens") - tokens), nan=np.inf)
        nearest_row: dict[str, int] = {}
        for row, name in enumerate(runs.run):
            if name not in nearest_row or distance[row] < distance[nearest_row[name]]:
                nearest_row[name] = row
        return runs.take(list(nearest_row.values()))

    def record(self, tokens: int | None) -> EvidenceRecord:
        """The runs, by name."""
        runs = self.runs(tokens)
        return EvidenceRecord(table=self.fit.table.checksum, runs=list(runs.run), ratios=len(np.unique(runs.shares.round(4), axis=0)))

    def refuse_unknown_domain(self, name: str, key: str) -> None:
        """Raise MixError, which begins with `key`, for a domain without losses."""
        if name not in self.fit.domains:
            raise MixError(f"{key}: the fit has no losses of {name}{nearest(name, list(self.fit.domains))}")

    def only(self, names: Container[str]) -> "Known":
        """The same with only these runs, and the base model."""
        kept = [base or name in names for base, name in zip(self.table.is_base.tolist(), self.table.run, strict=True)]
        return Known(self.fit, self.table.take(np.array(kept, bool)))

    def _source(self, name: str | None) -> int | None:
        return self.sources.index(name) if name is not None and name in self.sources else None


def read_known(folder: Path) -> Known:
    """What the fit in `folder` knows. Raises MixError for a folder without a readable fit."""
    fit = read_fit(folder)
    return Known(fit, read_runs(Path(folder) / RUNS_NAME)[0])

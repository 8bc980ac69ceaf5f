"""From outputs of `train`, `evaluate run` and `mix proxies` to a table of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mix.errors import MixError
from mix.runs.bases import Bases
from mix.runs.clean import clean, clean_rows
from mix.runs.columns import counted, listed, runs_of
from mix.runs.join import joined_runs
from mix.runs.olmix import is_pair
from mix.runs.outputs import Evaluation, MixOutput, Outputs, TrainOutput, find_outputs
from mix.runs.proxy import Proxy
from mix.runs.read import read_runs
from mix.runs.recipe import RunsRecipe
from mix.runs.table import Runs
from mix.runs.trained import TrainedRun
from shards.errors import CptkitError

Row = dict[str, Any]
_SAME_LOSS = 1e-3
"""Largest relative difference between a loss in training and one of `evaluate run` that count as the same measurement."""


def gather(folders: Sequence[Path], *, pretraining_tokens: float | None = None) -> tuple[Runs, list[str]]:
    """The cleaned table of all runs in these folders and below them, and notes for the user.

    A finished run has a row at its last step, with the losses of each `evaluate run` that scored its model, and a row for each step that it evaluated in
    training. Models are recognised by their checksums, not by their names. The baseline of an evaluation, if it is not one of the runs, is the base
    model. Merged experts have a row if `mix proxies` made them. Shares are those of real tokens up to the row's step, from the plan of the run's mix (see
    `planned_shares`); where its mix is not in the folders, those of targets. `pretraining_tokens`: tokens that the base model was trained on, where its
    own run is not found.

    Raises MixError for a folder that does not exist, if no run is found, and for what `mix.runs.clean` refuses.
    """
    found = find_outputs(folders)
    gathering = _Gathering(found, pretraining_tokens)
    rows = gathering.rows()
    if not rows:
        raise MixError(f"{listed([str(folder) for folder in folders])}: no finished run of `train`; {'; '.join(gathering.notes) or 'nothing was found'}")
    names = list(dict.fromkeys(name for row in rows for name in row))
    runs, _ = runs_of({name: [row.get(name) for row in rows] for name in names}, "gathered runs")
    runs, _ = clean_rows(runs, "gathered runs")  # its notes tell of losses that nothing measured
    runs, notes = clean(runs, "gathered runs")
    return runs, [*gathering.notes, *notes]


def gather_all(paths: Sequence[Path], *, pretraining_tokens: float | None = None) -> tuple[Runs, list[str]]:
    """As `gather`, where some of the paths are tables of runs, as files or as pairs of Olmix; all rows are kept, whatever their kind and content."""
    tables = [path for path in paths if not Path(path).is_dir() or is_pair(Path(path))]
    folders = [path for path in paths if path not in tables]
    if not tables:
        return gather(folders, pretraining_tokens=pretraining_tokens)
    read, notes = [], []
    for path in tables:
        runs, of_table = read_runs(path)
        read.append((str(path), runs))
        notes += of_table
    if folders:
        runs, of_folders = gather(folders, pretraining_tokens=pretraining_tokens)
        read.append(("gathered runs", runs))
        notes += of_folders
    joined, of_all = joined_runs(read, RunsRecipe(runs=tables, kinds=["trained", "merged", "confirmation"], content="ignore"), {})
    return joined, notes + of_all


@dataclass(frozen=True)
class _Scored:
    """A model of an evaluation, and the run it belongs to."""

    evaluation: Evaluation
    model: str
    run: TrainedRun


class _Gathering:
    """Matches runs and scores; `notes` say what was left out."""

    def __init__(self, found: Outputs, pretraining_tokens: float | None) -> None:
        self._found = found
        self.notes = list(found.problems)
        self._bases = Bases(found.runs, pretraining_tokens)
        self._runs = [self._trained(output) for output in self._finished()]
        self._tell_names_apart()
        self._tell_of_runs()
        self._scored, self._unmatched = self._matched()
        self._in_training = {name: self._name_in_training(name) for name in dict.fromkeys(name for run in self._runs for name in run.domains_in_training)}

    def rows(self) -> list[Row]:
        """All rows: the base models', then those of each run by step, then the merged experts'."""
        rows = [row for run in self._runs for row in self._rows_of(run)]
        merged = self._merged_rows()
        bases = self._base_rows()
        left_out = sorted({f"{model} ({evaluation.folder})" for evaluation, model in self._unmatched})
        if left_out:
            self.notes.append(f"{counted(len(left_out), 'model')} of evaluations without a run of training left out: {listed(left_out)}")
        return _joined([*bases, *rows, *merged]) if rows or merged else []

    def _finished(self) -> list[TrainOutput]:
        """Finished runs that are not the base model of others."""
        unfinished = [run.name for run in self._found.runs if not run.facts.finished or run.facts.totals is None]
        if unfinished:
            self.notes.append(f"{counted(len(unfinished), 'run')} not finished, left out: {listed(unfinished)}")
        return [run for run in self._found.runs if run.name not in unfinished and not self._bases.is_base(run)]

    def _trained(self, output: TrainOutput) -> TrainedRun:
        return TrainedRun(output, self._mix_of(output), self._proxy_of(output.folder), self._bases.facts_of(output))

    def _tell_names_apart(self) -> None:
        """Begin names that runs of several searched folders share with the folder's name."""
        tops: dict[str, set[Path]] = {}
        for run in self._runs:
            tops.setdefault(run.name, set()).add(run.output.top)
        for run in self._runs:
            if len(tops[run.name]) > 1:
                run.name = f"{self._found.label(run.output.top)}/{run.name}"

    def _tell_of_runs(self) -> None:
        """Notes on what the rows of some runs lack."""
        without_mix = [run.name for run in self._runs if run.mix is None]
        continued = [run.name for run in self._runs if run.output.facts.resumed_from is not None]
        if without_mix:
            runs = f"{counted(len(without_mix), 'run')} whose mix is not in these folders: {listed(without_mix)}"
            self.notes.append(f"{runs}; their shares are those of targets, and the contents of their sources are unknown")
        if continued:
            runs = f"{counted(len(continued), 'run')} from a checkpoint of another run: {listed(continued)}"
            self.notes.append(f"{runs}; their tokens and shares are those since then")

    def _mix_of(self, output: TrainOutput) -> MixOutput | None:
        mix = self._found.mixes.get(output.facts.plan_hash)
        try:
            return mix if mix is None or mix.plan else None
        except CptkitError as problem:
            self._found.mixes.pop(output.facts.plan_hash)
            self.notes.append(f"left out: {problem}")
            return None

    def _proxy_of(self, folder: Path) -> Proxy | None:
        return self._found.proxies.get(folder) or self._found.proxies.get(folder.parent)

    def _matched(self) -> tuple[list[_Scored], list[tuple[Evaluation, str]]]:
        """Scored models by their checksums; and those of no run, without baselines."""
        by_checksum: dict[str | None, list[TrainedRun]] = {}
        for run in self._runs:
            by_checksum.setdefault(run.output.model_checksum, []).append(run)
        for equal in by_checksum.values():
            self._share_seed(equal)
        scored, unmatched = [], []
        for evaluation in self._found.evaluations:
            for model, facts in evaluation.facts.models.items():
                if facts.checksum in by_checksum:
                    scored += [_Scored(evaluation, model, run) for run in by_checksum[facts.checksum]]
                elif model != evaluation.facts.baseline:
                    unmatched.append((evaluation, model))
        return scored, unmatched

    def _share_seed(self, equal: list[TrainedRun]) -> None:
        """Give runs with one and the same model one seed, so that they do not count as repeats without any noise."""
        seeds = {run.seed for run in equal}
        if equal[0].output.model_checksum is not None and len(seeds) > 1:
            names = listed([run.name for run in equal])
            self.notes.append(f"runs {names}: their seeds changed nothing, their models are the same; give their mixes different seeds to measure noise")
            for run in equal:
                run.seed = equal[0].seed

    def _rows_of(self, run: TrainedRun) -> list[Row]:
        """A row for each step with losses in training, and rows of its scores at the last step."""
        scores = [item for item in self._scored if item.run is run]
        sizes = [item.evaluation.facts.models[item.model].n_parameters for item in scores]
        common = {"n_parameters": next((size for size in sizes if size), run.output.facts.n_parameters)}
        final = {domain for item in scores for domain in item.evaluation.losses(item.model)}
        rows = []
        for step, losses in run.losses_in_training.items():
            named = {self._in_training[domain]: loss for domain, loss in losses.items()}
            kept = {domain: loss for domain, loss in named.items() if step != run.last_step or domain not in final}
            if kept:
                rows.append(run.row(step) | common | _bits(kept))
        return rows + [run.row(run.last_step) | common | _bits(item.evaluation.losses(item.model)) for item in scores]

    def _name_in_training(self, domain: str) -> str:
        """The column of a domain evaluated in training: its own name, if `evaluate run` measures the same on the final models."""
        for item in self._scored:
            ours, theirs = item.run.losses_in_training.get(item.run.last_step, {}).get(domain), item.evaluation.losses(item.model).get(domain)
            if ours is not None and theirs is not None and abs(ours - theirs) > _SAME_LOSS * abs(theirs):
                self.notes.append(
                    f"domain {domain}: {ours:.4f} bits per byte in training, {theirs:.4f} by `evaluate run` (run {item.run.name}): "
                    f"other documents or contexts, so losses in training are the domain `{domain} (in training)`"
                )
                return f"{domain} (in training)"
        return domain

    def _base_rows(self) -> list[Row]:
        """Rows of base models: baselines of evaluations, and scores before the first step."""
        rows = []
        for evaluation in self._found.evaluations:
            baseline = evaluation.facts.baseline
            facts = evaluation.facts.models[baseline]
            runs = [item.run for item in self._scored if item.evaluation is evaluation]
            if any(item.evaluation is evaluation and item.model == baseline for item in self._scored):
                continue
            name = self._bases.name_of_baseline(facts.checksum, [run.base for run in runs])
            rows.append({"run": name, "kind": "base", "step": 0, "n_parameters": facts.n_parameters} | _bits(evaluation.losses(baseline)))
        for run in self._runs:
            losses = {self._in_training[domain]: loss for domain, loss in run.base_losses.items()}
            known = {column for row in rows if row["run"] == run.base.name for column in row}
            losses = {column: loss for column, loss in _bits(losses).items() if column not in known}
            if losses:
                rows.append({"run": run.base.name, "kind": "base", "step": 0} | losses)
        return rows

    def _merged_rows(self) -> list[Row]:
        """Rows of merged experts, which have a `proxy.json` and scores, but no run of training."""
        rows = []
        merged = {folder: proxy for folder, proxy in self._found.proxies.items() if proxy.kind == "merged"}
        for folder, proxy in merged.items():
            top = self._found.tops[folder]
            shared = any(other.name == proxy.name and self._found.tops[its] != top for its, other in merged.items())
            name = f"{self._found.label(top)}/{proxy.name}" if shared else proxy.name
            scores = [(evaluation, model) for evaluation, model in self._unmatched if model == proxy.name]
            beside = [(evaluation, model) for evaluation, model in scores if folder in evaluation.folder.parents]
            chosen = beside or scores
            self._unmatched = [item for item in self._unmatched if item not in chosen]
            rows += [_merged_row(name, proxy, evaluation) for evaluation, _ in chosen]
        return rows


def _merged_row(name: str, proxy: Proxy, evaluation: Evaluation) -> Row:
    row: Row = {"run": name, "kind": proxy.kind, "tokenizer": proxy.tokenizer, "tokens": proxy.tokens, "seed": proxy.seed, "lr.peak": proxy.lr}
    row |= {"n_parameters": evaluation.facts.models[proxy.name].n_parameters}
    row |= {f"share.{source}": share for source, share in proxy.shares.items()}
    row |= {f"content.{source}": content for source, content in proxy.contents.items()}
    return row | _bits(evaluation.losses(proxy.name))


def _joined(rows: list[Row]) -> list[Row]:
    """The rows with those of one run and step as one, as far as they agree."""
    joined: dict[tuple[str, int | None], list[Row]] = {}
    for row in rows:
        same = joined.setdefault((row["run"], row.get("step")), [])
        for other in same:
            if all(other[name] == value for name, value in row.items() if other.get(name) is not None and value is not None):
                other |= {name: value for name, value in row.items() if value is not None}
                break
        else:
            same.append(row)
    return [row for same in joined.values() for row in same]


def _bits(losses: dict[str, float]) -> Row:
    return {f"bits.{domain}": loss for domain, loss in losses.items()}

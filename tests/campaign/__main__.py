"""`python -m tests.campaign --seed 1 --minutes 60`: a campaign, and the table of what it came to."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from tests.campaign.subjects import Subject, make_subjects
from tests.campaign.trial import KINDS, Verdict, measure, strike
from tests.curate.synthesize.server import Server

COLUMNS = ("runs", "struck", "identical", "refused", "different", "faulty", "too early")


def moments(subjects: list[Subject], seed: int) -> Iterator[tuple[Subject, str, float, int]]:
    """Without end: command, kind, share of the command's time, a number for further choices. A seed gives the same ones."""
    draw = random.Random(seed)
    pairs = [(subject, kind) for subject in subjects for kind in KINDS if subject.has_workers or kind != "kill worker"]
    while True:
        draw.shuffle(pairs)
        for subject, kind in pairs:
            yield subject, kind, draw.uniform(0.05, 1.0), draw.randrange(1 << 30)


class Campaign:
    """Trials in `home`, one after another, and their counts."""

    def __init__(self, home: Path, server: Server, names: Collection[str] = ()) -> None:
        self.home = home
        self.subjects = make_subjects(home / "inputs", server, names)
        self.counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.faults: list[str] = []
        self.slowest = 0.0
        self._whole: dict[str, tuple[dict[str, str], float]] = {}

    def run(self, seed: int, seconds: float = float("inf"), n_trials: int = sys.maxsize) -> None:
        """Trials until the time is over or there were so many."""
        deadline = time.monotonic() + seconds
        for number, (subject, kind, fraction, pick) in enumerate(moments(self.subjects, seed)):
            if number >= n_trials or time.monotonic() > deadline:
                break
            whole, usual = self._undisturbed(subject)
            folder = self.home / f"trial-{number:05d}"
            folder.mkdir()
            verdict = strike(subject, kind, fraction, pick, whole, usual, folder)
            if verdict.ended_after is not None:  # the machine had more to do when it was measured
                self._whole[subject.name] = whole, min(usual, verdict.ended_after)
            self._count(number, subject, kind, fraction, verdict)
            if not verdict.faults:
                shutil.rmtree(folder)

    def table(self) -> str:
        """A line for each command and kind, and one for all."""
        total: Counter[str] = Counter()
        for counts in self.counts.values():
            total.update(counts)
        order = {subject.name: place for place, subject in enumerate(self.subjects)}
        rows = [(*key, *(counts[name] for name in COLUMNS)) for key, counts in sorted(self.counts.items(), key=lambda item: (order[item[0][0]], item[0][1]))]
        lines = [("command", "kind", *COLUMNS), ("---",) * (2 + len(COLUMNS)), *rows, ("all", "", *(total[name] for name in COLUMNS))]
        return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)

    def _undisturbed(self, subject: Subject) -> tuple[dict[str, str], float]:
        if subject.name not in self._whole:
            measure(subject, self.home / "first" / subject.name)  # compiled kernels are kept from run to run
            seconds = measure(subject, self.home / "whole" / subject.name)
            self._whole[subject.name] = subject.result(self.home / "whole" / subject.name), seconds
        return self._whole[subject.name]

    def _count(self, number: int, subject: Subject, kind: str, fraction: float, verdict: Verdict) -> None:
        found = {"struck": verdict.struck, "identical": verdict.identical, "refused": verdict.refused, "faulty": bool(verdict.faults)}
        found |= {"different": not verdict.identical and not verdict.refused, "too early": verdict.early and kind in ("SIGTERM", "SIGINT")}
        self.counts[subject.name, kind].update({"runs": 1} | {name: int(value) for name, value in found.items()})
        if kind in ("SIGTERM", "SIGINT") and subject.name != "train":
            self.slowest = max(self.slowest, verdict.seconds)
        for fault in verdict.faults:
            self.faults.append(f"trial {number}, {subject.name}, {kind} at {fraction:.3f}: {fault}")
            print(self.faults[-1], file=sys.stderr, flush=True)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--trials", type=int, default=sys.maxsize)
    parser.add_argument("--commands", default="", help="names with | between them, e.g. 'train|mix build'; default: all")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="cptkit-campaign-"))
    with Server(home / "server", seconds=0.02) as server:
        campaign = Campaign(home, server, options.commands.split("|") if options.commands else ())
        campaign.run(options.seed, options.minutes * 60, options.trials)
    print(campaign.table())
    print(f"slowest end after a signal (train, which saves first, aside): {campaign.slowest:.1f} s")
    if campaign.faults:
        print(f"{len(campaign.faults)} faults; their folders are in {home}")
        sys.exit(1)
    shutil.rmtree(home)


if __name__ == "__main__":
    main()

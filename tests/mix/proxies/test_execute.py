import signal
import threading
import time
from pathlib import Path

import pytest

from mix.errors import MixError
from mix.proxies import commands
from mix.proxies import run as run_module
from mix.proxies.ledger import Ledger
from mix.proxies.recipe import ProxiesRecipe
from mix.proxies.run import plan, run
from shards.folder import write_owned
from shards.lock import folder_lock
from tests.mix.proxies.home import values
from tests.mix.proxies.stand_in import stand_in


class Bench:
    """Proxies whose commands are stand-ins."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home, self.out = folder, home, folder / "out"
        self.log = stand_in(folder)

    def plan(self, **changes):
        return plan(ProxiesRecipe.model_validate(values(self.home, self.out, **changes)))

    def run(self, only=None, **changes):
        run(self.plan(**changes), only)

    def ask(self, what: str) -> Path:
        (self.folder / what).touch()
        return self.folder / what

    def starts(self) -> list[str]:
        """Commands started since the last call, such as `train even100`."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        self.log.write_text("")
        return [f"{words[0]} {words[1] if words[1] == 'merge' else ''} {words[-2]}".replace("  ", " ") for words in lines]

    def gathered(self, folders):
        """In place of `gather`, which stand-ins give nothing to read."""
        return "\n".join(folder.name for folder in folders), ["a note"]

    def entries(self):
        return Ledger(self.out).read()


@pytest.fixture
def bench(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path, home)
    monkeypatch.setattr(commands, "executable", lambda name: str(tmp_path / "bin" / name))
    monkeypatch.setattr(run_module, "gather", bench.gathered)
    monkeypatch.setattr(run_module, "write_runs", lambda path, table: write_owned(path, table.encode()))
    return bench


NAMES = ["even100", "even75-odd25", "even50-odd50"]


def test_each_run_builds_its_mix_then_trains_then_is_evaluated_and_a_rerun_does_nothing(bench):
    bench.run()
    assert bench.starts() == [f"{command} {name}" for name in NAMES for command in ("mix", "train", "evaluate")]
    entries = bench.entries()
    assert sorted(entries) == sorted(NAMES) and all(entry.status == "done" and entry.starts == 1 for entry in entries.values())
    assert set(entries["even100"].seconds) == {"mix build", "train", "evaluate run"}
    before = (bench.out / "ledger.json").read_bytes()
    bench.run()
    assert bench.starts() == [] and (bench.out / "ledger.json").read_bytes() == before


def test_experts_come_before_the_models_merged_from_them(bench):
    bench.run(kinds=["merged"], workers=3)
    starts = bench.starts()
    merges = [index for index, start in enumerate(starts) if "merge" in start.split()]
    assert len(merges) == 3 and max(starts.index(f"train {name}") for name in ("even100", "odd100")) < starts.index("train merge merged-even50-odd50")
    assert {entry.kind for entry in bench.entries().values()} == {"trained", "merged"}


def test_a_failed_run_does_not_stop_the_others_and_is_named_with_its_error(bench):
    stop = bench.ask("fail-even75-odd25-train")
    with pytest.raises(MixError, match=r"1 of 3 runs failed: even75-odd25: train of even75-odd25: no luck; the others are done\. Mend the cause"):
        bench.run()
    entries = bench.entries()
    assert {name: entries[name].status for name in NAMES} == {"even100": "done", "even75-odd25": "failed", "even50-odd50": "done"}
    assert (entries["even75-odd25"].step, entries["even75-odd25"].error) == ("train", "train of even75-odd25: no luck")
    bench.starts()
    stop.unlink()
    bench.run()
    assert bench.starts() == ["train even75-odd25", "evaluate even75-odd25"]
    assert bench.entries()["even75-odd25"].error is None


def test_the_table_is_of_all_finished_runs_also_those_of_an_earlier_recipe(bench):
    stop = bench.ask("fail-even75-odd25-train")
    with pytest.raises(MixError, match="even75-odd25"):
        bench.run()
    assert (bench.out / "runs.csv").read_text().split() == ["even100", "even50-odd50"]
    stop.unlink()
    bench.run(design={"kind": "grid", "shares": {"odd": [1, 0.25]}})
    assert (bench.out / "runs.csv").read_text().split() == ["even100", "even50-odd50", "even75-odd25", "odd100"]


def test_what_failed_is_told_before_that_nothing_can_be_gathered(bench, monkeypatch):
    def nothing(folders):
        raise MixError("no finished run")

    monkeypatch.setattr(run_module, "gather", nothing)
    stop = bench.ask("fail-even75-odd25-train")
    with pytest.raises(MixError, match="1 of 3 runs failed"):
        bench.run()
    stop.unlink()
    with pytest.raises(MixError, match="no finished run"):
        bench.run()


def test_what_needs_a_failed_expert_is_not_run_and_says_so(bench):
    bench.ask("fail-odd100-train")
    with pytest.raises(MixError, match=r"3 of 5 runs failed: odd100: .*; merged-even75-odd25: needs odd100, which failed"):
        bench.run(kinds=["merged"])
    assert bench.entries()["merged-even100"].status == "done"


def test_a_killed_worker_is_a_failure_that_names_the_signal(bench):
    bench.ask("kill-even100-train")
    with pytest.raises(MixError, match="even100: killed by SIGKILL, as the system does when memory runs out"):
        bench.run()


def test_a_changed_recipe_runs_only_what_changed_and_keeps_what_was_there(bench):
    bench.run()
    bench.starts()
    train = values(bench.home, bench.out)["train"]
    bench.run(train=train | {"threads": 2, "micro_batch_rows": 4, "device": "cpu"})  # these change how fast, not what
    assert bench.starts() == []
    evaluate = values(bench.home, bench.out)["evaluate"]
    bench.run(evaluate=evaluate | {"n_resamples": 300})
    assert bench.starts() == [f"evaluate {name}" for name in NAMES]
    bench.run(train=train | {"optimizer": {"lr": 0.02}}, evaluate=evaluate | {"n_resamples": 300})
    assert bench.starts() == [f"{command} {name}" for name in NAMES for command in ("train", "evaluate")]
    (kept,) = (bench.out / "replaced").glob("even100-*/train/made-from.yaml")
    assert "lr: 0.01" in kept.read_text() and "lr: 0.02" in (bench.out / "runs" / "even100" / "train" / "made-from.yaml").read_text()


def test_a_longer_design_runs_only_the_new_ratios(bench):
    bench.run()
    bench.starts()
    bench.run(design={"kind": "grid", "shares": {"odd": [0.1, 0, 0.25, 0.5]}})
    assert bench.starts() == [f"{command} even90-odd10" for command in ("mix", "train", "evaluate")]
    assert len(bench.entries()) == 4


def test_a_lost_output_is_made_again(bench):
    bench.run()
    bench.starts()
    (bench.out / "runs" / "even100" / "scores" / "made-from.yaml").unlink()
    (bench.out / "runs" / "even100" / "scores").rmdir()
    bench.run()
    assert bench.starts() == ["evaluate even100"]


def test_one_run_alone_does_what_it_needs_and_another_process_s_run_is_waited_for(bench):
    bench.run(only="merged-even75-odd25", kinds=["merged"])
    assert bench.starts() == [
        *(f"{command} {name}" for name in ("even100", "odd100") for command in ("mix", "train", "evaluate")),
        "train merge merged-even75-odd25",
        "evaluate merged-even75-odd25",
    ]
    folder = bench.out / "runs" / "merged-even50-odd50"
    held = threading.Event()

    def hold():
        with folder_lock(folder):
            held.set()
            while not (bench.folder / "release").exists():
                time.sleep(0.01)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    threading.Timer(0.3, lambda: bench.ask("release")).start()
    bench.run(only="merged-even50-odd50", kinds=["merged"])
    holder.join()
    assert bench.starts() == ["train merge merged-even50-odd50", "evaluate merged-even50-odd50"]
    with pytest.raises(MixError, match="--only no: no such run; the runs are even100, odd100, merged"):
        bench.run(only="no", kinds=["merged"])


def test_a_merge_that_was_finished_before_a_kill_is_not_made_again(bench):
    bench.run(kinds=["merged"])
    bench.starts()
    entry = bench.entries()["merged-even75-odd25"]
    Ledger(bench.out).update("merged-even75-odd25", status="running", done={})  # killed after `train merge` wrote its folder
    assert entry.begun
    bench.run(kinds=["merged"])
    assert bench.starts() == ["evaluate merged-even75-odd25"]


def test_each_worker_has_its_gpu(bench):
    bench.run(gpus=["3", "5"], workers=2)
    assert {line.split("gpu=")[1] for line in bench.log.read_text().splitlines()} == {"3", "5"}


def test_a_signal_stops_the_commands_and_the_rest_stays_planned(bench):
    bench.ask("wait-even75-odd25-train")

    def interrupt():
        while not (bench.folder / "waits-even75-odd25").exists():
            time.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(SystemExit) as ended:
        bench.run()
    thread.join()
    assert ended.value.code == 143
    entries = bench.entries()
    assert [entries[name].status for name in NAMES] == ["done", "planned", "planned"]
    (bench.folder / "wait-even75-odd25-train").unlink()
    bench.starts()
    bench.run()
    assert bench.starts() == ["train even75-odd25", "evaluate even75-odd25", *(f"{command} even50-odd50" for command in ("mix", "train", "evaluate"))]


def test_files_of_others_in_a_runs_folder_are_refused(bench):
    (bench.out / "runs" / "even100").mkdir(parents=True)
    (bench.out / "runs" / "even100" / "train.yaml").write_text("mine")
    with pytest.raises(Exception, match=r"train\.yaml: already exists, and no record shows that cptkit wrote it"):
        bench.run()
    assert (bench.out / "runs" / "even100" / "train.yaml").read_text() == "mine"

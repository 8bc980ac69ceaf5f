"""A made-up run of `train` with checkpoints of tiny models."""

import json
import shutil
from pathlib import Path

import pytest

from shards.atomic import file_checksum
from tests.eval.conftest import save_model
from tests.eval.synthetic import write_json


class MadeUpRun:
    """OUT of a run: `checkpoint(step)` writes one, `finish(step)` the trained model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record(finished=False)

    def record(self, **facts) -> None:
        write_json(self.folder / "run.json", {"name": "law", "recipe_hash": "e" * 32, "model_hash": "f" * 32, **facts})

    def checkpoint(self, step: int) -> Path:
        path = save_model(self.folder / "checkpoints" / f"step-{step:06d}", step)
        files = {file.name: file_checksum(file) for file in sorted(path.iterdir())}
        write_json(path / "facts.json", {"step": step, "tokens": 100 * step, "next_row": step, "identity": {}, "files": files})
        return path

    def finish(self, step: int) -> None:
        save_model(self.folder / "model", step)
        lines = [{"step": number, "tokens": 100 * number, "lr": 0.1 / number} for number in range(1, step + 1)]
        (self.folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.record(finished=True, totals={"steps": step, "tokens": 100 * step, "loss": 1.0})

    def rotate(self, step: int) -> None:
        shutil.rmtree(self.folder / "checkpoints" / f"step-{step:06d}")


@pytest.fixture
def made_up_run(tmp_path) -> MadeUpRun:
    return MadeUpRun(tmp_path / "run")

import dataclasses
import json
import logging
import resource
import signal

import numpy as np
import pytest

from shards.folder import claim
from train.errors import TrainError
from train.loop import RunState, StepReport, StepRows
from train.watch.metrics import MetricsLog, step_record

REPORT = StepReport(RunState(3, 900), 2.0, np.array([4.0, 6.0, 0.0]), np.array([2, 3, 0]), 0.1, 1.5, False, 300, 2.0, False, StepRows(0, 0, []))


def test_a_record_has_losses_per_target_of_each_source_that_had_some():
    assert step_record(REPORT, ["a", "b", "c"], {"tokens_per_second": 150.0}) == {
        "step": 3,
        "tokens": 900,
        "loss": 2.0,
        "lr": 0.1,
        "grad_norm": 1.5,
        "tokens_per_second": 150.0,
        "loss_by_source": {"a": 2.0, "b": 2.0},
        "tokens_by_source": {"a": 2, "b": 3, "c": 0},
    }


def test_what_the_objective_tells_apart_stands_beside_the_loss():
    assert step_record(dataclasses.replace(REPORT, parts={"z_loss": 0.5}), ["a", "b", "c"], {})["z_loss"] == 0.5


def test_bits_per_byte_are_there_only_when_evaluated():
    assert step_record(REPORT, ["a", "b", "c"], {}, {"bits_per_byte": {"law": 1.25}})["bits_per_byte"] == {"law": 1.25}


def test_a_step_that_was_skipped_says_so():
    record = step_record(dataclasses.replace(REPORT, skipped=True), ["a", "b", "c"], {})
    assert record["skipped"] is True


def write(out, steps, half_line=""):
    claim(out, ["metrics.jsonl"])
    (out / "metrics.jsonl").write_text("".join(json.dumps({"step": step}) + "\n" for step in steps) + half_line)


def test_steps_after_the_checkpoint_are_forgotten_on_resume(tmp_path):
    write(tmp_path, [1, 2, 3, 4], half_line='{"step": 5, "lo')
    log = MetricsLog(tmp_path, 2)
    log.write({"step": 3, "again": True})
    log.close()
    assert [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [{"step": 1}, {"step": 2}, {"step": 3, "again": True}]


def test_a_curve_with_a_hole_is_refused(tmp_path):
    write(tmp_path, [1, 2])
    with pytest.raises(TrainError, match="holds 2 of the 5 steps before the checkpoint"):
        MetricsLog(tmp_path, 5)


def test_a_line_that_is_not_json_is_named(tmp_path):
    write(tmp_path, [1], half_line="oops\n")
    with pytest.raises(TrainError, match=r"metrics.jsonl, line 2: not JSON"):
        MetricsLog(tmp_path, 2)


def test_lines_that_a_full_disk_refuses_are_told_once_and_written_when_there_is_room(tmp_path, caplog):
    log, limit = MetricsLog(tmp_path, 0), resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log.write({"step": 1})
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, limit[1]))  # in the middle of the second line
        with caplog.at_level(logging.WARNING):
            log.write({"step": 2})
            log.write({"step": 3})
        assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1}\n'
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    log.write({"step": 4})
    log.close()
    assert [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3, 4]
    assert len(caplog.messages) == 1 and "cannot be written (File too large); the run continues" in caplog.messages[0]


def test_lines_that_were_never_written_are_told_at_the_end(tmp_path, caplog):
    log, limit = MetricsLog(tmp_path, 0), resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5, limit[1]))
        log.write({"step": 1})
        log.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "the last 1 steps could not be written" in caplog.messages[-1] and (tmp_path / "metrics.jsonl").read_bytes() == b""

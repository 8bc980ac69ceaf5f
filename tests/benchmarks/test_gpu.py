import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_parts

ROOT = Path(__file__).parents[2]


def gpu_sh(*options, **environment):
    return subprocess.run(["bash", "benchmarks/gpu.sh", *options], cwd=ROOT, capture_output=True, text=True, env={"PYTHON": sys.executable, **environment})


def test_a_dry_run_names_the_parts_within_eight_minutes():
    done = gpu_sh("--dry-run")
    assert done.returncode == 0
    parts = dict(line.split(" (at most ") for line in done.stdout.splitlines() if " (at most " in line)
    assert list(parts) == ["train", "tests", "rope", "heads", "step", "peer"]
    assert sum(int(rest.split()[0]) for rest in parts.values()) < 8 * 60


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_without_a_gpu_its_parts_are_skipped_and_nothing_is_recorded():
    before = (ROOT / "benchmarks" / "RESULTS.md").read_bytes()
    done = gpu_sh()
    assert done.returncode == 0 and "no CUDA device (torch " in done.stdout and "the parts are skipped" in done.stdout
    assert (ROOT / "benchmarks" / "RESULTS.md").read_bytes() == before


def test_what_the_environment_lacks_is_said_in_one_line(tmp_path):
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # without installed packages
    bare.chmod(0o755)
    done = gpu_sh(PYTHON=str(bare))
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("missing: torch transformers") and "-m pip install -c constraints.txt torch" in line


def test_an_unknown_option_is_refused():
    done = gpu_sh("--fast")
    assert done.returncode == 2 and "usage: benchmarks/gpu.sh" in done.stderr


def test_rotary_errors_are_small_on_a_cpu():
    before = torch.get_float32_matmul_precision()
    errors = gpu_parts.rope_errors("cpu")["largest_error"]
    torch.set_float32_matmul_precision(before)
    assert set(errors) == {"transformers_highest", "transformers_high", "ours_highest", "ours_high"}
    assert max(errors.values()) < 1e-3


def test_grouped_heads_equal_copied_ones():
    assert gpu_parts.grouped_heads("cpu")["largest_difference"] < 1e-5

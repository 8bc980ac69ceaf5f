"""A Slurm of scripts: they stand in for sbatch, squeue and srun. examples/cluster tries a real one."""

import os
import stat
import sys
from pathlib import Path

import pytest

SBATCH = """#!/bin/bash
# Runs the array at once, one index after another, as Slurm would on nodes.
script="${@: -1}"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
for index in $(seq 0 "$last"); do SLURM_ARRAY_TASK_ID=$index SLURM_NODELIST=here RUN_OFFSET=0 bash "$script" > /dev/null 2>&1; done
echo "Submitted batch job 7"
"""


SRUN = """#!/bin/bash
while [ "$1" != launch_pickled_pipeline ]; do shift; done
exec "$@"
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "squeue": "#!/bin/bash\n", "scontrol": "#!/bin/bash\necho here\n"}.items():
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod((bin_folder / name).stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{bin_folder}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    return tmp_path

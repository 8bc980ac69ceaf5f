import subprocess
import sys

THREADS = """
import os
import curate.pipeline.preload
print(sorted({open(f"/proc/self/task/{thread}/comm").read().strip() for thread in os.listdir("/proc/self/task")}))
"""


def test_what_workers_are_forked_from_has_not_started_threads_of_polars():
    """A fork has none of them, and would wait for them for ever."""
    found = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=True)
    assert "polars-ooc" in found.stdout and "polars-0" not in found.stdout and "tokio" not in found.stdout

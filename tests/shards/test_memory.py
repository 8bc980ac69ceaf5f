import errno
import resource
import subprocess
import sys

import pyarrow as pa
import pytest

from shards.errors import ShardError
from shards.memory import ran_out_of_memory
from shards.stages import run_tasks

NO_ROOM = [
    MemoryError(),
    pa.ArrowMemoryError("malloc of size 9 failed"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    ImportError("libblis.so: failed to map segment from shared object"),
    RuntimeError("can't start new thread"),
]


def caused(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception:
            raise ValueError("BLIS support requires blis: pip install blis")  # noqa: B904
    except ValueError as outer:
        return outer


@pytest.mark.parametrize("error", NO_ROOM, ids=repr)
def test_running_out_of_memory_is_recognised_in_any_wording_and_behind_other_errors(error):
    assert ran_out_of_memory(error) and ran_out_of_memory(caused(error))


def test_other_errors_do_not_count_as_out_of_memory():
    assert not ran_out_of_memory(ValueError("no")) and not ran_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))


def test_an_error_in_a_process_that_cannot_allocate_counts_as_out_of_memory():
    code = "import resource; from shards.memory import ran_out_of_memory as ran; from pathlib import Path\n"
    code += "pages = int(Path('/proc/self/statm').read_text().split()[0]); bound = pages * resource.getpagesize() + (64 << 20)\n"
    code += "resource.setrlimit(resource.RLIMIT_AS, (bound, bound)); print(ran(ValueError('BLIS support requires blis')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout == "True\n"


def greedy(n: int) -> int:
    if n == 2:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, hard))
        return len(bytearray(8 << 30))
    return n


def test_a_worker_out_of_memory_is_reported_with_its_stage_and_advice():
    results = dict(run_tasks(greedy, [1, 2], 2, "measuring"))
    assert results[0] == 1 and isinstance(results[1], ShardError)
    assert str(results[1]).startswith("measuring: memory ran out (MemoryError); give it fewer workers or smaller batches")

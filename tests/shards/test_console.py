import errno
import os

import numpy as np
import pytest

from shards import console
from shards.errors import ShardError
from shards.stages import run_tasks


def _fill(path):
    if path == "numbers":
        raise OSError("1000 requested and 512 written")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


@pytest.mark.parametrize("path", ["/data/out/model.bin", "numbers"])
def test_a_full_disk_is_reported_in_one_line_whichever_library_raises(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["curate"])
    with pytest.raises(SystemExit) as end:
        console.main(lambda: _fill(path))
    error = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and len(error) == 1 and "make room and run again, finished work is kept" in error[0]
    assert path == "numbers" or path in error[0]
    [(_, result)] = run_tasks(_fill, [path], 1, "counting")
    assert isinstance(result, ShardError) and str(result).startswith("counting: cannot write")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a disk that is always full")
def test_numpys_message_is_recognised(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["curate"])

    def fill():
        with open("/dev/full", "wb") as file:
            np.save(file, np.zeros(1 << 20))

    with pytest.raises(SystemExit) as end:
        console.main(fill)
    assert end.value.code == 2 and "make room" in capsys.readouterr().err

"""Settings of all tests."""

import os
import signal
from collections.abc import Iterator

# Models in tests are tiny: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from shards import console

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# Whoever runs tests in the background may have switched Ctrl-C off, and all programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _fork_server_stays() -> Iterator[None]:
    """A command that a test calls in this process must not end the fork server of this process, which later tests use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "end_children", lambda: None)
        yield

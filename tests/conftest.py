"""Settings of all tests."""

import os
import signal

# Models in tests are tiny: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# Whoever runs tests in the background may have switched Ctrl-C off, and all programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

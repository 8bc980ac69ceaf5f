"""Settings of all tests."""

import os

# Models in tests are tiny: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

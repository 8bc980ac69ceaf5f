"""Our code against peers on the same input, with the results compared. All run on one thread, set here before any library starts more."""

import os

os.environ["NUMBA_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"

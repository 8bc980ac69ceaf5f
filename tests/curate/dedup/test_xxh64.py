import random

import numpy as np
import xxhash

from curate.dedup.xxh64 import xxh64


def test_xxh64_is_that_of_xxhash_for_every_length_and_alignment():
    data = np.frombuffer(random.Random(0).randbytes(300), np.uint8)
    for length in range(130):
        for start in (0, 3):
            assert int(xxh64(data, start, start + length)) == xxhash.xxh64_intdigest(data[start : start + length].tobytes())

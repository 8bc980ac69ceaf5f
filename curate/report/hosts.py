"""How many hosts a corpus comes from, by a HyperLogLog sketch: sketches of tasks merge, sets of hosts would fill the memory."""

import base64
import zlib
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import xxhash
from datasketch import HyperLogLogPlusPlus

_PRECISION = 12
"""4,096 registers: a standard error of 1.6% (Heule et al. 2013)."""


def _hash(host: bytes) -> int:
    return xxhash.xxh3_64_intdigest(host)


class Hosts:
    """The distinct hosts of addresses."""

    def __init__(self, sketch: Any = None) -> None:
        self._sketch = sketch or HyperLogLogPlusPlus(p=_PRECISION, hashfunc=_hash)

    @classmethod
    def of_urls(cls, urls: pa.ChunkedArray) -> "Hosts":
        """Of (n,) strings; what is no address counts nothing."""
        hosts = cls()
        for host in pl.Series(urls).str.extract(r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?([^/:?#]+)").str.to_lowercase().drop_nulls().unique().sort():
            hosts._sketch.update(host.encode())
        return hosts

    @classmethod
    def load(cls, text: str) -> "Hosts":
        """What `dump` gave."""
        registers = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.int8).copy()
        return cls(HyperLogLogPlusPlus(p=_PRECISION, reg=registers, hashfunc=_hash))

    def dump(self) -> str:
        """As text, for JSON."""
        return base64.b64encode(zlib.compress(self._sketch.reg.astype(np.int8).tobytes(), 9)).decode()

    def merged(self, other: "Hosts") -> "Hosts":
        """Those of both."""
        both = self.load(self.dump())
        both._sketch.merge(other._sketch)
        return both

    def count(self) -> int:
        """Estimate."""
        return round(self._sketch.count()) if self._sketch.reg.any() else 0

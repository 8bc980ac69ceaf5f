"""What a reader came upon, counted where it reads, so that no record can be lost on the way without being missed."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Records seen = documents + records that could not be read + `passed_over`."""

    seen: int = 0
    """Records that the reader came upon; stretches of an archive that hold none count as one."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Records that are no documents, by kind: `image`, `redirect`, `request`, …"""

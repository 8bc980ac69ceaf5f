"""A window over an archive's bytes: what lies ahead can be looked at before it is taken, and seams are known by their position."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from curate.read.archive.members import Seam


@dataclass(frozen=True)
class SeamAt:
    """A seam `offset` bytes behind the window's first."""

    offset: int
    problem: str | None


class Lookahead:
    """`window` holds the bytes ahead; `position` is the number of bytes before it. Its size is bounded by what is asked of `fill`."""

    def __init__(self, pieces: Iterator[bytes | Seam]) -> None:
        self.window = bytearray()
        self.position = 0
        self.ended = False
        self._pieces = pieces
        self._seams: deque[tuple[int, str | None]] = deque()

    def fill(self, n_bytes: int) -> bool:
        """Read on until the window has `n_bytes`. Returns whether there are as many."""
        while len(self.window) < n_bytes and self.pull():
            pass
        return len(self.window) >= n_bytes

    def pull(self) -> bool:
        """Add the next piece or seam. Returns False at the end."""
        piece = next(self._pieces, None)
        if piece is None:
            self.ended = True
        elif isinstance(piece, Seam):
            self._seams.append((self.position + len(self.window), piece.problem))
        else:
            self.window += piece
        return piece is not None

    def seams(self) -> Iterator[SeamAt]:
        """Seams ahead that are known so far."""
        return (SeamAt(at - self.position, problem) for at, problem in self._seams)

    def first_seam(self) -> SeamAt | None:
        """The next seam, if one is known."""
        return next(self.seams(), None)

    def pop_seam(self) -> None:
        """Forget the next seam."""
        self._seams.popleft()

    def drop(self, n_bytes: int) -> None:
        """Go `n_bytes` on. Seams that lie before the new position are forgotten, those at it stay."""
        del self.window[:n_bytes]
        self.position += n_bytes
        while self._seams and self._seams[0][0] < self.position:
            self._seams.popleft()

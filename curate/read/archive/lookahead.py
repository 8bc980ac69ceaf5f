"""A window over an archive's bytes: bytes ahead can be examined before they are consumed, and seams have a position."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from curate.read.archive.members import Seam


@dataclass(frozen=True)
class SeamAt:
    """A seam, `offset` bytes after the start of the window."""

    offset: int
    problem: str | None


class Lookahead:
    """`window` holds the bytes ahead; `position` is the number of bytes before it. Calls of `fill` determine its size."""

    def __init__(self, pieces: Iterator[bytes | Seam]) -> None:
        self.window = bytearray()
        self.position = 0
        self.ended = False
        self._pieces = pieces
        self._seams: deque[tuple[int, str | None]] = deque()

    def fill(self, n_bytes: int) -> bool:
        """Read until the window has `n_bytes`. Returns False if the archive ends before."""
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
        """Seams in the window, in order."""
        return (SeamAt(at - self.position, problem) for at, problem in self._seams)

    def first_seam(self) -> SeamAt | None:
        """The first seam in the window, or None."""
        return next(self.seams(), None)

    def pop_seam(self) -> None:
        """Remove the first seam."""
        self._seams.popleft()

    def drop(self, n_bytes: int) -> None:
        """Advance by `n_bytes`. Seams before the new position are removed, those at it stay."""
        del self.window[:n_bytes]
        self.position += n_bytes
        while self._seams and self._seams[0][0] < self.position:
            self._seams.popleft()

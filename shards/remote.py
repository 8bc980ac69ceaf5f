"""Shard sets behind a URL (s3://, gs://, https://, file://, …): files are fetched on demand into a local cache.

A cache mirrors URLs: `CACHE/s3/bucket/mix/rows/web/part-00000.arrow`. Manifests are fetched at every opening; a data file is fetched once, compared
with its checksum in the manifest, and only then renamed to its final name. So any number of processes can share a cache: a lock on the partial file
lets one of them fetch it while the others wait, and the system releases the lock if that process dies. Fetched files are recorded beside them
(`shards.folder`), and only those are deleted to make room.
"""

import fcntl
import itertools
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from shards.amounts import bytes_given_as
from shards.atomic import write_atomically
from shards.environment import cache_home
from shards.errors import CptkitError, ShardError
from shards.folder import RECORD_NAME, claim, recorded
from shards.lock import is_at
from shards.manifest import MANIFEST_NAME, ShardFile, file_problem
from shards.names import url_parts
from shards.read import ShardSet
from shards.threads import GivenUp, given_up

T = TypeVar("T")

ATTEMPTS = 5
FIRST_WAIT_SECONDS = 1.0
"""Waits double: 1, 2, 4, 8 s between five attempts, in addition to the retries of the file system's own library."""
_STALL_SECONDS = 60.0
_PERMANENT = (FileNotFoundError, PermissionError, ImportError, NotImplementedError)
_PERMANENT_NAMES = ("NoCredentialsError", "PartialCredentialsError", "InvalidURL")
_PART = ".part"
_PART_NAME = re.compile(r"\.(?P<name>.+)\.(?P<n_bytes>\d+)\.part")
_LOCK = ".cptkit-cache.lock"


class Cache(NamedTuple):
    """A folder that mirrors remote files, and the bytes of data files it may hold (None: no limit).

    The file opened longest ago is deleted first; readers that have it open can still read it.
    """

    folder: Path
    max_bytes: int | None = None


def default_cache() -> Cache:
    """`$CPTKIT_CACHE`, or `~/.cache/cptkit/remote`; at most `$CPTKIT_CACHE_BYTES` (see `shards.amounts`) if that is set. Raises ShardError."""
    folder = Path(os.environ.get("CPTKIT_CACHE") or cache_home() / "cptkit" / "remote")
    limit = os.environ.get("CPTKIT_CACHE_BYTES")
    return Cache(folder, bytes_given_as("CPTKIT_CACHE_BYTES", limit) if limit else None)


def is_url(location: str | Path) -> bool:
    """Whether a location is a URL, and not a local folder."""
    return "://" in str(location)


class Mirror:
    """A folder behind a URL, and its mirror in a cache: `folder`, filled as files are requested.

    Raises ShardError for a URL that does not map to a folder of the cache, such as one that contains `..`.
    """

    def __init__(self, url: str, cache: Cache) -> None:
        self.url = url.rstrip("/")
        self.cache = cache
        self.folder = Path(cache.folder).joinpath(*url_parts(self.url))
        self._sound: set[str] = set()

    def __truediv__(self, name: str) -> "Mirror":
        return Mirror(f"{self.url}/{name}", self.cache)

    def __str__(self) -> str:
        return self.url

    def copy(self, name: str, check: Callable[[], T]) -> T:
        """Fetch a small file, again at each call, and return the result of `check`.

        If `check` raises one of our errors, the file may have been damaged in transit: it is fetched again, until two fetches are equal; then the
        error is raised. Raises ShardError if the file cannot be fetched.
        """
        before: bytes | None = None
        for attempt in itertools.count(1):
            data = _with_retries(f"{self.url}/{name}", lambda fs, path: fs.cat_file(path))
            self._refuse_links()
            write_atomically(self.folder / name, data)
            try:
                return check()
            except CptkitError as error:
                if data == before or attempt == ATTEMPTS:
                    raise
                logging.warning("%s/%s: %s; fetching it again", self.url, name, error)
                before = data
        raise AssertionError

    def _refuse_links(self) -> None:
        """Raise ShardError if a cache folder on the path to this one is a symbolic link: its content would lie elsewhere."""
        for location in (self.folder, *self.folder.parents):
            if location == Path(self.cache.folder):
                return
            if location.is_symlink():
                raise ShardError(f"{location}: a symbolic link inside the cache; delete it, and the files are fetched again")

    def fetch(self, file: ShardFile) -> Path:
        """The local path of a data file; fetched if it is not in the cache, or if it differs from the manifest.

        Its checksum is compared when it arrives, and once in each process that opens it. Raises ShardError.
        """
        path = self.folder / file.name
        self._refuse_links()
        while not self._is_sound(path, file):
            with _fetching(path, file) as part:
                if part is None or self._is_sound(path, file):
                    continue  # another process fetched it
                self._make_room(file)
                _with_retries(f"{self.url}/{file.name}", partial(_download, part, file))
                os.replace(part, path)
                self._sound.add(file.name)
        with suppress(FileNotFoundError):
            os.utime(path)
        return path

    def has(self, file: ShardFile) -> bool:
        """Whether the file is in the cache at its full size."""
        return file_problem(self.folder / file.name, file, checksum=False) is None

    def _is_sound(self, path: Path, file: ShardFile) -> bool:
        try:
            problem = file_problem(path, file, checksum=file.name not in self._sound)
        except FileNotFoundError:  # another process has just deleted it to make room
            problem = "missing"
        if problem is None:
            self._sound.add(file.name)
        elif problem != "missing":
            logging.warning("%s: %s; fetching it again", path, problem)
            self._sound.discard(file.name)
        return problem is None

    def _make_room(self, file: ShardFile) -> None:
        """Delete old files until the cache, with the file about to be fetched, is within its limit."""
        limit = self.cache.max_bytes
        if limit is None:
            return
        with os.fdopen(os.open(Path(self.cache.folder) / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            files = sorted(_fetched_files(Path(self.cache.folder)))
            excess = sum(n_bytes for _, n_bytes, _ in files) + _coming_bytes(Path(self.cache.folder)) - limit
            for _, n_bytes, path in files:
                if excess <= 0:
                    break
                Path(path).unlink(missing_ok=True)
                excess -= n_bytes


def open_set(location: Path | Mirror, kind: str | None = None, *, verify: bool = True) -> ShardSet:
    """A shard set in a folder, or behind a URL, where checksums are always verified. Raises ShardError as `ShardSet`."""
    if not isinstance(location, Mirror):
        return ShardSet(location, kind, verify=verify)
    opened = location.copy(MANIFEST_NAME, lambda: ShardSet(location.folder, kind, fetch=location.fetch))
    limit, largest = location.cache.max_bytes, max(opened.manifest.files, key=lambda file: file.n_bytes, default=None)
    if limit is not None and largest is not None and largest.n_bytes > limit:
        raise ShardError(f"{location}/{largest.name}: {largest.n_bytes:,} bytes, but the cache {location.cache.folder} may hold {limit:,}; allow it more")
    return opened


@contextmanager
def _fetching(path: Path, file: ShardFile) -> Iterator[Path | None]:
    """Wait until no other process fetches `path`, and yield the path of the partial file; None if the file was completed meanwhile."""
    claim(path.parent, [path.name])
    part = path.with_name(f".{path.name}.{file.n_bytes}{_PART}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666), "ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield part if is_at(handle.fileno(), part) else None
        finally:
            if is_at(handle.fileno(), part):  # fetching failed, or another process has fetched the file meanwhile
                part.unlink(missing_ok=True)


def _download(part: Path, file: ShardFile, fs: Any, remote: str) -> None:
    from fsspec.callbacks import Callback

    began, stop = time.monotonic(), given_up()

    def look_up(*_: object, **__: object) -> None:
        """Called after each received piece, in a thread of the file system's library."""
        if stop.is_set():
            raise GivenUp(f"{remote}: cancelled")

    fs.get_file(remote, str(part), callback=Callback(hooks={"look_up": look_up}))
    problem = file_problem(part, file)
    if problem:
        raise OSError(f"it arrived with {problem}")
    logging.info("fetched %s: %.1f MB in %.1f s", remote, file.n_bytes / 1e6, time.monotonic() - began)


def _fetched_files(folder: Path) -> Iterator[tuple[int, int, str]]:
    """When each fetched data file was last opened (ns), its bytes, its path."""
    for record in folder.rglob(RECORD_NAME):
        for path in (record.parent / name for name in sorted(recorded(record.parent))):
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield status.st_mtime_ns, status.st_size, str(path)


def _coming_bytes(folder: Path) -> int:
    """Final bytes of the files being fetched; partial files of killed processes are deleted."""
    total = 0
    parts = [part for record in folder.rglob(RECORD_NAME) for part in _parts(record.parent)]
    for part in parts:
        try:
            with part.open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink(missing_ok=True)
        except BlockingIOError:
            total += int(part.name.removesuffix(_PART).rpartition(".")[2])
        except FileNotFoundError:
            continue
    return total


def _parts(folder: Path) -> list[Path]:
    """Partial files of the names that the folder's record lists."""
    ours = recorded(folder)
    matches = [(path, _PART_NAME.fullmatch(path.name)) for path in folder.glob(f".*{_PART}")]
    return [path for path, match in matches if match and match["name"] in ours]


def _with_retries(url: str, action: Callable[[Any, str], T]) -> T:
    """`action(file system, path)`, retried after errors that may be temporary. Raises ShardError with the last error, or GivenUp if the work was
    cancelled."""
    for attempt in range(ATTEMPTS):
        if given_up().is_set():
            break
        try:
            return action(*_file_system(url))
        except ShardError:
            raise
        except Exception as error:
            problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            if isinstance(error, _PERMANENT) or type(error).__name__ in _PERMANENT_NAMES:
                raise ShardError(f"{url}: cannot be read ({problem}); check the address, and your permission to read it") from None
        if attempt + 1 < ATTEMPTS and not given_up().is_set():  # cancelling may have caused the error
            logging.warning("%s: %s; trying again", url, problem)
            given_up().wait(FIRST_WAIT_SECONDS * 2**attempt)
    if given_up().is_set():
        raise GivenUp(f"{url}: cancelled")
    raise ShardError(f"{url}: {ATTEMPTS} attempts to fetch it failed (the last: {problem}); check network and server, and run again")


def _file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it. fsspec keeps one for each thread of each process."""
    try:
        import fsspec
    except ImportError:
        raise ShardError(f"{url}: reading from a URL needs fsspec; pip install 'cptkit[remote]'") from None
    protocol = url.partition("://")[0]
    try:
        return fsspec.core.url_to_fs(url, **_options(protocol))
    except (ImportError, ValueError) as error:
        raise ShardError(f"{url}: no reader for {protocol}:// ({error}); install the fsspec package for it, for s3 'cptkit[s3]'") from None


def _options(protocol: str) -> dict[str, Any]:
    if protocol not in ("http", "https"):
        return {}
    import aiohttp

    # aiohttp's default limit is 300 s for a whole file, even while data arrives
    return {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, connect=_STALL_SECONDS, sock_read=_STALL_SECONDS)}}

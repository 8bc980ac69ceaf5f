"""Download well-known fastText language models and check their SHA-256.

If no published checksum is known, the first download is trusted: its checksum is printed and written to `FILE.sha256`. Later downloads must
match that checksum, or the one that the user gives.
"""

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from curate.errors import CurateError
from shards.console import progress
from shards.folder import output_folder, write_owned

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60.0


class ModelSource(NamedTuple):
    """A published model: its URL, the file name it is saved under, and its SHA-256 if known."""

    url: str
    file: str
    sha256: str | None


class Fetched(NamedTuple):
    """A downloaded model. `checked_against` names the checksum that it matches."""

    path: Path
    sha256: str
    checked_against: str


_FTZ_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"  # of the published file of 938,013 bytes

SOURCES = {
    "lid.176.ftz": ModelSource("https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz", "lid.176.ftz", _FTZ_SHA256),
    "lid.176.bin": ModelSource("https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.bin", "lid.176.bin", None),
    "glotlid": ModelSource("https://huggingface.co/cis-lmu/glotlid/resolve/main/model_v3.bin", "glotlid_v3.bin", None),
}


def fetch_model(name: str, out: Path, sha256: str | None = None, sources: dict[str, ModelSource] = SOURCES) -> Fetched:
    """Download a model into `out`, under a temporary name until its checksum is verified. An existing file is only verified.

    Raises CurateError for an unknown name, a failed download or a wrong checksum.
    """
    if name not in sources:
        raise CurateError(f"fetch-model {name}: unknown model; known are {', '.join(sources)}; for any other fastText file, set language.model to its path")
    source = sources[name]
    path = Path(out) / source.file
    with output_folder(out):
        return _fetch(source, path, sha256)


def _fetch(source: ModelSource, path: Path, sha256: str | None) -> Fetched:
    expected, checked_against = _expected(path, source, sha256)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        checksum = _checksum(path) if path.exists() else _download(source.url, temporary)
        if expected is not None and checksum != expected:
            origin = f"{path} is" if path.exists() else f"{source.url} gave"
            raise CurateError(
                f"{origin} a file with sha256 {checksum}, expected {expected} ({checked_against}); delete the file, or pass --sha256 if you trust it"
            )
        if not path.exists():
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    line = f"{checksum}  {path.name}\n".encode()
    if not _sidecar(path).exists() or _sidecar(path).read_bytes() != line:
        write_owned(_sidecar(path), line)
    return Fetched(path, checksum, checked_against)


def _expected(path: Path, source: ModelSource, sha256: str | None) -> tuple[str | None, str]:
    if sha256 is not None:
        return sha256.lower(), "the checksum given"
    if source.sha256 is not None:
        return source.sha256, "the checksum in curate's list"
    if _sidecar(path).exists():
        return _sidecar(path).read_text().split()[0], "the first download's checksum"
    return None, "nothing: the first download is trusted; later ones must match its checksum"


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _checksum(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _download(url: str, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response, path.open("wb") as handle:
            size = response.headers.get("Content-Length")
            with progress(f"fetching {url}", int(size) if size else None) as meter:
                while chunk := response.read(_CHUNK_BYTES):
                    handle.write(chunk)
                    digest.update(chunk)
                    meter.advance(len(chunk), MB=len(chunk) / 1e6)
    except (urllib.error.URLError, TimeoutError, OSError, ValueError) as error:
        raise CurateError(f"{url}: cannot be downloaded ({error}); download it on a machine with network access and set language.model to its path") from None
    return digest.hexdigest()

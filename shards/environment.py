"""Environment variables that libraries read when they are imported: where their caches lie, and that no code is downloaded."""

import os
import pwd
import tempfile
from pathlib import Path


def settle_environment() -> None:
    """Set the variables. Runs when `shards` is imported, which every room does first; child processes inherit them.

    If the user has no home folder, or cannot write to it, as with a foreign uid in a container, caches go to `cptkit-UID` in the folder for
    temporary files. transformers is kept from fetching compiled kernels from the hub.
    """
    os.environ["USE_HUB_KERNELS"] = "NO"
    home = _home()
    if home is not None and os.access(home, os.W_OK | os.X_OK):
        return
    folder = str(_own_folder())
    os.environ.setdefault("XDG_CACHE_HOME", folder)  # numba, Hugging Face, torch, ours
    for name in ("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        os.environ.setdefault(name, str(Path(folder, name.split("_")[0].lower())))
    if home is None:
        os.environ["HOME"] = folder
    if not _has_name():
        os.environ.setdefault("USER", str(os.getuid()))  # getpass asks for a name


def cache_home() -> Path:
    """The folder for caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _home() -> Path | None:
    try:
        return home if (home := Path.home()).is_dir() else None
    except RuntimeError:  # neither HOME nor an entry in the table of users
        return None


def _has_name() -> bool:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def _own_folder() -> Path:
    """The user's folder among temporary files, to which nobody else can write."""
    folder = Path(tempfile.gettempdir()) / f"cptkit-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022:
            return Path(tempfile.mkdtemp(prefix=f"cptkit-{os.getuid()}-"))
    return folder

"""Virtual environments with other versions of some packages; all others come from the environment that runs the tests."""

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path


def make_venv(folder: Path, pins: Sequence[str]) -> Path:
    """Make the environment in `folder` unless it is there, install `pins`, and return its Python."""
    python = folder / "bin" / "python"
    done = folder / ".pins"
    if not done.exists() or done.read_text() != "\n".join(pins):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *pins], check=True)
        packages = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True)
        # Packages that the pins lack, such as torch, come from here: a .pth file appends a folder to the search path.
        (Path(packages.stdout.strip()) / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
        done.write_text("\n".join(pins))
    return python


def run_in(python: Path, *arguments: str, folder: Path) -> None:
    """Run Python with `arguments` in the environment, in `folder`. Raises RuntimeError with the end of its error output."""
    done = subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{Path(python).parents[1]} (started by {sys.executable}): {done.stderr[-2000:]}")

"""Running the five commands as a user does."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

MODULES = {"curate": "curate.cli", "tokenize": "tokenize_tools.cli", "mix": "mix.cli", "train": "train.cli", "evaluate": "eval.cli"}


def command(*arguments: object) -> list[str]:
    """The argument list that runs a command with this interpreter."""
    name, *rest = map(str, arguments)
    return [sys.executable, "-c", f"import sys; sys.argv[0] = {name!r}; from {MODULES[name]} import main; main()", *rest]


def run(*arguments: object, code: int = 0, environment: dict[str, str] | None = None) -> str:
    """Run to the end; returns standard output and error, fails the test if the exit code is another."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env=os.environ | (environment or {}))
    output = done.stdout + done.stderr
    assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{output}"
    assert "Traceback" not in output, output
    return output


def content(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Checksum of every file under `folder`, by relative path; names in `without` (files or folders) are left out."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not set(path.relative_to(folder).parts) & set(without)]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

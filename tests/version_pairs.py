"""The trainer's tests with the oldest and the newest torch and transformers that it supports, each pair in an environment of its own.

    python -m tests.version_pairs [--pair oldest|newest] [--folder DIR] [PYTEST ARGUMENTS]

`make test` runs the pair that constraints.txt pins. PyPI's torch for Linux brings CUDA's libraries, several GB; PIP_INDEX_URL may name an index without
them. The environments are kept and used again.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.venvs import make_venv

PAIRS = {"oldest": ["torch==2.11.0", "transformers==5.17.0"], "newest": ["torch==2.15.0", "transformers==5.24.0"]}
ROOT = Path(__file__).parent.parent


def main() -> int:
    """Exit code: 0 if the tests pass with every pair, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pair", choices=PAIRS, help="default: both, one after the other")
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "cptkit" / "version-pairs", help="where the environments are kept")
    options, arguments = parser.parse_known_args()
    results = {name: tested(name, options.folder, arguments) for name in ([options.pair] if options.pair else PAIRS)}
    for name, passed in results.items():
        print(f"{name} ({', '.join(PAIRS[name])}): {'passed' if passed else 'FAILED'}")
    return 0 if all(results.values()) else 1


def tested(name: str, folder: Path, arguments: list[str]) -> bool:
    """Whether the trainer's tests pass with a pair of versions."""
    python = make_venv(folder / name, PAIRS[name])
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *(arguments or ["tests/train"])]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}).returncode == 0


if __name__ == "__main__":
    sys.exit(main())

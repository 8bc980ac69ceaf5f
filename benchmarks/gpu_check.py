"""Whether this environment can run `benchmarks/gpu.sh`: one line that says what it has or lacks. Imports nothing that may be missing.

Exit codes: 0, everything is there; 1, packages are missing; 3, there is no GPU.
"""

import argparse
import importlib.metadata
import importlib.util
import sys

PACKAGES = {
    "torch": "torch", "transformers": "transformers", "safetensors": "safetensors", "tokenizers": "tokenizers", "numpy": "numpy", "pyarrow": "pyarrow",
    "pydantic": "pydantic", "yaml": "pyyaml", "rich": "rich", "typer": "typer", "xxhash": "xxhash", "numba": "numba", "pytest": "pytest",
    "accelerate": "accelerate",
}  # fmt: skip
"""Modules, and the packages that hold them. numba packs the rows, accelerate is the peer's."""


def main() -> int:
    """Print the line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    options = parser.parse_args()
    missing = [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        print(f"missing: {' '.join(missing)}; install with: {sys.executable} -m pip install -c constraints.txt {' '.join(missing)}")
        return 1
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers"))
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        print(f"no CUDA device ({versions}): the parts are skipped")
        return 3
    print(f"{torch.cuda.get_device_name() if options.device == 'cuda' else 'CPU'}, {versions}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

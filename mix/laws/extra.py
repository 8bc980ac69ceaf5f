"""The extra `laws`: scipy and scikit-learn, which only the commands on laws need."""

from importlib.util import find_spec

from mix.errors import MixError

_PACKAGES = {"scipy": "scipy", "sklearn": "scikit-learn"}
"""Modules of the extra, and the packages that hold them."""


def need_laws_extra(command: str) -> None:
    """Raise MixError with the line that installs the extra, if a package of it is missing; nothing is imported."""
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise MixError(f"`{command}` needs {' and '.join(missing)}: pip install 'cptkit[laws]'")

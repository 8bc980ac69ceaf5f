"""What `pip install -c constraints.txt '.[EXTRA]'` is given, in a form that the pip of Python 3.11 (23.2) can resolve."""

import re
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = (Path(__file__).parent.parent / "constraints.txt").read_text().split()


def test_constraints_name_one_version_each_and_no_extras():
    assert [line for line in CONSTRAINTS if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []


def test_pinned_packages_spell_each_extra_of_another_one_way():
    """pip 23.2 ends with an AssertionError where one asks for `lxml[html_clean]` and another for `lxml[html-clean]`."""
    spelled: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name in ("cptkit", *(line.split("==")[0] for line in CONSTRAINTS)):
        try:
            asked = distribution(name).requires or ()
        except PackageNotFoundError:
            continue
        for requirement in map(Requirement, asked):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                for extra in requirement.extras:
                    spelled[requirement.name.lower(), canonicalize_name(extra)].add(extra)
    assert {key: ways for key, ways in spelled.items() if len(ways) > 1} == {}

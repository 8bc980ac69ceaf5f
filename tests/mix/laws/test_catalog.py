from pathlib import Path

import pytest

from mix.errors import MixError
from mix.laws.catalog import LAWS, law_named, read_law

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "laws.md"


def test_the_page_on_laws_has_a_heading_for_every_law():
    headings = [line for line in PAGE.read_text().splitlines() if line.startswith("### ")]
    missing = [name for name in LAWS if not any(f"`{name}`" in heading for heading in headings)]
    assert not missing


def test_laws_state_their_paper_or_their_formula():
    for name, law in LAWS.items():
        assert law.name == name
        assert "=" in law.reference


def test_an_unknown_law_is_refused_with_the_names_there_are():
    with pytest.raises(MixError, match=r"no law nothing; the laws are exponential, .*d_cpt"):
        law_named("nothing")
    with pytest.raises(MixError, match="no law None"):
        read_law({})

from typing import get_args

import pytest

from curate.rewrite.pii.byte_classes import SCANNED
from curate.rewrite.pii.kinds import KINDS, PII_KINDS
from curate.rewrite.recipe import PiiKind, PiiRecipe


def test_recipes_know_every_kind() -> None:
    assert {*get_args(PiiKind), "name"} == set(KINDS)


def test_every_kind_is_found_by_the_scan_a_finder_or_a_model() -> None:
    assert {*SCANNED, *(name for name, kind in PII_KINDS.items() if kind.find), "name"} == set(KINDS)


def test_placeholders_of_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="mail: give at least one text for a kind of email, ip, iban, card, key, ssn, phone, name"):
        PiiRecipe(placeholders={"mail": ("x",)})

import random
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.rewrite.pii.tables import IBAN_LENGTHS
from tests.curate.rewrite.pii.finds import found


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Write to jo.doe+news@mail.example.co.uk.", ["jo.doe+news@mail.example.co.uk"]),
        ("<a href='mailto:a_b@x.org'>", ["a_b@x.org"]),
        ("Grüße an jürgen@web.de und info@müller.de!", ["jürgen@web.de", "info@müller.de"]),
        ("邮箱是jo@example.com。", ["jo@example.com"]),
        ("jo@example.com,ann@example.com", ["jo@example.com", "ann@example.com"]),
        ("Ends the sentence with jo@example.com. Next", ["jo@example.com"]),
        ("image@2x.png, @decorator, a@b, user@localhost, x@y.notatld", []),
        (".@example.com @example.com jo..@example.com jo@-example.com", []),
        ("a..b@example.com", ["b@example.com"]),
    ],
)
def test_mail_addresses_are_found_whole_and_nothing_else_with_an_at_sign(text, values):
    assert [value for kind, value in found(text) if kind == "email"] == values


_SLOW_EMAIL = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_%+&'~-]|\.(?!\.))*)@((?:[a-z0-9]+(?:-+[a-z0-9]+)*\.)+(?:com|uk|org))(?![a-z0-9-])(?!\.(?:com|uk|org)(?![a-z0-9-]))"
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["jim", "a-b", ".", "@", "example", "com", "uk", " ", "-", "+", "_", "x1", ".com", "@ab.com"]), max_size=12).map("".join))
@example("jo.a-b@example.com")
def test_every_reported_mail_address_matches_a_plain_expression(text):
    for value in (value for kind, value in found(text) if kind == "email"):
        assert _SLOW_EMAIL.fullmatch(value), value


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab.@-_+ 1com"), max_size=30))
def test_a_well_formed_address_between_blanks_is_found_in_any_text(text):
    assert ("email", "jo.doe@example.com") in found(f"{text} jo.doe@example.com {text}")


def _iban(country: str, bban: str) -> str:
    digits = "".join(str(int(char, 36)) for char in bban + country + "00")
    return f"{country}{98 - int(digits) % 97:02d}{bban}"


def test_an_iban_is_found_exactly_if_its_check_digits_and_length_are_right():
    rng = random.Random(0)
    for country in ("DE", "GB", "FR", "NO", "MT"):
        length = int(IBAN_LENGTHS[ord(country[0]) - 65, ord(country[1]) - 65])
        iban = _iban(country, "".join(rng.choices("0123456789", k=length - 4)))
        grouped = " ".join(iban[i : i + 4] for i in range(0, length, 4))
        wrong = iban[:-1] + str((int(iban[-1]) + 1) % 10)
        assert found(f"IBAN: {iban}, please") == [("iban", iban)]
        assert found(f"IBAN: {grouped}, please") == [("iban", grouped)]
        assert found(f"iban {iban.lower()}") == [("iban", iban.lower())]
        assert not [kind for kind, _ in found(f"{wrong} X{iban} {iban}0") if kind == "iban"]

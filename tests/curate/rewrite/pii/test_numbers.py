import pytest

from tests.curate.rewrite.pii.finds import found


def _luhn(digits: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


@pytest.mark.parametrize("prefix", ["4539148803436", "55555555555544", "37828224631000", "601111111111111", "3530111333300"])
def test_a_card_number_is_found_exactly_if_its_check_digit_is_right(prefix):
    card = _luhn(prefix.ljust(14 if prefix.startswith("37") else 15, "7"))
    grouped = " ".join([card[:4], card[4:10], card[10:]] if len(card) == 15 else [card[i : i + 4] for i in range(0, 16, 4)])
    wrong = card[:-1] + str((int(card[-1]) + 1) % 10)
    assert found(f"card {card}.") == [("card", card)]
    assert found(f"card {grouped}, 12/30") == [("card", grouped)]
    assert not [kind for kind, _ in found(f"{wrong} id_{card} https://example.org/p/{card} x{card} {card}5") if kind == "card"]


def test_social_security_numbers_follow_the_rules_of_their_issuer():
    assert found("SSN 536-22-8726") == [("ssn", "536-22-8726")]
    assert not found("000-22-8726 666-22-8726 900-22-8726 536-00-8726 536-22-0000 536-22-8726-1")

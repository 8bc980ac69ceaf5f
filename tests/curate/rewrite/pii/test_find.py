import random
import re
import time

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.rewrite.pii.find import count_pii, find_pii, replace_pii
from curate.rewrite.pii.kinds import DATATROVE_PLACEHOLDERS, KINDS, PLACEHOLDERS
from curate.rewrite.pii.tables import IBAN_LENGTHS


def found(text: str, **options: object) -> list[tuple[str, str]]:
    """(kind, value) of everything in a text."""
    pii = find_pii(pa.array([text], pa.large_string()), KINDS, **options)  # type: ignore[arg-type]
    return [(KINDS[kind], text.encode()[start:end].decode()) for _, start, end, kind in zip(*pii, strict=True)]


def replaced(*texts: str, placeholders: dict[str, tuple[str, ...]] = PLACEHOLDERS) -> list[str]:
    column = pa.array(texts, pa.large_string())
    return replace_pii(column, find_pii(column, KINDS), placeholders).to_pylist()


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
def test_what_is_called_a_mail_address_is_one_by_a_plain_expression(text):
    for value in (value for kind, value in found(text) if kind == "email"):
        assert _SLOW_EMAIL.fullmatch(value), value


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab.@-_+ 1com"), max_size=30))
def test_a_well_formed_address_between_blanks_is_found_in_any_text(text):
    assert ("email", "jo.doe@example.com") in found(f"{text} jo.doe@example.com {text}")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("from 81.2.69.160:443, then [2a00:1450:4001:812::200e]", ["81.2.69.160", "2a00:1450:4001:812::200e"]),
        ("10.0.0.1 192.168.1.1 127.0.0.1 224.0.0.251 fe80::1 2001:db8::1", []),
        ("version 101.2.3.4; section 104.1.2.200; see 1.2.3.4; pip install x>=101.2.3.4 ~=101.2.3.4 <version>101.2.3.4</version>", []),
        ("?ip=81.2.69.160&x <td>81.2.69.161</td>", ["81.2.69.160", "81.2.69.161"]),
        ("256.1.1.1 81.2.69.160.5 081.2.69.160 81.2.69", []),
        ("std::vector a::b s[3000::] 12:30:45 00:1B:44:11:3A:B7", []),
        ("6e40:4041:c617:e898:c11:40d2:c669:2eb4", ["6e40:4041:c617:e898:c11:40d2:c669:2eb4"]),
    ],
)
def test_public_ip_addresses_are_found_and_numbering_is_not(text, values):
    assert [value for kind, value in found(text) if kind == "ip"] == values


def test_private_addresses_are_found_if_asked_for():
    assert found("at 192.168.1.44", public_ips_only=False) == [("ip", "192.168.1.44")]


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


@pytest.mark.parametrize("region", ["US", "GB", "DE", "FR", "IN", "BR", "JP", "NG"])
def test_a_countrys_own_example_number_is_found_with_its_country_code(region):
    number = phonenumbers.example_number(region)
    for style in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164):
        written = phonenumbers.format_number(number, style)
        assert found(f"Reach us under {written}, any day") == [("phone", written)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("(212) 736-5000 or 212.736.5001", ["(212) 736-5000", "212.736.5001"]),
        ("Phone: 0494 92 82 32", ["0494 92 82 32"]),
        ("0494 92 82 32 apples", []),
        ("Fax 736-5000 x123, soon", ["736-5000 x123"]),
        ("电话：010 6552 9988", ["010 6552 9988"]),
        ("In 2014-2015, from 2019-01-15 to 15.01.2020, 3.1415926, 1,234,567,890 and 2020-10-21 14:30:00", []),
        ("ISBN 978-3-16-148410-0, item 20162017, 1000000000", []),
        ("https://example.org/212-736-5000 sha1 212736500055aa", []),
    ],
)
def test_telephone_numbers_are_told_from_other_numbers(text, values):
    assert [value for kind, value in found(text) if kind == "phone"] == values


def test_national_numbers_count_for_the_regions_given():
    assert found("Ruf 030 23125 000 an", regions=("US", "DE")) == [("phone", "030 23125 000")]
    assert found("Ruf 030 23125 000 an", regions=("US",)) == []


def test_social_security_numbers_follow_the_rules_of_their_issuer():
    assert found("SSN 536-22-8726") == [("ssn", "536-22-8726")]
    assert not found("000-22-8726 666-22-8726 900-22-8726 536-00-8726 536-22-0000 536-22-8726-1")


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "Q7ZK2MPLX5NB3TRV",
        "ghp_" + "a1B2c3D4e5F6" * 3,
        "xoxb-" + "2345678901-abcdefGHIJ",
        "AIza" + "Sy4x-Qk_9" * 3 + "AbCdEfGh",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq\nx9\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_keys_with_a_recognisable_form_are_found_whole(secret):
    assert found(f"export TOKEN is {secret} .") == [("key", secret)]


def test_random_values_after_a_telling_name_are_keys_and_words_are_not():
    assert found('api_key = "9fK2xQ7LmZp4RtVb8WcY"') == [("key", "9fK2xQ7LmZp4RtVb8WcY")]
    assert not found("api_key = your-api-key-goes-here, secret_key: aaaaaaaaaaaaaaaa1111")


def test_each_find_gets_its_placeholder_and_the_rest_of_the_text_stays():
    assert replaced("é jo@example.com, ü +1 212 736 5000.", "", "ok") == ["é <EMAIL>, ü <PHONE>.", "", "ok"]


def test_datatroves_placeholders_are_given_in_turn_within_each_document():
    first, second = DATATROVE_PLACEHOLDERS["email"]
    texts = ("a@x.com b@x.com c@x.com", "d@x.com")
    assert replaced(*texts, placeholders=DATATROVE_PLACEHOLDERS) == [f"{first} {second} {first}", first]


def test_where_finds_overlap_one_of_them_counts():
    assert found("2127365000@example.com") == [("email", "2127365000@example.com")]
    assert found("Phone 4111 1111 1111 1111") == [("card", "4111 1111 1111 1111")]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("0123456789 -.()+/@:abcdexyzé\n,"), max_size=60), max_size=4))
@example(["1" * 4000, "1 " * 500, "(" * 50 + "1" * 20])
def test_any_text_keeps_what_is_not_replaced(texts):
    column = pa.array(texts, pa.large_string())
    pii = find_pii(column, KINDS)
    marks = {kind: (f"\x00{kind}\x00",) for kind in KINDS}
    out = replace_pii(column, pii, marks).to_pylist()
    for doc, text in enumerate(texts):
        kept = re.split("\x00[a-z]+\x00", out[doc])
        mine = pii.doc == doc
        edges = [0, *(edge for span in zip(pii.start[mine], pii.end[mine], strict=True) for edge in span), len(text.encode())]
        assert kept == [text.encode()[edges[i] : edges[i + 1]].decode() for i in range(0, len(edges), 2)]
    assert sum(counts.sum() for counts in count_pii(pii, len(texts)).values()) == len(pii.doc)


def test_a_text_is_treated_alike_alone_and_in_a_batch_or_slice():
    texts = ["jo@example.com", "call +44 20 7946 0018", "x" * 50, "81.2.69.160"]
    column = pa.array(["skip@example.com", *texts], pa.large_string())[1:]
    assert replace_pii(column, find_pii(column, KINDS), PLACEHOLDERS).to_pylist() == [replaced(text)[0] for text in texts]


def test_finds_that_overlap_in_a_long_chain_are_chosen_one_by_one():
    chain = "".join(f"n{i}.com@" for i in range(3000)) + "end.org"
    finds = found(chain)
    assert finds == [("email", f"n{i}.com@n{i + 1}.com") for i in range(0, 2999, 2)]
    assert replaced("x@" + chain)[0].count("<EMAIL>") == 1501


def test_a_web_token_is_found_behind_runs_that_are_none():
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"
    for before in ("", "a-", "-eyJ" * 3, "eyJeyJ-", "é", "eyJabc.", "eyJabcdefghijkl.eyJabcdefghijkl "):
        spans = [match.span() for match in re.finditer(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}", before + token)]
        assert found(before + token) == [("key", (before + token)[start:end]) for start, end in spans], before


def test_places_of_many_keys_are_bytes_of_the_text():
    text = "é AKIAABCDEFGHIJKLMNOP 日" * 500
    assert found(text) == [("key", "AKIAABCDEFGHIJKLMNOP")] * 500


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["-eyJ", "é AKIAABCDEFGHIJKLMNOP ", "b.com@", "apikey   ", "-----BEGIN A A "])
def test_a_megabyte_takes_seconds(piece: str):
    texts = pa.array(["AKIAABCDEFGHIJKLMNOP " + piece * (1_000_000 // len(piece.encode()))], pa.large_string())
    find_pii(pa.array(["warm up AKIAABCDEFGHIJKLMNOP"], pa.large_string()))
    start = time.process_time()
    find_pii(texts)
    assert time.process_time() - start < 30

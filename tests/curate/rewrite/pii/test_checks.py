import phonenumbers
import pytest

from tests.curate.rewrite.pii.finds import found


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


def test_private_addresses_are_found_on_request():
    assert found("at 192.168.1.44", public_ips_only=False) == [("ip", "192.168.1.44")]


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
def test_phone_numbers_are_distinguished_from_other_numbers(text, values):
    assert [value for kind, value in found(text) if kind == "phone"] == values


def test_national_numbers_count_for_the_regions_given():
    assert found("Ruf 030 23125 000 an", regions=("US", "DE")) == [("phone", "030 23125 000")]
    assert found("Ruf 030 23125 000 an", regions=("US",)) == []

"""Checks of candidates that bytes alone cannot decide: phone numbers by context, public IP addresses, numbers of sections and versions."""

import ipaddress
import re
from functools import lru_cache

import phonenumbers

_BEFORE = re.compile(
    r"(?:\b(?:tele)?(?:phone|fax)|\bph\b|\btel(?:[eé]f(?:on[eo]?|ono))?\b|\bt[eé]l[eé]phone|\bmob(?:ile|il)?\b|\bcell(?:ular|phone)?\b|\bm[oó]vil|\bcelular"
    r"|\bhandy|\bportable|\bwhats?app|\bhotline|\bcall(?:ing)?\b|\bdial\b|\bsms\b|\bext(?:ension)?\b|телефон|\bтел\b|电话|電話|手机|传真|โทร|फ़ोन|هاتف|تلفن)"
    r"[^\n\d]{0,20}\n?[^\n\d]{0,4}$",
    re.IGNORECASE,
)
_AFTER = re.compile(r"(?:[ \t(]{1,3}|-)(?:fax|mobile|cell|office|phone|tel)\b", re.IGNORECASE)
_NUMBERED = re.compile(
    r"(?:(?:section|sections|sec|clause|article|chapter|paragraph|para|version|release|rule|part|rev|v|no)\.?|§|version\W{1,3}|section\W|[<>~!=]=|[~^])\s*$",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"[ ,;]{0,2}(?:x|ext\.?|extension)[ :]?\d{1,6}(?!\w)", re.IGNORECASE | re.ASCII)
_GROUP = re.compile(r"\d+")
_NORTH_AMERICAN = ([3, 3, 4], [1, 3, 3, 4])
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_YEARS = re.compile(r"(?:19|20)\d\d\D*(?:19|20)\d\d")
MIN_LARGEST_OCTET = 32
"""Four numbers that are all smaller are taken for a section or version; one in four thousand addresses is like that."""


def is_phone(number: str, before: str, after: str, regions: tuple[str, ...]) -> bool:
    """Whether digits with their separators are a phone number.

    With a plus (or 00) and a country code it must be possible in that country. After a word such as `phone`, or before `fax`, 7–15 digits suffice.
    Otherwise it must be written in groups and be valid in one of `regions` (ISO 3166). Lengths and ranges are those of Google's libphonenumber.
    """
    digits = re.sub(r"\D", "", number)
    if len(digits) > 15 or len(set(digits)) == 1 or _YEARS.fullmatch(number):
        return False
    if number.lstrip("(").startswith("+") or digits.startswith("00"):
        return _is_possible("+" + digits.lstrip("0"))
    if _BEFORE.search(before) or _AFTER.match(after):
        return True
    groups = [len(group) for group in _GROUP.findall(number)]
    return 2 <= len(groups) <= 6 and any(_is_grouped(groups, digits, region) and _is_valid(digits, region) for region in regions)


def extension(after: str) -> int:
    """Length of a phone extension at the start of the text after a number: `x123`, `ext. 123`, all ASCII; 0 if there is none."""
    match = _EXTENSION.match(after)
    return match.end() if match else 0


@lru_cache(1 << 12)
def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(1 << 14)
def _is_valid(digits: str, region: str) -> bool:
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed)


def _is_grouped(groups: list[int], digits: str, region: str) -> bool:
    """Whether the groups are usual in the region: 3-3-4 in North America; elsewhere the trunk prefix is required if the country has one."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.country_code == 1:
        return groups in _NORTH_AMERICAN
    return metadata.national_prefix is None or digits.startswith(metadata.national_prefix)


@lru_cache(1 << 12)
def is_ip(address: str, public_only: bool) -> bool:
    """Whether this is an IP address, and with `public_only` a public one: not private, local, reserved or for documentation (IANA's registries).

    A shortened IPv6 address (`::`) must be global unicast and have two groups, so `a::b` and `[3000::]` in programs do not count.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        plausible = max(parsed.packed) >= MIN_LARGEST_OCTET
    else:
        plausible = "::" not in address or (parsed in _GLOBAL_UNICAST and len(address.replace("::", ":").strip(":").split(":")) > 1)
    return plausible and (not public_only or (parsed.is_global and not parsed.is_multicast))


def is_numbering(before: str) -> bool:
    """Whether a number after the text `before` is that of a section or version, as in `§ 4.1.2.3` or `version 1.2.3.4`."""
    return bool(_NUMBERED.search(before))

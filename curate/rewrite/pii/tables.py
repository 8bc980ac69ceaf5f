"""Published tables: IBAN lengths, card issuers' ranges, top-level domains."""

from functools import cache
from importlib.metadata import version

import numpy as np

from curate.kernels.hashing import hash_set, text_hash
from curate.kernels.kept_arrays import kept_arrays
from curate.kernels.kernel import source_digest

_IBAN_COUNTRIES = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 "
    "GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 "
    "MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 "
    "TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
"""SWIFT IBAN registry, release 99: country and length."""

_CARD_ISSUERS = (
    (4000, 4999, (13, 16, 19)),  # Visa
    (5100, 5599, (16,)),  # Mastercard
    (2221, 2720, (16,)),
    (3400, 3499, (15,)),  # American Express
    (3700, 3799, (15,)),
    (3000, 3059, (14,)),  # Diners Club
    (3095, 3095, (14,)),
    (3600, 3699, (14,)),
    (3800, 3999, (14,)),
    (6011, 6011, (16, 19)),  # Discover
    (6440, 6599, (16, 19)),
    (3528, 3589, (16, 17, 18, 19)),  # JCB
    (1800, 1800, (15,)),
    (2131, 2131, (15,)),
    (6200, 6299, (16, 17, 18, 19)),  # UnionPay
    (2200, 2204, (16,)),  # Mir
    *((prefix, prefix, tuple(range(12, 20))) for prefix in (5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763)),  # Maestro
)
"""First four digits (from, to) and allowed numbers of digits: the issuers' published identification ranges."""


def _iban_lengths() -> np.ndarray:
    table = np.zeros((26, 26), np.uint8)
    for entry in _IBAN_COUNTRIES.split():
        table[ord(entry[0]) - 65, ord(entry[1]) - 65] = int(entry[2:])
    return table


def _card_ranges() -> np.ndarray:
    return np.array([(low, high, sum(1 << length for length in lengths)) for low, high, lengths in _CARD_ISSUERS], np.int64)


IBAN_LENGTHS = _iban_lengths()
"""Length of an IBAN in characters by its country's two letters, (26, 26) uint8; 0: no such country."""
CARD_RANGES = _card_ranges()
"""(n_ranges, 3) int64: first four digits (from, to), and a bit for each allowed number of digits."""


@cache
def top_level_domains() -> np.ndarray:
    """Hash set of all top-level domains in lower case, from tldextract's copy of the Public Suffix List."""
    return kept_arrays("top-level-domains", [version("tldextract"), source_digest(__file__)], _make_top_level_domains)["hashes"]


def _make_top_level_domains() -> dict[str, np.ndarray]:
    from curate.lists.suffixes import suffix_rules

    labels = {rule.rsplit(".", 1)[-1] for rule in suffix_rules()}
    return {"hashes": hash_set([text_hash(label) for label in labels])}

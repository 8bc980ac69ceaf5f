"""The kinds of personal data: one entry each, read by everything that depends on a kind."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.rewrite.pii.keys import find_keys

Spans = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Document, start and end of each match, (n,) int64 each; start and end are byte offsets in the document's UTF-8."""


@dataclass(frozen=True)
class Kind:
    """A kind of personal data."""

    about: str
    """What counts as one, for the reference."""
    placeholder: str
    """The text that replaces a match."""
    datatrove: tuple[str, ...] = ()
    """The texts of datatrove (pipeline/formatters/pii.py), which FineWeb has; the matches of a document get them in turn. (): the placeholder."""
    find: Callable[[pa.Array], Spans] | None = None
    """Finds the kind in texts (n_docs,) large_string. None: `scan` finds it together with others, or a model does (`name`)."""


PII_KINDS: dict[str, Kind] = {
    "email": Kind(
        "an address whose domain ends in a top-level domain of the Public Suffix List; Latin, Greek and Cyrillic letters too",
        "<EMAIL>",
        ("email@example.com", "firstname.lastname@example.org"),
    ),
    "ip": Kind(
        "IPv4 and IPv6, public ones unless `all_ips`; not the numbers of sections and versions (all four below 32, or after `version`, `§`, `>=`)",
        "<IP_ADDRESS>",
        ("22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168"),
    ),
    "iban": Kind("country, its length, check digits", "<IBAN>"),
    "card": Kind("an issuer's range with its length, Luhn's digit; not inside an address or identifier", "<CREDIT_CARD>"),
    "key": Kind(
        "keys of AWS, GitHub, GitLab, Slack, Google, Stripe, OpenAI, Hugging Face, npm, PyPI, SendGrid, JSON Web Tokens, private keys; random values after "
        "names such as `api_key`",
        "<KEY>",
        find=find_keys,
    ),
    "ssn": Kind("off by default; a US number in its usual notation", "<US_SSN>"),
    "phone": Kind(
        "with country code: possible there; after words such as `phone`: 7–15 digits; else in groups and valid in one of `regions` (libphonenumber)",
        "<PHONE>",
    ),
    "name": Kind("off by default; `names:` a spaCy pipeline or a folder of a Hugging Face token classifier", "<NAME>"),
}
"""All kinds by name. Where matches overlap, the kind that comes first here wins. `recipe.PiiKind` lists the same names, except `name`, for the type checker."""

KINDS = tuple(PII_KINDS)
"""Names of all kinds; a kind's number is its index here."""
PLACEHOLDERS: dict[str, tuple[str, ...]] = {name: (kind.placeholder,) for name, kind in PII_KINDS.items()}
DATATROVE_PLACEHOLDERS: dict[str, tuple[str, ...]] = {name: kind.datatrove or (kind.placeholder,) for name, kind in PII_KINDS.items()}

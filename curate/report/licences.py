"""Licence names as the tags of dataset hubs: "CC BY-SA 4.0" or SPDX's "GPL-3.0-only" become `cc-by-sa-4.0` and `gpl-3.0`."""

import re
from collections.abc import Iterable
from typing import Any

_TAGS = """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0 bigscience-openrail-m bsd bsd-2-clause
    bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 gemma gfdl gpl gpl-2.0 gpl-3.0 isc
    lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail
    openrail++ osl-3.0 other pddl postgresql unknown unlicense wtfpl zlib
"""
HUB_TAGS = frozenset(_TAGS.split())
"""Values of `license` that the Hugging Face hub accepts; other licences are `other` with a name."""
_WORDS = (
    ("creative-commons", "cc"),
    ("attribution", "by"),
    ("non-commercial", "nc"),
    ("noncommercial", "nc"),
    ("share-alike", "sa"),
    ("sharealike", "sa"),
    ("no-derivatives", "nd"),
    ("noderivatives", "nd"),
    ("noderivs", "nd"),
)
_ALIASES = {
    "apache": "apache-2.0",
    "apache2": "apache-2.0",
    "apache2.0": "apache-2.0",
    "cc0": "cc0-1.0",
    "cc-0": "cc0-1.0",
    "cc-zero": "cc0-1.0",
    "cc-zero-1.0": "cc0-1.0",
    "boost-1.0": "bsl-1.0",
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "odc-odbl": "odbl",
    "pddl-1.0": "pddl",
    "odc-pddl": "pddl",
    "gfdl-1.1": "gfdl",
    "gfdl-1.2": "gfdl",
    "gfdl-1.3": "gfdl",
    "gnu-fdl": "gfdl",
    "etalab": "etalab-2.0",
    "not-stated": "unknown",
}


def hub_tag(licence: str) -> str:
    """The hub's tag of a licence given by its SPDX or common name; `other` if it has none."""
    name = re.sub(r"[\s_/,]+", "-", licence.strip().lower())
    name = re.sub(r"^the-|^gnu-|-(?:licen[sc]e|international|unported|only|or-later)(?=-|$)", "", name)
    for words, short in _WORDS:
        name = name.replace(words, short)
    name = re.sub(r"-?(?:version-?|v)(?=\d)", "-", name)
    forms = (name, name.removesuffix("+"), f"{name.removesuffix('+')}.0", f"{name}-1.0")
    return next((form for form in forms if form in HUB_TAGS), None) or _ALIASES.get(name, "other")


def card_licences(licences: Iterable[str]) -> dict[str, Any]:
    """`license` of a card's metadata; with the tag `other` also `license_name`, and `license_link` if it is a URL. Empty without licences."""
    given = sorted({licence for licence in licences if licence.strip()})
    tags = sorted({hub_tag(licence) for licence in given})
    if not tags:
        return {}
    others = [licence for licence in given if hub_tag(licence) == "other"]
    metadata: dict[str, Any] = {"license": tags[0] if len(tags) == 1 else tags}
    if others:
        metadata["license_name"] = "-and-".join(_slug(licence) for licence in others)
    links = [licence for licence in others if re.match(r"https?://", licence)]
    return metadata | ({"license_link": links[0]} if len(links) == 1 else {})


def _slug(licence: str) -> str:
    """A name of the characters that the hub accepts."""
    return re.sub(r"[^a-z0-9.]+", "-", re.sub(r"^https?://", "", licence.lower())).strip("-.") or "unnamed"

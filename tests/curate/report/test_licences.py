import re

import pytest

from curate.report.licences import HUB_TAGS, card_licences, hub_tag


@pytest.mark.parametrize("tag", sorted(HUB_TAGS))
def test_a_tag_is_itself_in_any_case(tag: str) -> None:
    assert hub_tag(tag) == hub_tag(tag.upper()) == tag


@pytest.mark.parametrize(
    "written, tag",
    [
        ("Apache-2.0", "apache-2.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("Apache 2", "apache-2.0"),
        ("The MIT License", "mit"),
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "cc-by-nc-4.0"),
        ("CC0", "cc0-1.0"),
        ("Creative Commons Zero v1.0", "cc0-1.0"),
        ("GPL-3.0-only", "gpl-3.0"),
        ("GNU GPL v2", "gpl-2.0"),
        ("GPLv3+", "gpl-3.0"),
        ("LGPL-2.1-or-later", "lgpl-2.1"),
        ("BSD 3-Clause License", "bsd-3-clause"),
        ("ODC-By-1.0", "odc-by"),
        ("ODbL-1.0", "odbl"),
        ("GFDL-1.3-only", "gfdl"),
        ("EUPL v1.2", "eupl-1.2"),
        ("unknown", "unknown"),
        ("CC-BY", "other"),
        ("public domain", "other"),
        ("see the publisher", "other"),
    ],
)
def test_licences_as_people_write_them_get_the_tag_of_the_hub(written: str, tag: str) -> None:
    assert hub_tag(written) == tag


def test_a_licence_that_the_hub_has_no_tag_for_keeps_its_name_and_address() -> None:
    assert card_licences(["Apache-2.0", "", "Apache 2.0"]) == {"license": "apache-2.0"}
    assert card_licences(["", " "]) == {}
    assert card_licences(["Open Government Licence v3"]) == {"license": "other", "license_name": "open-government-licence-v3"}
    both = card_licences(["MIT", "https://example.org/Terms_of_use"])
    assert both == {"license": ["mit", "other"], "license_name": "example.org-terms-of-use", "license_link": "https://example.org/Terms_of_use"}
    assert re.fullmatch(r"[a-z0-9.-]+", card_licences(["Ünï ©"])["license_name"])

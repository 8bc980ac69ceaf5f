from tests.curate.synthesize.miners.mining import DEFINITIONS, mine


def test_definitions_are_of_quoted_or_short_terms_and_not_of_pointers():
    items = mine(DEFINITIONS, kind="definitions")
    assert [item["term"] for item in items] == ["Board", "fee", "Fixed cost"]
    assert items[0]["answer"] == "The Board of Barbers that the Mayor has appointed."
    assert "Board" in items[0]["question"]

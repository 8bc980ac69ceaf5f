from tests.curate.synthesize.miners.mining import mine


def test_a_list_is_completed_by_its_points():
    text = "A person may apply for a license if the person:\n\n- Is of age;\n\n- Lives in the city; and\n\n- Has paid the fee.\n\nThe fee is ten dollars."
    (item,) = mine(text, kind="lists")
    assert "A person may apply for a license if the person:" in item["question"]
    assert item["answer"] == "- Is of age\n- Lives in the city\n- Has paid the fee"

from tests.curate.synthesize.gates.candidates import candidate, rules


def test_the_first_of_near_copies_stays():
    texts = ["The harbour of Lund was built by merchants long ago.", "The harbour of Lund was built by merchants long ago!", "Timber comes in spring."]
    assert rules([candidate(text) for text in texts], kind="near_duplicate") == ["", "near_duplicate/of_earlier", ""]

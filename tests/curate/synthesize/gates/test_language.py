from dataclasses import replace

from tests.curate.synthesize.gates.candidates import candidate, rules


def test_another_language_than_the_source_or_the_one_asked_for_is_dropped():
    english = "The ships from the north bring timber and iron to the harbour every spring."
    german = "Die Schiffe aus dem Norden bringen jedes Jahr im Frühling Holz und Eisen in den Hafen."
    assert rules([candidate(english), candidate(german)], kind="language") == ["", "language/other"]
    assert rules([candidate(english), candidate(german)], kind="language", language="de") == ["language/other", ""]
    assert rules([candidate(german, language="")], kind="language") == [""]


def test_a_translation_is_to_be_in_its_own_language():
    german = replace(candidate("Die Schiffe aus dem Norden bringen jedes Jahr im Frühling Holz und Eisen in den Hafen."), language="de-AT")
    assert rules([german, replace(german, language="fr")], kind="language") == ["", "language/other"]

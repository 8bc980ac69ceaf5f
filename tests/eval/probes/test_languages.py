import sys

import pytest

from eval.errors import EvalError
from eval.probes.languages import expected_scripts, identifier, letters_by_script, wrong_letters, wrong_lines
from eval.probes.prompts import Prompt
from eval.probes.recipe import LanguageRecipe
from eval.probes.texts import Generated, language_items

ENGLISH = "The committee will meet again on Monday to discuss the new budget."
FRENCH = "Le comité se réunira de nouveau lundi pour discuter du nouveau budget."
RUSSIAN = "Комитет соберётся снова в понедельник, чтобы обсудить новый бюджет."


def test_letters_are_counted_by_script():
    assert letters_by_script("abc где 你 1!") == {"Latin": 3, "Cyrillic": 3, "Han": 1}
    assert expected_scripts([ENGLISH * 10, "你好"]) == {"Latin"} and expected_scripts(["12"]) == frozenset()
    assert wrong_letters("abc где 你", frozenset({"Latin"})) == (4, 7)


def test_lines_in_another_language_are_found():
    identify = identifier("py3langid")
    assert wrong_lines(f"{ENGLISH}\n{FRENCH}\n{RUSSIAN}\nok\n", "en", identify, 20, 0.8) == (2, 3)


def test_an_identifier_that_is_unsure_makes_no_line_wrong():
    assert wrong_lines(FRENCH, "en", lambda line: ("fr", 0.7), 20, 0.8) == (0, 1)
    assert wrong_lines(FRENCH, "en", lambda line: ("fr", 0.9), 20, 0.8) == (1, 1)


def test_items_are_shares_by_prompt_and_need_something_to_judge():
    prompts = [Prompt("d", bytes([number]) * 16, ENGLISH, ENGLISH, "en") for number in range(3)]
    texts = [f"{ENGLISH}\n{FRENCH}", ENGLISH, "12"]
    generated = [Generated(mode, "d", prompt.doc_id, text, [], False) for mode in ("greedy", "sampled") for prompt, text in zip(prompts, texts, strict=True)]
    items = language_items(generated, prompts, LanguageRecipe(), identifier("py3langid"))
    found = {(item.measure, item.item[0]): (item.numerator, item.denominator) for item in items}
    assert [found["wrong_language_lines", number] for number in range(3)] == [(0.5, 1), (0, 1), (0, 0)]
    assert [found["passes", number] for number in range(3)] == [(0, 1), (1, 1), (1, 0)]
    assert [found["wrong_script_letters", number] for number in range(3)] == [(0, 1), (0, 1), (0, 0)]


def test_documents_without_a_language_are_judged_by_script_alone_unless_the_recipe_names_one():
    prompt = Prompt("d", bytes(16), ENGLISH, ENGLISH, "")
    generated = [Generated("greedy", "d", prompt.doc_id, FRENCH, [], False)]
    identify = identifier("py3langid")
    assert {item.measure for item in language_items(generated, [prompt], LanguageRecipe(), identify)} == {"wrong_script_letters"}
    named = language_items(generated, [prompt], LanguageRecipe(expected={"d": "en"}), identify)
    assert next(item for item in named if item.measure == "wrong_language_lines").numerator == 1


def test_missing_packages_and_broken_models_are_told(monkeypatch, tmp_path):
    (tmp_path / "broken.bin").write_bytes(b"no model")
    with pytest.raises(EvalError, match=r"broken.bin is not a fastText model"):
        identifier(tmp_path / "broken.bin")
    identifier.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(EvalError, match=r"py3langid is not installed; pip install 'cptkit\[eval\]', or set language: null"):
        identifier("py3langid")
    identifier.cache_clear()

"""What docs/reference/rules.md shows must work."""

import re
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
import yaml

from curate.recipe import CurateRecipe
from curate.rules.chosen import chosen_rules
from curate.rules.decide import decide, load_rules
from curate.rules.ruleset import shipped_rules
from curate.signals.groups import DEFAULT_GROUPS
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "rules.md").read_text()
BLOCKS = dict(re.findall(r"```(?:yaml|python)\n# (rule-set|recipe|signals)(?:: [\w.]+)?\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(autouse=True)
def files_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(BLOCKS["rule-set"])
    Path("mine.py").write_text(BLOCKS["signals"])


def test_the_recipe_of_the_page_is_understood_with_its_rule_sets():
    recipe = CurateRecipe.model_validate({"name": "page", "inputs": ["in"], "signals": ["mine.py"], **yaml.safe_load(BLOCKS["recipe"])})
    assert [rules.name for rules in chosen_rules(recipe.rules)] == ["gopher_quality", "fineweb", "mine"]


def test_the_rule_set_and_the_signal_of_the_page_work_together():
    texts = pa.array(["# # a b\nc\nd\ne\nincomprehensibilities", "One two three."])
    signals = pl.DataFrame(measure(texts, WordSplitter(), [*DEFAULT_GROUPS, str(Path("mine.py").resolve())]))
    assert signals["n_long_words"].to_list() == [1, 0]
    assert decide(signals, load_rules("mine.yaml")).select("row", "rule").rows() == [(0, "mine/shouting"), (0, "mine/short_answers")]


def test_the_dialects_that_the_page_names_exist():
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert {"gopher_quality", "gopher_repetition", "gopher_dolma", "gopher_dclm", "c4", "fineweb"} <= named & {*shipped_rules()}

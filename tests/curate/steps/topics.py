"""A corpus of three topics, with models of them."""

import random
from pathlib import Path

from curate.fit.classifier import fit_classifier
from curate.fit.importance import fit_importance
from curate.fit.recipe import AimRecipe, ClassifierRecipe, ImportanceFitRecipe
from curate.recipe import CurateRecipe
from shards.recipe import load_recipe
from tests.curate.corpus import recipe
from tests.curate.fit.test_classifier import small, text, write_topics

RULES = """
name: mine
dialect: ours
source: test
rules:
  - {name: not_law, value: law, drop_if: '<', threshold: 0.5}
"""


def make_home(home: Path) -> Path:
    """A corpus of three topics, a classifier of them, importance weights for one."""
    write_topics(home / "in.jsonl", 60)
    source = (str(home / "in.jsonl"),)
    fit_classifier(ClassifierRecipe(labelled=source, label_column="topic", **small()), AimRecipe(label="law"), home / "topics")
    draw = random.Random(5)
    (home / "target.txt").write_text("\n".join(text("law", draw) for _ in range(50)))
    fit_importance(ImportanceFitRecipe(target=(str(home / "target.txt"),), raw=source), home / "weights")
    (home / "rules.yaml").write_text(RULES)
    return home


def load(home: Path, **changes: object) -> CurateRecipe:
    models = [
        {"kind": "fasttext", "name": "law", "path": str(home / "topics"), "label": "__label__law"},
        {"kind": "fasttext", "name": "topic", "path": str(home / "topics")},
        {"kind": "dsir", "path": str(home / "weights")},
    ]
    plain: dict[str, object] = {"models": models, "language": None, "unicode": "off", "rules": [str(home / "rules.yaml")], "keep_signals": ["topic", "dsir"]}
    path = home / "recipe.yaml"
    path.write_text(recipe(home / "in.jsonl", **(plain | changes)))
    return load_recipe(path, CurateRecipe)

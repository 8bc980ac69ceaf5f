"""Rule sets: YAML files of named expressions over signals, shipped ones by name and the user's own by path."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

import polars as pl
from pydantic import field_validator, model_validator

from curate.errors import CurateError
from curate.languages.table import FIGURES
from shards.errors import RecipeError
from shards.recipe import Recipe, load_recipe

HAS_FIGURES = "has_figures"
"""What rules of a set with figures may read: 1 in documents whose language has them, else 0."""


class Rule(Recipe):
    """One reason to drop a document: `value` compared with `threshold`, where `when` holds."""

    name: str
    """What verdicts call it, after the set's name and a slash."""
    value: str
    """Polars SQL expression over signals, as in `n_hashes / n_words`; a quotient of counts is a float."""
    drop_if: Literal["<", "<=", ">", ">="]
    """How value stands to threshold in a document that is dropped. A null or NaN value drops nothing; 0 is a value like any other."""
    threshold: float | str
    """In the unit of the value. 0 is a threshold like any other: to be rid of a rule, leave it out. A name: that figure of the document's
    language, where the set has `figures`."""
    when: str | None = None
    """Polars SQL condition over signals; where it is not true, the rule is not tried."""

    @field_validator("value", "when")
    @classmethod
    def _is_expression(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                pl.sql_expr(text)
            except (pl.exceptions.SQLSyntaxError, pl.exceptions.SQLInterfaceError, pl.exceptions.InvalidOperationError) as error:
                raise ValueError(f"not a polars SQL expression: {' '.join(str(error).split())}") from None
        return text

    def signals(self) -> set[str]:
        """Names of the signals it reads."""
        expressions = [pl.sql_expr(text) for text in (self.value, self.when) if text is not None]
        return {name for expression in expressions for name in expression.meta.root_names()}


class RuleSet(Recipe):
    """Rules that belong together, in the order in which the project they come from tries them."""

    name: str
    """Prefix of the rules' names in verdicts."""
    dialect: str
    """Whose reading of the definitions this is: sets of the same name in other projects decide otherwise."""
    source: str
    """Where definitions and thresholds come from."""
    about: str = ""
    """What to know before using it."""
    needs: str = ""
    """Key of the recipe that measures its signals, as in `rewrite: {c4: {}}`, if they are not of a group of `curate.signals`."""
    languages: tuple[str, ...] = ()
    """Languages that it was made for, as in `en`; a run warns where it judges documents in others. Empty: any."""
    web_pages: bool = False
    """Made for text extracted from web pages; a run says what other kinds of text want."""
    figures: Literal["fineweb2"] | None = None
    """Thresholds by language, which rules may name: the set judges documents in languages with figures only, and `has_figures` is 1 in those."""
    stop_words: Literal["fineweb2"] | tuple[str, ...] = ()
    """Words whose distinct ones are counted as signal `n_stop_words_SET`; `fineweb2`: those of the document's language."""
    rules: tuple[Rule, ...]
    """Every one is tried on every document."""

    @field_validator("rules")
    @classmethod
    def _names_differ(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not rules or twice:
            raise ValueError(f"two rules are called {twice[0]}" if twice else "no rules")
        return rules

    def rule_names(self) -> list[str]:
        """Full names, `set/rule`, in order."""
        return [f"{self.name}/{rule.name}" for rule in self.rules]

    @model_validator(mode="after")
    def _figures_exist(self) -> Self:
        for rule in self.rules:
            if isinstance(rule.threshold, str) and (self.figures is None or rule.threshold not in FIGURES):
                known = f"known are {', '.join(FIGURES)}" if self.figures else "only a set with `figures: fineweb2` has any"
                raise ValueError(f"rule {rule.name}: threshold {rule.threshold} is no number and no figure of a language; {known}")
        return self

    def signals(self) -> set[str]:
        """Names of all signals it reads."""
        own = {"language"} if self.figures else set()
        return {name for rule in self.rules for name in rule.signals()} - {HAS_FIGURES} | own

    def stop_word_column(self) -> str:
        """The signal that counts its own stop words."""
        return f"n_stop_words_{self.name}"


def load_rules(name_or_path: str | Path) -> RuleSet:
    """A shipped rule set by name (`gopher_quality`), or one from a YAML file by path.

    Raises CurateError if there is no such set, and with all faults of a file: key, value, what is allowed.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = _folder() / f"{name_or_path}.yaml"
        if not path.is_file():
            raise CurateError(f"no rule set is called {name_or_path}: there are {', '.join(shipped_rules())}; for your own, give the path of a .yaml file")
    status = path.stat() if path.is_file() else None
    return _load(path, (status.st_size, status.st_mtime_ns) if status else None)


@lru_cache(maxsize=32)
def _load(path: Path, version: tuple[int, int] | None) -> RuleSet:
    """Of this `version` of the file: a run asks for each set many times, an edited file is read again."""
    try:
        return load_recipe(path, RuleSet)
    except RecipeError as error:
        raise CurateError(str(error)) from None


def shipped_rules() -> list[str]:
    """Names of the rule sets that come with the package."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def _folder() -> Path:
    return Path(str(files("curate.rules")))

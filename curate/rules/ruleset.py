"""Rule sets: YAML files of named expressions over signals; shipped sets by name, users' own by path."""

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
"""Signal that rules of a set with figures may read: 1 if the document's language has figures, else 0."""


class Rule(Recipe):
    """One reason to drop a document: `value` compared with `threshold`, where `when` holds."""

    name: str
    """Name in verdicts, after the set's name and a slash."""
    value: str
    """Polars SQL expression over signals, as in `n_hashes / n_words`; a quotient of counts is a float."""
    drop_if: Literal["<", "<=", ">", ">="]
    """Comparison of value with threshold that drops a document. Null and NaN values drop nothing; 0 is a value like any other."""
    threshold: float | str
    """In the unit of the value. 0 is a threshold like any other; to disable a rule, leave it out. A name: the figure of that name for the
    document's language, if the set has `figures`."""
    when: str | None = None
    """Polars SQL condition over signals; the rule is tried only where it is true."""

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
    """Rules that belong together, in the order of the project that they come from."""

    name: str
    """Prefix of the rules' names in verdicts."""
    dialect: str
    """Project whose reading of the definitions this is; sets of the same name in other projects may decide otherwise."""
    source: str
    """Source of definitions and thresholds."""
    about: str = ""
    """What to know before using it."""
    needs: str = ""
    """Key of the recipe that measures its signals, e.g. `rewrite: {c4: {}}`, if no group of `curate.signals` does."""
    languages: tuple[str, ...] = ()
    """Languages it was made for, e.g. `en`; a run warns if it judges documents in others. Empty: any."""
    web_pages: bool = False
    """Made for text extracted from web pages; a run warns and suggests sets for other kinds of text."""
    figures: Literal["fineweb2"] | None = None
    """Thresholds by language, which rules may name. The set judges only documents in languages with figures; `has_figures` is 1 for those."""
    stop_words: Literal["fineweb2"] | tuple[str, ...] = ()
    """Stop words; the number of distinct ones is the signal `n_stop_words_SET`. `fineweb2`: those of the document's language."""
    rules: tuple[Rule, ...]
    """Each rule is tried on every document."""

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

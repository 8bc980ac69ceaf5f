"""The signals of `curate.signals` as a step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.rules.recipe import RuleSetRecipe
from curate.rules.ruleset import load_rules
from curate.signals.groups import GROUPS, groups_for
from curate.signals.measure import measure
from curate.steps.batch import Batch, Step, file_key
from curate.steps.portions import Portion, own_stop_words, portions, stop_words_for
from curate.words.choice import OTHERWISE, load_splitter


class SignalsSection(NamedTuple):
    """The keys of the recipe that decide which signals are measured."""

    words: str
    rules: Sequence[RuleSetRecipe]
    signals: Sequence[str]


class SignalsStep(Step[SignalsSection]):
    """Measures the default groups of signals, those named in the recipe and those read by its rules; one column per signal."""

    name = "signals"

    def __init__(self, section: SignalsSection, folder: Path) -> None:
        super().__init__(section, folder)
        self._words = section.words
        self._groups = section_groups(section)
        self._sets = own_stop_words(section.rules)
        self._by_language = any(rules.stop_words == "fineweb2" for rules in self._sets)
        nothing = Portion(np.zeros(0, np.int64), pa.array([], pa.large_string()), load_splitter(OTHERWISE), "")
        self.columns = list(self._measure(nothing).schema)

    @classmethod
    def key(cls, section: SignalsSection) -> Any:
        """Word splitter, groups, and stop words."""
        groups = [group if group in GROUPS else file_key(group) for group in section_groups(section)]
        return [section.words, *groups, *([rules.name, rules.stop_words] for rules in own_stop_words(section.rules))]

    def apply(self, batch: Batch) -> None:
        """Add the columns."""
        measured = [(portion.rows, self._measure(portion)) for portion in portions(batch, self._words, self._by_language)]
        signals = pa.concat_batches([signals for _, signals in measured])
        if len(measured) > 1:
            signals = signals.take(pa.array(np.argsort(np.concatenate([rows for rows, _ in measured]))))
        batch.columns.update(zip(signals.schema.names, signals.columns, strict=True))

    def _measure(self, portion: Portion) -> pa.RecordBatch:
        return measure(portion.texts, portion.splitter, self._groups, own_stop_words=stop_words_for(self._sets, portion.language))


def section_groups(section: SignalsSection) -> tuple[str, ...]:
    """Groups of signals that are measured. Raises CurateError for a group or rule set that does not exist."""
    # The signals of a set with `needs` are measured elsewhere; looking for them in the groups would load every kernel.
    sets = [rules for rules in (load_rules(chosen.name) for chosen in section.rules) if not rules.needs]
    return groups_for((name for rules in sets for name in rules.signals()), section.signals)

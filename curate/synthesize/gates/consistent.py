"""Self-consistency: keeps answers on which most samples of a prompt agree."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.gates.base import GateRecipe, field_text
from curate.synthesize.types import Candidate, Rejection

_NUMBER = regex.compile(r"-?\p{N}+(?:[.,]\p{N}+)*")
_WORDS = regex.compile(r"\p{Han}|[\p{L}\p{M}\p{N}]+")


class ConsistentGateRecipe(GateRecipe):
    """For `sampling.samples` of 3 or more with `output.per: answer`. Wang et al. 2023 (arXiv 2203.11171) vote among sampled answers."""

    kind: Literal["consistent"]
    field: str = "answer"
    """Field of the items that is compared."""
    compare: Literal["text", "words", "last_number"] = "words"
    """text: equal except for case and punctuation. words: word sets are similar by `min_overlap`. last_number: same last number, for calculations."""
    min_overlap: Annotated[float, Field(gt=0, le=1)] = 0.6
    """For `words`: minimum Jaccard similarity of two answers that agree. Default: our choice."""
    min_agree: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Minimum share of a prompt's samples that agree with a candidate, including itself. Default: our choice."""
    keep: Literal["first", "all"] = "first"
    """Keep the first of a prompt's agreeing samples, or all of them."""

    @property
    def item_fields(self) -> Sequence[str]:
        """See `GateRecipe.item_fields`."""
        return (self.field,)

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject answers without enough agreement and, with `keep: first`, those that repeat a kept one. Raises CurateError for an unknown field."""
        rejections: list[Rejection | None] = [None] * len(candidates)
        groups: dict[tuple[tuple[str, ...], str], list[int]] = defaultdict(list)
        for index, candidate in enumerate(candidates):
            groups[candidate.passages, candidate.variant].append(index)
        for members in groups.values():
            values = {index: self._value(candidates[index]) for index in members}
            kept: list[int] = []
            for index in members:
                # Completions that could not be parsed count as disagreeing.
                share = sum(self._agree(values[index], other) for other in values.values()) / max(len(members), candidates[index].samples)
                if share < self.min_agree:
                    rejections[index] = Rejection("consistent/disagrees", share, self.min_agree)
                elif self.keep == "first" and any(self._agree(values[index], values[other]) for other in kept):
                    rejections[index] = Rejection("consistent/repeats", share, self.min_agree)
                else:
                    kept.append(index)
        return rejections

    def _value(self, candidate: Candidate) -> frozenset[str]:
        text = field_text(candidate, [self.field]).casefold()
        if self.compare == "last_number":
            return frozenset(number.replace(",", "") for number in _NUMBER.findall(text)[-1:])
        words = _WORDS.findall(text)
        return frozenset(words) if self.compare == "words" else frozenset([" ".join(words)])

    def _agree(self, first: frozenset[str], second: frozenset[str]) -> bool:
        if not first or not second:
            return False
        return len(first & second) / len(first | second) >= (self.min_overlap if self.compare == "words" else 1.0)

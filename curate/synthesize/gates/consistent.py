"""Self-consistency: what most samples of one prompt agree on."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.gates.base import Gate
from curate.synthesize.gates.fields import field_text
from curate.synthesize.types import Candidate, Rejection

_NUMBER = regex.compile(r"-?\p{N}+(?:[.,]\p{N}+)*")
_WORDS = regex.compile(r"\p{Han}|[\p{L}\p{M}\p{N}]+")


class ConsistentGate(Gate):
    """For `sampling.samples` of 3 or more with `output.per: answer`. Wang et al. 2023 (arXiv 2203.11171) vote among sampled answers."""

    kind: Literal["consistent"]
    field: str = "answer"
    """Field of the items that is compared."""
    compare: Literal["text", "words", "last_number"] = "words"
    """text: equal but for case and marks. words: word sets alike by `min_overlap`. last_number: the last number in the field, for calculations."""
    min_overlap: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Of `words`: Jaccard similarity from which two answers agree. Default ours."""
    min_agree: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Least share of a prompt's samples that must agree with a candidate, itself counted. Default ours."""
    keep: Literal["first", "all"] = "first"
    """Of agreeing samples of a prompt the first alone, or all."""

    @property
    def item_fields(self) -> Sequence[str]:
        """See `Gate.item_fields`."""
        return (self.field,)

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects lone answers, and with `keep: first` those that repeat a kept one. Raises CurateError for an unknown field."""
        told: list[Rejection | None] = [None] * len(candidates)
        groups: dict[tuple[tuple[str, ...], str], list[int]] = defaultdict(list)
        for index, candidate in enumerate(candidates):
            groups[candidate.passages, candidate.variant].append(index)
        for members in groups.values():
            values = {index: self._value(candidates[index]) for index in members}
            kept: list[int] = []
            for index in members:
                # Completions that no parser could read agree with nothing.
                share = sum(self._agree(values[index], other) for other in values.values()) / max(len(members), candidates[index].samples)
                if share < self.min_agree:
                    told[index] = Rejection("consistent/disagrees", share, self.min_agree)
                elif self.keep == "first" and any(self._agree(values[index], values[other]) for other in kept):
                    told[index] = Rejection("consistent/repeats", share, self.min_agree)
                else:
                    kept.append(index)
        return told

    def _value(self, candidate: Candidate) -> frozenset[str]:
        text = field_text(candidate, [self.field]).casefold()
        if self.compare == "last_number":
            return frozenset(one.replace(",", "") for one in _NUMBER.findall(text)[-1:])
        words = _WORDS.findall(text)
        return frozenset(words) if self.compare == "words" else frozenset([" ".join(words)])

    def _agree(self, one: frozenset[str], other: frozenset[str]) -> bool:
        if not one or not other:
            return False
        return len(one & other) / len(one | other) >= (self.min_overlap if self.compare == "words" else 1.0)

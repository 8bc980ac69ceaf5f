"""Definitions that statutes, standards and textbooks write out: “X” means Y."""

from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.types import Item, SourceDocument
from shards.recipe import Recipe

_TERM = r"(?:[“\"](?P<quoted>[^”\"\n]{2,80})[”\"]|(?P<plain>\p{Lu}[\p{L}\- ]{1,60}?))"
_VERB = r"(?:\s*,[^,\n]{1,60},)?\s+(?P<verb>means|refers to|is defined as|are defined as|shall mean|has the meaning of)\s+"
_DEFINITION = regex.compile(rf"(?:^|(?<=[.;:]\s)|(?<=\)\s))(?:The term\s+)?{_TERM}{_VERB}(?P<meaning>[^\n]+?[.;])(?=\s|$)", regex.MULTILINE)


class DefinitionsMiner(Recipe):
    """Items `term`, `meaning`. A term counts if it stands in quotes, or if it begins a sentence with a capital."""

    kind: Literal["definitions"]
    min_words: Annotated[int, Field(ge=1)] = 4
    """Words of a meaning at least."""

    def mine(self, text: str, document: SourceDocument) -> list[Item]:
        """Definitions in the order of the text; a term once."""
        found: dict[str, Item] = {}
        for match in _DEFINITION.finditer(text):
            term, meaning = (match["quoted"] or match["plain"]).strip().rstrip(","), match["meaning"].rstrip(" .;")
            if len(meaning.split()) >= self.min_words and meaning.count("(") == meaning.count(")"):
                found.setdefault(term.casefold(), {"term": term, "meaning": meaning})
        return list(found.values())

    def fields(self) -> set[str]:
        """Names that items have."""
        return {"term", "meaning"}

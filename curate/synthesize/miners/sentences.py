"""Sentences, and whether one can stand for itself."""

from dataclasses import dataclass

import regex

from curate.synthesize.miners.blocks import Block
from curate.synthesize.miners.language import LanguageWords, phrase_pattern

_END = regex.compile(r"[.!?…]+[\"”’'»)\]]*\s+(?=[\"“‘'«(\[¿¡]*[\p{Lu}\p{N}§])|[。！？]+[”’」』）]*\s*")
_WORD_BEFORE = regex.compile(r"([\p{L}.]+)\.$")
_ACRONYM = regex.compile(r"(?:\p{L}\.)+\p{L}|\p{Lu}")
_BEGINNING = regex.compile(r"^[\"“‘'«¿¡「『]*(?:[\p{Lu}\p{N}]|\p{Lo})")
_ENDING = regex.compile(r"(?:[.!?][\"”’'»)]*|[。！？][”’」』）]*)$")
_STRANGE = regex.compile(r"https?://|www\.|\S@\S+\.\w|[{}<>|\\^~=]|\.\.\.|…|_{2,}|\b[Cc]lick\b|\?\s*\?")
_LEAST_FUNCTION_WORDS = 0.12
"""Share of function words below which a text is a list, a reference, or of another language; prose of these languages has 0.3 to 0.5."""
_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"), ("«", "»"), ("「", "」"), ("『", "』"), ("（", "）"))
_QUOTED = regex.compile(r"^[“\"«「『][^“”\"«»「」『』]*[”\"»」』][.。]?$")
_RUN_IN = regex.compile(r"^[\p{Lu}\p{N}][^.]{0,60}\.$")


@dataclass(frozen=True)
class Sentence:
    """`is_whole`: begins and ends as a sentence and is made of words. `leans`: it can't be understood without what came before."""

    text: str
    is_whole: bool
    leans: bool

    @property
    def stands(self) -> bool:
        """Whole, and to be understood alone."""
        return self.is_whole and not self.leans


def split(text: str, words: LanguageWords) -> list[str]:
    """Sentences of one line of text, stripped, in order; together they hold all of it. A break that is doubtful is not made."""
    found, start = [], 0
    for match in _END.finditer(text):
        end = match.start() + len(match[0].rstrip())
        if text[match.start()] != "." or _ends(text[start : match.start() + 1], text[match.end() :], words):
            found.append(text[start:end].strip())
            start = match.end()
    found.append(text[start:].strip())
    return [one for one in found if one]


def sentences(block: Block, words: LanguageWords) -> list[Sentence]:
    """Sentences of a block that is no heading. The first of a block that goes on, and the last of one that leads, are not whole."""
    texts = split(block.text, words)
    if len(texts) > 1 and _RUN_IN.match(texts[0]) and words.n_words(texts[0]) <= 4:
        texts = texts[1:]  # "5.1 Term. The term begins …"
    last = len(texts) - 1
    # “Board” means … is a sentence also where "In this chapter, the term:" stands before it.
    goes_on = block.goes_on and block.text[0] not in '“"«„「'
    return [
        Sentence(one, is_whole(one, words) and not (number == 0 and goes_on) and not (number == last and block.leads), leans(one, words))
        for number, one in enumerate(texts)
    ]


def is_whole(text: str, words: LanguageWords, least: int = 5, most: int = 90) -> bool:
    """Begins and ends as a sentence does, closes what it opens, has `least` to `most` words, and is mostly letters."""
    if not _BEGINNING.match(text) or not _ENDING.search(text) or _STRANGE.search(text) or _QUOTED.match(text):
        return False
    if any(text.count(one) != text.count(other) for one, other in _PAIRS) or text.count('"') % 2:
        return False
    if not least <= words.n_words(text) <= most:
        return False
    if words.spaces and sum(word in words.function_set for word in regex.findall(r"\p{L}+", text.casefold())) < _LEAST_FUNCTION_WORDS * len(text.split()):
        return False
    letters = sum(char.isalpha() for char in text)
    return letters >= 0.7 * sum(not char.isspace() for char in text) and not (words.spaces and text.isupper())


def leans(text: str, words: LanguageWords) -> bool:
    """Begins with a word that points back (this, it, however, …), or speaks of what stands above or below."""
    bare = text.lstrip("\"“‘'«(¿¡「『 ")
    return bool(phrase_pattern(words.dangling, words.spaces).match(bare) or phrase_pattern(words.dangling_inside, words.spaces).search(bare))


def _ends(before: str, after: str, words: LanguageWords) -> bool:
    """Whether the period at the end of `before` ends a sentence."""
    match = _WORD_BEFORE.search(before)
    if match is None:
        return not regex.search(r"(?:^|\s)[\p{N}]{1,3}\.$", before) or not after[:1].isupper() or len(before.split()) > 2
    word = match[1].casefold()
    lists = words.abbreviation_sets
    if word in lists[0]:
        return False
    if word in lists[1] and regex.match(r"[\p{N}§(]|[IVXLC]+\b", after):
        return False
    if word in lists[2] or _ACRONYM.fullmatch(match[1]):
        next_word = regex.match(r"\p{L}+", after.lstrip("\"“‘'«("))
        return next_word is not None and next_word[0].casefold() in lists[3]
    return True

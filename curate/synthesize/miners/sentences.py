"""Sentence splitting, and tests of whether a sentence is complete and can be understood alone."""

from dataclasses import dataclass

import regex

from curate.synthesize.miners.blocks import TextBlock
from curate.synthesize.miners.language import LanguageWords, phrase_pattern

_END = regex.compile(r"[.!?…]+[\"”’'»)\]]*\s+(?=[\"“‘'«(\[¿¡]*[\p{Lu}\p{N}§])|[。！？]+[”’」』）]*\s*")
_WORD_BEFORE = regex.compile(r"([\p{L}.]+)\.$")
_ACRONYM = regex.compile(r"(?:\p{L}\.)+\p{L}|\p{Lu}")
_BEGINNING = regex.compile(r"^[\"“‘'«¿¡「『]*(?:[\p{Lu}\p{N}]|\p{Lo})")
_ENDING = regex.compile(r"(?:[.!?][\"”’'»)]*|[。！？][”’」』）]*)$")
_STRANGE = regex.compile(r"https?://|www\.|\S@\S+\.\w|[{}<>|\\^~=]|\.\.\.|…|_{2,}|\b[Cc]lick\b|\?\s*\?")
_MIN_FUNCTION_WORDS = 0.12
"""Minimum share of function words. Lists, references and other languages have less; prose of these languages has 0.3 to 0.5."""
_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"), ("«", "»"), ("「", "」"), ("『", "』"), ("（", "）"))
_QUOTED = regex.compile(r"^[“\"«「『][^“”\"«»「」『』]*[”\"»」』][.。]?$")
_RUN_IN = regex.compile(r"^[\p{Lu}\p{N}][^.]{0,60}\.$")


@dataclass(frozen=True)
class Sentence:
    """`is_whole`: it begins and ends as a sentence and consists of words. `leans`: it cannot be understood without the text before it."""

    text: str
    is_whole: bool
    leans: bool

    @property
    def stands(self) -> bool:
        """Whether it is complete and can be understood alone."""
        return self.is_whole and not self.leans


def split(text: str, words: LanguageWords) -> list[str]:
    """The stripped sentences of one line of text, in order; together they hold all of it. At a doubtful break the line is not split."""
    parts, start = [], 0
    for match in _END.finditer(text):
        end = match.start() + len(match[0].rstrip())
        if text[match.start()] != "." or _ends(text[start : match.start() + 1], text[match.end() :], words):
            parts.append(text[start:end].strip())
            start = match.end()
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def sentences(block: TextBlock, words: LanguageWords) -> list[Sentence]:
    """Sentences of a paragraph or item. The first of a block that `goes_on` and the last of a block that `leads` are not whole."""
    texts = split(block.text, words)
    if len(texts) > 1 and _RUN_IN.match(texts[0]) and words.n_words(texts[0]) <= 4:
        texts = texts[1:]  # "5.1 Term. The term begins …"
    last = len(texts) - 1
    # “Board” means … is a complete sentence even after "In this chapter, the term:".
    goes_on = block.goes_on and block.text[0] not in '“"«„「'
    return [
        Sentence(sentence, is_whole(sentence, words) and not (index == 0 and goes_on) and not (index == last and block.leads), leans(sentence, words))
        for index, sentence in enumerate(texts)
    ]


def is_whole(text: str, words: LanguageWords, least: int = 5, most: int = 90) -> bool:
    """Whether a text begins and ends like a sentence, has balanced brackets and quotes, has `least` to `most` words, and is mostly letters."""
    if not _BEGINNING.match(text) or not _ENDING.search(text) or _STRANGE.search(text) or _QUOTED.match(text):
        return False
    if any(text.count(opening) != text.count(closing) for opening, closing in _PAIRS) or text.count('"') % 2:
        return False
    if not least <= words.n_words(text) <= most:
        return False
    if words.spaces and sum(word in words.function_set for word in regex.findall(r"\p{L}+", text.casefold())) < _MIN_FUNCTION_WORDS * len(text.split()):
        return False
    letters = sum(char.isalpha() for char in text)
    return letters >= 0.7 * sum(not char.isspace() for char in text) and not (words.spaces and text.isupper())


def leans(text: str, words: LanguageWords) -> bool:
    """Whether a text begins with a word that refers back (this, it, however, …), or refers to text above or below."""
    bare = text.lstrip("\"“‘'«(¿¡「『 ")
    return bool(phrase_pattern(words.dangling, words.spaces).match(bare) or phrase_pattern(words.dangling_inside, words.spaces).search(bare))


def _ends(before: str, after: str, words: LanguageWords) -> bool:
    """Whether the period at the end of `before` ends a sentence."""
    match = _WORD_BEFORE.search(before)
    if match is None:
        return not regex.search(r"(?:^|\s)[\p{N}]{1,3}\.$", before) or not after[:1].isupper() or len(before.split()) > 2
    word = match[1].casefold()
    abbreviations, number_abbreviations, unsure_abbreviations, starters = words.abbreviation_sets
    if word in abbreviations:
        return False
    if word in number_abbreviations and regex.match(r"[\p{N}§(]|[IVXLC]+\b", after):
        return False
    if word in unsure_abbreviations or _ACRONYM.fullmatch(match[1]):
        next_word = regex.match(r"\p{L}+", after.lstrip("\"“‘'«("))
        return next_word is not None and next_word[0].casefold() in starters
    return True

"""Patterns for relations between and within sentences: connectives, causes, definitions, keywords."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import regex

from curate.synthesize.miners.base import Article, capitalised
from curate.synthesize.miners.language import LanguageWords, phrase_pattern
from curate.synthesize.miners.sentences import is_whole, leans

_WORD = regex.compile(r"\p{L}[\p{L}\p{N}’'-]*")
_HAN = regex.compile(r"\p{Han}{2,6}")


class Pair(NamedTuple):
    """Two related pieces of text. `leans`: the second cannot be understood without the first."""

    first: str
    second: str
    leans: bool


class TermDefinition(NamedTuple):
    """A term, its meaning without the last period, and the sentence that contains both."""

    term: str
    meaning: str
    sentence: str


def connected(article: Article, relation: str) -> Iterator[Pair]:
    """Adjacent sentences of a block whose second begins with a connective of the relation, which is removed. The first can be understood alone."""
    words = article.words
    connectives = phrase_pattern(words.sentence_connectives.get(relation, ()), words.spaces).pattern
    # Without a comma, "in addition" may continue as "to the tax", and German inverts subject and verb.
    pattern = regex.compile(rf"(?:{connectives})(?:\s*[,，:：]\s*{'' if words.spaces else '|'}|(?<=\b(?:that|que))\s+)", regex.IGNORECASE)
    for block in article.sentences:
        for before, after in pairwise(block):
            match = pattern.match(after.text)
            if match and before.stands and after.is_whole:
                second = capitalised(after.text[match.end() :])
                if is_whole(second, words) and not second.endswith("?") and not before.text.endswith("?"):
                    yield Pair(before.text, second, leans(second, words))


def causes(article: Article, relation: str) -> Iterator[Pair]:
    """Effect (as a sentence) and cause (without its period) from sentences of the form "A because B"."""
    words = article.words
    joints = words.inside_connectives.get(relation, ())
    pattern = phrase_pattern(joints, words.spaces)
    others = phrase_pattern(tuple(phrase for phrases in words.inside_connectives.values() for phrase in phrases if phrase not in joints), words.spaces)
    for sentence in article.standing():
        matches = list(pattern.finditer(sentence))
        if len(matches) != 1 or others.search(sentence) or sentence[-1] not in ".。" or ";" in sentence:
            continue
        effect, cause = sentence[: matches[0].start()].rstrip(" ,，"), sentence[matches[0].end() :].strip(" ,，.。")
        has_verb = relation == "because" or not words.verbs or phrase_pattern(words.verbs, words.spaces).search(effect)
        if has_verb and _is_plain_effect(effect, words) and words.n_words(cause) >= 3 and not phrase_pattern(words.no_causes, words.spaces).match(cause):
            yield Pair(effect + ("." if words.spaces else "。"), cause, False)


def _is_plain_effect(effect: str, words: LanguageWords) -> bool:
    """Whether an effect is long enough for a statement, and no word near the connective changes it (not because, only because)."""
    last = effect.split()[-1].casefold() if words.spaces and effect else effect[-1:]
    is_bent = last in words.bends_cause or phrase_pattern(words.loosens_cause, words.spaces).search(effect)
    return words.n_words(effect) >= 4 and not is_bent and not leans(effect, words)


def definitions(sentence: str, words: LanguageWords) -> TermDefinition | None:
    """The definition in a sentence whose subject is a term (quoted, or a short phrase without a verb); else None."""
    verb = phrase_pattern(words.definitions, words.spaces).search(sentence)
    if verb is None or sentence.endswith("?"):
        return None
    prefix = phrase_pattern(words.definition_prefixes, words.spaces).match(sentence)
    before = sentence[prefix.end() if prefix else 0 : verb.start()].strip().rstrip(",").strip()
    quoted = regex.fullmatch(r"[“\"「『«„](?P<term>[^”\"」』»“]{1,80}?)[,.]?[”\"」』»“]", before)
    term = quoted["term"].strip() if quoted else _without_article(before, words)
    meaning = sentence[verb.end() :].strip(" ,:：")
    if not quoted and not (_is_term(term, words) and phrase_pattern(words.plain_definitions, words.spaces).fullmatch(verb[0])):
        return None
    if words.n_words(meaning) < 4 or leans(meaning, words) or (not quoted and phrase_pattern(words.not_meanings, words.spaces).match(meaning)):
        return None
    return TermDefinition(term, meaning.rstrip(".。; "), sentence)


def _without_article(text: str, words: LanguageWords) -> str:
    article = regex.match(rf"(?:{phrase_pattern(words.articles, words.spaces).pattern})\s+(?=\S)", text, regex.IGNORECASE)
    return text[article.end() :] if article else text


def _is_term(term: str, words: LanguageWords) -> bool:
    """Whether a phrase has at most five words, starts with no function word, contains no verb or comma, and does not just refer to other text."""
    parts = [part.casefold() for part in term.split()] if words.spaces else [term]
    if not term or parts[0] in words.function_words or any(part in words.function_words and part not in words.term_joints for part in parts):
        return False
    if not 1 <= words.n_words(term) <= 5 or regex.search(r"[,;:()0-9]", term) or leans(term, words):
        return False
    if phrase_pattern(words.not_terms, words.spaces).match(term) or phrase_pattern(words.verbs, words.spaces).search(term):
        return False
    return len(term) >= 3


def keywords(article: Article, sentence: str, counts: Counter[str], count: int = 4) -> list[str]:
    """The at most `count` content words of a sentence that its text uses most, at least twice each; in alphabetical order."""
    words = article.words
    pattern = _WORD if words.spaces else _HAN
    repeated = dict.fromkeys(word for word in pattern.findall(sentence) if is_content(word, words) and counts[word.casefold()] >= 2)
    return sorted(sorted(repeated, key=lambda word: (-counts[word.casefold()], word))[:count], key=str.casefold)


def topic_words(sentence: str, words: LanguageWords) -> list[str]:
    """Words of six letters or more in a sentence, which may name its topic, in order."""
    return [word for word in (_WORD if words.spaces else _HAN).findall(sentence) if len(word) >= 6 or not words.spaces]


def word_counts(article: Article) -> Counter[str]:
    """Occurrences of each lower-case word in the text."""
    pattern = _WORD if article.words.spaces else _HAN
    return Counter(word.casefold() for block in article.blocks for word in pattern.findall(block.text))


def is_content(word: str, words: LanguageWords) -> bool:
    """Whether a word has four letters or more and is not a function word."""
    return (
        (len(word) >= 4 or not words.spaces) and word.casefold() not in words.function_words and word.casefold().removesuffix("’s") not in words.function_words
    )

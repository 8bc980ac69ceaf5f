"""Patterns of relations between sentences, and inside one: connectives, causes, definitions, keywords."""

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
    """Two pieces of text in a relation; `leans`: the second can't be understood without the first."""

    first: str
    second: str
    leans: bool


class Definition(NamedTuple):
    """A term, its meaning without the last period, and the sentence that holds both."""

    term: str
    meaning: str
    sentence: str


def connected(article: Article, relation: str) -> Iterator[Pair]:
    """Neighbours in a block whose second sentence begins with a connective of the relation, which is taken off it. The first stands for itself."""
    words = article.words
    connectives = phrase_pattern(words.sentence_connectives.get(relation, ()), words.spaces).pattern
    # Without a comma "in addition" may go on as "to the tax", and German turns subject and verb round.
    pattern = regex.compile(rf"(?:{connectives})(?:\s*[,，:：]\s*{'' if words.spaces else '|'}|(?<=\b(?:that|que))\s+)", regex.IGNORECASE)
    for found in article.sentences:
        for before, after in pairwise(found):
            match = pattern.match(after.text)
            if match and before.stands and after.is_whole:
                second = capitalised(after.text[match.end() :])
                if is_whole(second, words) and not second.endswith("?") and not before.text.endswith("?"):
                    yield Pair(before.text, second, leans(second, words))


def causes(article: Article, relation: str) -> Iterator[Pair]:
    """Effect (a sentence) and cause (without its period) that one sentence joins: A because B."""
    words = article.words
    joints = words.inside_connectives.get(relation, ())
    pattern = phrase_pattern(joints, words.spaces)
    longer = phrase_pattern(tuple(one for many in words.inside_connectives.values() for one in many if one not in joints), words.spaces)
    for sentence in article.standing():
        found = list(pattern.finditer(sentence))
        if len(found) != 1 or longer.search(sentence) or sentence[-1] not in ".。" or ";" in sentence:
            continue
        effect, cause = sentence[: found[0].start()].rstrip(" ,，"), sentence[found[0].end() :].strip(" ,，.。")
        has_verb = relation == "because" or not words.verbs or phrase_pattern(words.verbs, words.spaces).search(effect)
        if has_verb and _is_plain_effect(effect, words) and words.n_words(cause) >= 3 and not phrase_pattern(words.no_causes, words.spaces).match(cause):
            yield Pair(effect + ("." if words.spaces else "。"), cause, False)


def _is_plain_effect(effect: str, words: LanguageWords) -> bool:
    """Long enough for a statement, and not one that the connective's neighbour changes (not because, only because)."""
    last = effect.split()[-1].casefold() if words.spaces and effect else effect[-1:]
    is_bent = last in words.bends_cause or phrase_pattern(words.loosens_cause, words.spaces).search(effect)
    return words.n_words(effect) >= 4 and not is_bent and not leans(effect, words)


def definitions(sentence: str, words: LanguageWords) -> Definition | None:
    """The definition that a sentence is, if its subject is a term: quoted, or a short phrase without a verb."""
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
    return Definition(term, meaning.rstrip(".。; "), sentence)


def _without_article(text: str, words: LanguageWords) -> str:
    article = regex.match(rf"(?:{phrase_pattern(words.articles, words.spaces).pattern})\s+(?=\S)", text, regex.IGNORECASE)
    return text[article.end() :] if article else text


def _is_term(term: str, words: LanguageWords) -> bool:
    """A phrase of at most five words that begins with no function word, has no verb or comma in it and is not a mere pointer."""
    parts = [part.casefold() for part in term.split()] if words.spaces else [term]
    if not term or parts[0] in words.function_words or any(part in words.function_words and part not in words.term_joints for part in parts):
        return False
    if not 1 <= words.n_words(term) <= 5 or regex.search(r"[,;:()0-9]", term) or leans(term, words):
        return False
    if phrase_pattern(words.not_terms, words.spaces).match(term) or phrase_pattern(words.verbs, words.spaces).search(term):
        return False
    return len(term) >= 3


def keywords(article: Article, sentence: str, counts: Counter[str], count: int = 4) -> list[str]:
    """Up to `count` words of a sentence that its text uses again, the rarest kind left out: no function words, in alphabetical order."""
    words = article.words
    pattern = _WORD if words.spaces else _HAN
    found = dict.fromkeys(word for word in pattern.findall(sentence) if is_content(word, words) and counts[word.casefold()] >= 2)
    return sorted(sorted(found, key=lambda word: (-counts[word.casefold()], word))[:count], key=str.casefold)


def topic_words(sentence: str, words: LanguageWords) -> list[str]:
    """Words of a sentence that may name its topic: of six letters or more, in order."""
    return [word for word in (_WORD if words.spaces else _HAN).findall(sentence) if len(word) >= 6 or not words.spaces]


def word_counts(article: Article) -> Counter[str]:
    """How often each word stands in the text, in lower case."""
    pattern = _WORD if article.words.spaces else _HAN
    return Counter(word.casefold() for block in article.blocks for word in pattern.findall(block.text))


def is_content(word: str, words: LanguageWords) -> bool:
    """A word of four letters or more that carries meaning."""
    return (
        (len(word) >= 4 or not words.spaces) and word.casefold() not in words.function_words and word.casefold().removesuffix("’s") not in words.function_words
    )

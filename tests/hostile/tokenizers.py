"""Hostile tokenizers: folders with a tokenizer.json, its companions or a SentencePiece model, each with one kind of fault.

`mutations(bases, seed, n)` gives the same folders for the same seed.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ODD_IDS = [2**32 - 1, 2**32, 2**31, 2**31 - 1, 2**24, 2**20, 2**20 - 1, 2**64, 10**30, -1, -(2**31), 0, 1.5, 1e300, "7", "", None, True, [], {}]
ODD_VALUES = [None, True, False, 0, -1, 2**31, 2**32 - 1, 1.5, -1e308, "", "x", "x" * 5000, "\x00", "\ud800", [], {}, [None], [[]], {"type": "Sequence"}]
REGEXES = ["(", ")", "[", "(a+)+$", "(a|a|aa)*b", "(?<=a+)b", "\\p{Nope}", "a{1,99999}", "(" * 500 + ")" * 500, "(?<x>a\\g<x>)", "", "(?i)", "\\", "\\1", "$^"]
TYPES = ["Nope", "ByteLevel", "Sequence", "Metaspace", "Split", "NFC", "NFKD", "Replace", "Prepend", "Precompiled", "TemplateProcessing", "BPE", "", None, 7]
EOS = [2, -1, 2**40, True, None, [], ["</s>"], {}, {"content": 5}, {"content": "<unk>"}, {"content": None}, "</nope>", "", "\ud800", 1.5]


@dataclass(frozen=True)
class Hostile:
    """A tokenizer's folder: what was done to it, its files, and whether it holds a SentencePiece model alone."""

    fault: str
    files: Mapping[str, bytes]
    is_model: bool = False


def mutations(bases: Mapping[str, bytes], seed: int, n: int) -> Iterator[Hostile]:
    """`n` folders made from sound tokenizer.json files (names ending in `.json`) and SentencePiece models (all others)."""
    texts = [bases[name] for name in sorted(bases) if name.endswith(".json")]
    models = [bases[name] for name in sorted(bases) if not name.endswith(".json")]
    makers = (flipped, cut, odd_id, odd_added, odd_merges, odd_node, nested, doubled, odd_step, empty, odd_companion)
    for index in range(n):
        draw = random.Random(f"{seed} {index}")
        if index % (len(makers) + 1) == len(makers):
            yield sentencepiece(draw, draw.choice(models))
            continue
        maker = makers[index % (len(makers) + 1)]
        files = maker(draw, draw.choice(texts))
        yield Hostile(maker.__name__, files if isinstance(files, dict) else {"tokenizer.json": files})


def _edited(text: bytes, edit: Callable[[dict[str, Any]], None]) -> bytes:
    parsed = json.loads(text)
    edit(parsed)
    return json.dumps(parsed).encode()


def _flip(draw: random.Random, content: bytes, n: int) -> bytes:
    changed = bytearray(content)
    for _ in range(n):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def flipped(draw: random.Random, text: bytes) -> bytes:
    """Some bits flipped."""
    return _flip(draw, text, draw.randint(1, 3))


def cut(draw: random.Random, text: bytes) -> bytes:
    """The end missing."""
    return text[: draw.randrange(len(text))]


def odd_id(draw: random.Random, text: bytes) -> bytes:
    """An id, or a piece's score, of another size or type."""

    def edit(parsed: dict[str, Any]) -> None:
        vocabulary = parsed["model"]["vocab"]
        value = draw.choice(ODD_IDS)
        if isinstance(vocabulary, list):
            vocabulary[draw.randrange(len(vocabulary))][draw.randrange(2)] = value
        else:
            vocabulary[draw.choice([*vocabulary, "entirely new"])] = value

    return _edited(text, edit)


def odd_added(draw: random.Random, text: bytes) -> bytes:
    """An added token with another id, text or flag, doubled, or without one of its fields."""

    def edit(parsed: dict[str, Any]) -> None:
        tokens = parsed["added_tokens"]
        token = draw.choice(tokens)
        what = draw.randrange(5)
        if what == 0:
            token["id"] = draw.choice(ODD_IDS)
        elif what == 1:
            token[draw.choice(list(token))] = draw.choice(ODD_VALUES)
        elif what == 2:
            del token[draw.choice(list(token))]
        elif what == 3:
            tokens.append(token | {"content": draw.choice(["new", token["content"], "a", " "])})
        else:
            tokens.append(draw.choice(ODD_VALUES))

    return _edited(text, edit)


def odd_merges(draw: random.Random, text: bytes) -> bytes:
    """Merges left out, doubled, reversed, of tokens that are not there, or no pairs."""

    def edit(parsed: dict[str, Any]) -> None:
        merges = parsed["model"].get("merges") or [["a", "b"]]
        at = draw.randrange(len(merges))
        what = draw.randrange(6)
        if what == 0:
            merges.pop(at)
        elif what == 1:
            merges.insert(at, merges[draw.randrange(len(merges))])
        elif what == 2:
            merges.reverse()
        elif what == 3:
            merges[at] = draw.choice([["nope", "x"], ["a", ""], ["", ""], "nope x", "a", "a b c", "#version: 0.2", " "])
        elif what == 4:
            merges[at] = draw.choice(ODD_VALUES)
        else:
            merges.clear()
        parsed["model"]["merges"] = merges

    return _edited(text, edit)


def odd_node(draw: random.Random, text: bytes) -> bytes:
    """A value of another type anywhere."""
    return _edited(text, lambda parsed: _replace(draw, parsed, draw.choice(ODD_VALUES)))


def nested(draw: random.Random, text: bytes) -> bytes:
    """Deep nesting anywhere."""
    depth, (before, after) = draw.choice([60, 130, 300, 2000, 100_000]), draw.choice([("[", "]"), ('{"a":', "}"), ('{"type":"Sequence","normalizers":[', "]}")])
    changed = _edited(text, lambda parsed: _replace(draw, parsed, "@here@"))
    return changed.replace(b'"@here@"', (before * depth + "null" + after * depth).encode())


def doubled(draw: random.Random, text: bytes) -> bytes:
    """A key given twice, with different values."""
    parsed = json.loads(text)
    vocabulary = parsed["model"]["vocab"]
    if isinstance(vocabulary, dict) and draw.random() < 0.6:
        token, number = draw.choice(list(vocabulary.items()))
        at = json.dumps(token) + ": "
        return json.dumps(parsed).replace(f"{at}{number}", f"{at}{draw.choice([number, 3, 70000])}, {at}{number}", 1).encode()
    key = draw.choice(list(parsed))
    return ("{" + json.dumps(key) + ": " + json.dumps(draw.choice(ODD_VALUES)) + ", " + json.dumps(parsed)[1:]).encode()


def odd_step(draw: random.Random, text: bytes) -> bytes:
    """A normalizer, pre-tokenizer, decoder or post-processor that is unknown, of another kind, or has a regex that cannot be or takes for ever."""
    step = draw.choice(["normalizer", "pre_tokenizer", "decoder", "post_processor", "model"])
    regex = {"type": "Split", "pattern": {"Regex": draw.choice(REGEXES)}, "behavior": "Isolated", "invert": draw.random() < 0.5}
    replace = {"type": "Replace", "pattern": {"Regex": draw.choice(REGEXES)}, "content": draw.choice(["", "x" * 100, "\x00"])}
    value = draw.choice(
        [regex, replace, {"type": draw.choice(TYPES)}, {"type": "Precompiled", "precompiled_charsmap": draw.choice(["", "AAAA", "/////w==", "!"])}]
    )
    return _edited(text, lambda parsed: parsed.update({step: value}))


def empty(draw: random.Random, text: bytes) -> bytes:
    """Nothing where something is needed, or the vocabulary of another kind of model."""

    def edit(parsed: dict[str, Any]) -> None:
        what = draw.randrange(6)
        if what == 0:
            parsed["model"]["vocab"] = draw.choice([{}, [], None])
        elif what == 1:
            parsed["model"] = draw.choice([{}, None, [], {"vocab": {}}, {"vocab": {"a": 0}}])
        elif what == 2:
            parsed["added_tokens"] = draw.choice([[], None, {}, [{}]])
        elif what == 3:
            parsed["model"]["type"] = draw.choice([*TYPES, "WordPiece", "WordLevel", "Unigram"])
        elif what == 4:
            parsed["model"].pop(draw.choice(list(parsed["model"])))
        else:
            parsed.pop(draw.choice(list(parsed)))

    return _edited(text, edit)


def odd_companion(draw: random.Random, text: bytes) -> dict[str, bytes]:
    """A sound tokenizer.json beside a config that is odd."""
    name = draw.choice(["tokenizer_config.json", "special_tokens_map.json"])
    config: Any = json.dumps({f"{draw.choice(['bos', 'eos', 'pad'])}_token": draw.choice(EOS)}).encode()
    odd = [config] * 8 + [b"", b"[]", b"7", b"null", b"[" * 100_000, b"\xff\xfe", config[:-1], _flip(draw, config, 1)]
    return {"tokenizer.json": text, name: draw.choice(odd)}


def sentencepiece(draw: random.Random, model: bytes) -> Hostile:
    """A SentencePiece model alone, under any name, whole or damaged."""
    what = draw.randrange(3)
    content = model if what == 0 else _flip(draw, model, draw.randint(1, 5)) if what == 1 else model[: draw.randrange(len(model))]
    name = draw.choice(["tokenizer.model", "sentencepiece.bpe.model", "spm", "model.bin", "vocab.spm", "tokenizer.json"])
    return Hostile("sentencepiece", {name: content}, is_model=what == 0)


def _replace(draw: random.Random, parsed: dict[str, Any], value: Any) -> None:
    holder: Any = parsed
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = draw.choice(keys)
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or draw.random() < 0.2:
            holder[key] = value
            return
        holder = inner

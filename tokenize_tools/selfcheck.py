"""Chooses a backend: a fast one is used for a tokenizer only if its ids equal the reference's on difficult texts."""

import logging
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import pyarrow as pa

from tokenize_tools.backends import Backend, Ids, build
from tokenize_tools.definition import Definition, reference_tokenizer
from tokenize_tools.errors import TokenizeError
from tokenize_tools.probe import FAST, REFERENCE, in_order, problems
from tokenize_tools.texts import strings

CHOICES = {"auto": (*FAST, REFERENCE), "hf": (REFERENCE,), "fastokens": ("fastokens",), "gigatoken": ("gigatoken",)}

_TRAPS = (
    "",
    " ",
    "\n",
    "\t \t",
    "a",
    "\x00",
    "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "line\r\nline\rline\n\n\r\n  indented\n\n\n",
    "  leading and trailing  ",
    "x" + " " * 7 + "y" + " " * 33 + "\n" + " " * 70,
    "don't DON'T we'll I'M they'Ve 'tis ’twas it’s",
    "0 12 123 1234 12345 1234567890 1,234.56 ٣٤٥ ४५६ Ⅷ ½ x²",
    "snake_case camelCase HTTPServer __init__ -> != === <!-- #!/usr/bin ${x} C:\\dir",
    "ﬁ ﬃ Å Å e\u0301 é \u1e9b\u0323 각 각 \u0344",
    "İstanbul ı ΣΑΣ ς straße ẞ ǅ ʼn",
    "日本語と中文、한국어。ｶﾞｷﾞ ㍿ 𠮷野家 \u3000全角",
    "ภาษาไทย ខ្មែរ မြန်မာ हिन्दी தமிழ் አማርኛ עִבְרִית العَرَبِيَّة",
    "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ \U000e0067\ufe0f",
    "z" + "\u0300\u0301\u0302\u0323" * 40,
    "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u00a0h\u202fi\u2003j\u2028k\u2029l\x85m",
    "\ufffd\ufffe\uffff\U0010ffff\ue000\ud7ff",
    "▁ ▁▁the ▁the Ġthe Ċ <0x0A> <0xE2><0x96> Â ä",
    "a" * 3000,
    "ab" * 3000 + " ",
    "!" * 2000 + "?" * 300,
    "あ" * 2000,
    "=-" * 700 + "\n" * 500,
    "the " * 1500,
    "QmFzZTY0IGlzIG5vdCBhIHdvcmQ" * 60,
)


def traps(definition: Definition) -> list[str]:
    """Texts on which tokenizers fail: controls, line ends, long runs, scripts, combining marks, and the tokenizer's own added tokens."""
    own = [text for token in definition.added_tokens() for text in (token, f"x{token}y", f" {token} ", token[:-1], token * 2, token.upper())]
    return [*_TRAPS, *own, " ".join(definition.added_tokens()), "".join(map(chr, range(1, 0x3000))), _one_of_each_block()]


def _one_of_each_block() -> str:
    return " ".join(chr(point) + chr(point + 1) for point in range(0x3000, 0x110000 - 1, 509) if not 0xD7FF <= point <= 0xDFFF)


def choose_backend(asked: str, definition: Definition, sample: Sequence[str]) -> Backend:
    """The first backend of `asked` ("auto", "hf", "fastokens", "gigatoken") whose ids equal the reference's on the traps and `sample`.

    "auto" tries the fast ones, logs why each fails, and falls back to the reference. Raises TokenizeError for an unknown name, and for a backend
    requested by name that is missing or gives different ids.
    """
    if asked not in CHOICES:
        raise TokenizeError(f"--backend {asked}: unknown; known are {', '.join(CHOICES)}")
    texts = strings([*traps(definition), *sample])
    reference = build(REFERENCE, definition)
    expected = None if asked == "hf" else reference.encode(texts)
    for name in in_order(CHOICES[asked], definition.parsed):
        if name == REFERENCE:
            return reference
        try:
            _refuse_fatal(name, definition)
            backend = build(name, definition)
            _refuse_difference(backend, texts, expected)
            return backend
        except TokenizeError as error:
            if asked != "auto":
                raise
            logging.warning("%s", error)
    raise AssertionError("every choice ends with a backend or an error")


def taken_from_text(definition: Definition) -> list[str]:
    """Special tokens whose text in a document is still encoded as the special id, because the model itself (Unigram) has it as a piece."""
    tokenizer = reference_tokenizer(definition.json_text)
    names = definition.added_tokens(special=True)
    return [name for name in names if tokenizer.token_to_id(name) in tokenizer.encode(name, add_special_tokens=False).ids]


def _refuse_fatal(name: str, definition: Definition) -> None:
    fault = problems([name], definition.json_text, definition.sha256)[name]
    if fault is not None:
        raise TokenizeError(f"{name} {version(name)} {fault} with the tokenizer {definition.label}; use --backend hf")


def _refuse_difference(backend: Backend, texts: pa.LargeStringArray, expected: Ids | None) -> None:
    try:
        ids = backend.encode(texts)
    except Exception as error:
        raise TokenizeError(f"{backend.name} {backend.version} fails on a test text ({error}); use --backend hf") from None
    differing = differences(ids, expected) if expected is not None else []
    if differing:
        shown = texts[differing[0]].as_py()[:40]
        raise TokenizeError(
            f"{backend.name} {backend.version} gives different ids from {REFERENCE} on {len(differing)} test texts, e.g. {shown!r}; use --backend hf"
        )


def differences(ids: Ids, expected: Ids) -> list[int]:
    """Indices of the documents whose ids differ."""
    if ids == expected:
        return []
    return [index for index in range(len(expected.offsets) - 1) if not np.array_equal(ids.document(index), expected.document(index))]

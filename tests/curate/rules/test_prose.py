"""The rule set `prose`: what people wrote passes whatever its markup, and what is no running text does not."""

import base64
import random

import polars as pl
import pyarrow as pa
import pytest

from curate.recipe import CurateRecipe
from curate.rules.decide import decide, load_rules
from curate.signals.groups import groups_for
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter
from tests.curate.corpus import document

SENTENCES = [
    "The harbour master walked along the quay and counted the boats that had come in before the storm.",
    "He had been asked to keep a record of every vessel, and he did it with a pencil that he kept behind his ear.",
    "Most of the owners knew him, and those who did not were soon told what he expected of them.",
    "When the wind turned to the north, the smaller boats had to be moved to the inner basin.",
    "A rope that is left on the stones will be gone by the morning, as he liked to say.",
    "It was the kind of work that nobody notices until it is not done.",
    "In the evening he would sit with the pilots and listen to the news from the other ports.",
    "They have always said that the sea gives and takes, but that the tax office only takes.",
]
DRAW = random.Random(7)
WORDS = [
    "mortgage",
    "shoes",
    "cheap",
    "hotel",
    "insurance",
    "laptop",
    "garden",
    "flight",
    "vitamin",
    "casino",
    "camera",
    "jacket",
    "tractor",
    "perfume",
    "printer",
    "ticket",
    "watch",
    "kitchen",
    "carpet",
]


def paragraph(n: int) -> str:
    return " ".join(DRAW.sample(SENTENCES, n))


MARKDOWN = "\n".join(
    [
        "# Mooring guide",
        "",
        paragraph(4),
        "",
        "## Before you arrive",
        "",
        *(f"- {sentence.split(',')[0]}" for sentence in SENTENCES),
        "",
        "```sh",
        "mooring list --harbour north",
        "mooring book --boat 12 --nights 3",
        "```",
        "",
        "| boat | nights |",
        "|---|---|",
        "| Anna | 3 |",
        "",
        "See [the rules](rules.md) and [the fees](fees.md).",
        "",
        paragraph(3),
    ]
)
STATUTE = "\n".join(
    [
        "12-104.",
        "Moorings.",
        "(a)",
        "The master of a vessel that is moored in the inner basin shall keep a record of the persons on board, and shall have it with the vessel;",
        "(1)",
        "To be shown to an officer of the harbour on request; and",
        "(2)",
        "To be kept for a year after the vessel has left.",
        "(b)",
        "A person who fails to keep that record is liable to a fine of not more than $ 500.",
    ]
)
BOOK = "CHAPTER IV.\n\n" + document(4, 8000)
GOOD = {"markdown": MARKDOWN, "statute": STATUTE, "book": BOOK}

NO_PROSE = {
    "keywords": (", ".join(" ".join(DRAW.choices(WORDS, k=2)) for _ in range(120)), "few_function_words"),
    "word salad": ("\n".join(" ".join(DRAW.choices(WORDS, k=12)) for _ in range(30)), "few_function_words"),
    "links": ("\n".join(f"- [{w.title()}](https://www.{w}.example/{i})" for i in range(5) for w in WORDS), "long_words"),
    "repeated lines": ("\n".join(DRAW.choices(SENTENCES[:3], k=40)), "repeated_lines"),
    "repeated sentences": (" ".join(DRAW.choices(SENTENCES[:3], k=40)), "repeated_10_grams"),
    "table": ("\n".join("+------+------+\n| " + f"{DRAW.random():.2f} | {DRAW.random():.2f} |" for _ in range(40)), "few_words_with_letters"),
    "log": ("\n".join(f"2024-01-02 10:0{i % 10}:11,123 INFO [pool-{i}] com.acme.Boat - took {7 * i} ms" for i in range(40)), "few_function_words"),
    "minified code": ("".join(f"function f{i}(a,b){{return a.{DRAW.choice(WORDS)}(b,{i})||b}}" for i in range(120)), "few_function_words"),
    "base64": ("\n".join(base64.b64encode(DRAW.randbytes(57)).decode() for _ in range(60)), "long_words"),
    "stub": ("See the page on moorings.", "too_short"),
}


def rules_that_fire(text: str, *names: str) -> list[str]:
    sets = [load_rules(name) for name in names]
    groups = groups_for({signal for rules in sets for signal in rules.signals()}, ())
    signals = pl.DataFrame(measure(pa.array([text], pa.large_string()), WordSplitter(), groups))
    return [rule for rules in sets for rule in decide(signals, rules)["rule"]]


@pytest.mark.parametrize("kind", GOOD)
def test_books_markdown_and_statutes_pass_where_the_default_rules_drop_them(kind: str) -> None:
    assert rules_that_fire(GOOD[kind], "prose") == []
    default = [rules.name for rules in CurateRecipe(name="x", inputs=["in"]).rules]
    assert rules_that_fire(GOOD[kind], *default) != []


@pytest.mark.parametrize("kind", NO_PROSE)
def test_what_is_no_running_text_is_dropped(kind: str) -> None:
    text, rule = NO_PROSE[kind]
    assert f"prose/{rule}" in rules_that_fire(text, "prose")

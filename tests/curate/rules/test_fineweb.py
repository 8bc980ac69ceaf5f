import random

import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

from tests.curate.signals.web_signals import RULE_SETS, our_reasons
from tests.curate.web_like import documents


def datatrove_reason(text: str) -> str | None:
    for name, one in zip(RULE_SETS, (GopherRepetitionFilter(), GopherQualityFilter(), FineWebQualityFilter()), strict=True):
        verdict = one.filter(Document(text=text, id=""))
        if verdict is not True:
            return f"{name}/{verdict[1]}"
    return None


def test_verdict_and_reason_are_datatroves_on_made_up_documents():
    texts = [text for text in documents(400, seed=8) if text]
    ours, theirs = our_reasons(texts), [datatrove_reason(text) for text in texts]
    assert ours == theirs
    assert len(set(theirs)) > 8


def made_up(n: int, rng: random.Random) -> list[str]:
    return ["".join(rng.choices(["ba", "ke", "lo", "mi", "nu", "sta", "ter", "vo"], k=3)) for _ in range(n)]


def sentence(rng: random.Random) -> str:
    first, *rest = made_up(9, rng)
    return f"The {first} of {' '.join(rest[:4])} have to {' '.join(rest[4:])}."


LONG = [sentence(random.Random(number)) for number in range(40)]
NEW = made_up(200, random.Random(1))


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (None, "\n".join(LONG)),
        ("gopher_repetition/dup_para_frac", "\n\n".join([*LONG[:8], *["Read more."] * 5])),
        ("gopher_repetition/dup_para_char_frac", "\n\n".join([*LONG[:10], *[LONG[0]] * 3])),
        ("gopher_repetition/dup_line_frac", "\n".join([*LONG[:8], *["Read more."] * 5])),
        ("gopher_repetition/dup_line_char_frac", "\n".join([*LONG[:10], *[LONG[0]] * 3])),
        ("gopher_repetition/top_2_gram", "go home " * 30 + " ".join(NEW[:60])),
        ("gopher_repetition/duplicated_5_n_grams", " ".join([*LONG[:3], *NEW[:20], *LONG[3:6], *NEW[:20]])),
        ("gopher_quality/gopher_short_doc", " ".join(NEW[:40])),
        ("gopher_quality/gopher_below_avg_threshold", " ".join(word[:2] for word in made_up(60, random.Random(2)))),
        ("gopher_quality/gopher_above_avg_threshold", " ".join(word * 2 for word in NEW)),
        ("gopher_quality/gopher_too_many_hashes", "#".join(LONG).replace(" ", " #", 200)),
        ("gopher_quality/gopher_too_many_ellipsis", " ".join(LONG).replace(" ", "... ", 200)),
        ("gopher_quality/gopher_too_many_bullets", "\n".join(f"  - {line}" for line in LONG)),
        ("gopher_quality/gopher_too_many_end_ellipsis", "\n".join(line[:-1] + "… " for line in LONG)),
        ("gopher_quality/gopher_below_alpha_threshold", " ".join(f"{word} {number}{number}" for number, word in enumerate(NEW))),
        ("gopher_quality/gopher_enough_stop_words", "\n".join(LONG).replace(" of ", " ").replace(" have to ", " ")),
        ("fineweb/line_punct_ratio", "\n".join(line[:-1] for line in LONG)),
        ("fineweb/short_line_ratio", "\n".join([f"{' '.join(NEW[n : n + 4])}."[-30:] for n in range(0, 180, 4)] + LONG[:2])),
        ("fineweb/char_dup_ratio", "\n".join([*LONG[:20], LONG[3]])),
        ("fineweb/list_ratio", "\n\n\n\n\n\n\n".join(LONG)),
    ],
)
def test_each_reason_is_given_where_datatrove_gives_it(reason: str | None, text: str):
    assert datatrove_reason(text) == reason
    assert our_reasons([text]) == [reason]

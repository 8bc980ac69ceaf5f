import re

from datatrove.utils.text import TERMINAL_PUNCTUATION

from tests.curate.signals.web_signals import chars, check_definitions, repeats, signals


def slow_layout_signals(text: str) -> dict[str, float]:
    lines, paragraphs = re.split("\n+", text), re.split("\n{2,}", text.strip())
    split, shown = text.splitlines(), [line for line in text.split("\n") if line.strip()]
    return {
        "n_bytes": len(text.encode()),
        "n_chars": len(text),
        "n_newlines": text.count("\n"),
        "n_hashes": text.count("#"),
        "n_ellipses": text.count("...") + text.count("…"),
        "bullet_line_ratio": sum(line.lstrip().startswith(("•", "-")) for line in split) / len(split),
        "ellipsis_line_ratio": sum(line.rstrip().endswith(("...", "…")) for line in split) / len(split),
        "dup_line_frac": len(repeats(lines)) / len(lines),
        "dup_para_frac": len(repeats(paragraphs)) / len(paragraphs),
        "dup_line_char_frac": chars(repeats(lines)) / len(text),
        "dup_para_char_frac": chars(repeats(paragraphs)) / len(text),
        "n_lines": len(shown),
        "line_punct_ratio": sum(line[-1] in TERMINAL_PUNCTUATION for line in shown) / len(shown) if shown else float("nan"),
        "short_line_ratio": sum(len(line) <= 30 for line in shown) / len(shown) if shown else float("nan"),
    }


def test_signals_are_what_their_definitions_say():
    check_definitions(slow_layout_signals)


def test_repeated_characters_of_fineweb_leave_out_blank_lines_and_newlines():
    measured = signals(["same\nsame\n \n \nother", "a\nb"])
    assert measured["char_dup_ratio"].to_list() == [4 / 15, 0]

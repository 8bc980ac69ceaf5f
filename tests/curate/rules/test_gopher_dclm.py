import polars as pl
import pyarrow as pa

from curate.rules.decide import decide, load_rules
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter


def reasons(text: str, name: str) -> set[str]:
    rules = load_rules(name)
    signals = pl.DataFrame(measure(pa.array([text], pa.large_string()), WordSplitter(), ["dolma", "dclm"]))
    return set(decide(signals, rules)["rule"].str.strip_prefix(f"{name}/"))


SENTENCE = "The {} of that mill and the board with a stone have to be found near a small river of {}."
PLAIN = [SENTENCE.format(f"{a}er{b}ing", f"{b}{a}ton") for a in ("ba", "ke", "lo", "mi") for b in ("sta", "vo", "nu")]


def test_the_dialects_differ_where_their_definitions_do():
    spaced = "\n\n".join(PLAIN)
    assert "dup_line_frac" in reasons(spaced, "gopher_dolma")
    assert "dup_line_frac" not in reasons(spaced, "gopher_dclm")
    dots = "\n".join(line[:-1] + "..." for line in PLAIN)
    assert "ellipsis_lines" not in reasons(dots, "gopher_dolma")
    assert "ellipsis_lines" in reasons(dots, "gopher_dclm")
    shouted = "\n".join(PLAIN).upper()
    assert "stop_words" in reasons(shouted, "gopher_dolma")
    assert "stop_words" not in reasons(shouted, "gopher_dclm")

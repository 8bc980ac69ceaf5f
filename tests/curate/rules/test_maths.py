import polars as pl
import pyarrow as pa

from curate.rules.decide import decide, load_rules
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter


def measured(chosen: list[str]) -> pl.DataFrame:
    return pl.DataFrame(measure(pa.array(chosen, pa.large_string()), WordSplitter(), ["sizes", "gopher_quality", "maths"]))


PROOF = "\n".join(
    f"**Theorem {n}.** Let $a_{n}$ be an integer with $a_{n} \\geq {n}$. Then $$\\sum_{{k=1}}^{{n}} k = \\frac{{n(n+1)}}{{2}} + {n}.$$ "
    f"*Proof.* By induction on $n$, the equation holds for ${n}$, and $a_{n}^2 \\equiv {n} \\pmod{{{n + 2}}}$."
    for n in range(12)
)


def reasons(text: str, name: str) -> list[str]:
    return decide(measured([text]), load_rules(name))["rule"].to_list()


def test_rules_for_prose_reject_a_proof_and_rules_for_mathematics_keep_it():
    assert "gopher_quality/gopher_below_alpha_threshold" in reasons(PROOF, "gopher_quality")
    assert reasons(PROOF, "maths") == []


def test_rules_for_mathematics_reject_prose_short_texts_and_other_languages():
    assert reasons("The river has a small bridge of stone that people of the town have known. " * 4, "maths") == ["maths/no_formulas", "maths/few_signs"]
    assert reasons("$x = 1$", "maths") == ["maths/too_short"]
    assert reasons("Où était-il né, à côté de la forêt où l'été dernier l'âne a mangé $x^2$? Le théorème était déjà prouvé là-bas.", "maths") == [
        "maths/accented"
    ]

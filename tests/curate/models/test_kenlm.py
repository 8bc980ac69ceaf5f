import itertools
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.models.kenlm import KenlmModel, kenlm_files, load_kenlm, sentences
from curate.models.recipe import KenlmRecipe

UNIGRAMS = {"<unk>": (-2.0, 0.0), "<s>": (-99.0, -0.3), "</s>": (-0.7, 0.0), "cat": (-0.9, -0.2), "sat": (-1.1, -0.1), "cafe": (-1.3, 0.0)}
BIGRAMS = {("<s>", "cat"): -0.4, ("cat", "sat"): -0.3, ("sat", "</s>"): -0.2}


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    """A bigram model with back-off weights, written out."""
    pytest.importorskip("kenlm")
    lines = ["\\data\\", f"ngram 1={len(UNIGRAMS)}", f"ngram 2={len(BIGRAMS)}", "", "\\1-grams:"]
    lines += [f"{log}\t{word}\t{backoff}" for word, (log, backoff) in UNIGRAMS.items()]
    lines += ["", "\\2-grams:", *(f"{log}\t{' '.join(pair)}" for pair, log in BIGRAMS.items()), "", "\\end\\", ""]
    (tmp_path / "tiny.arpa").write_text("\n".join(lines))
    return tmp_path / "tiny.arpa"


def slow_log10(line: str) -> float:
    """Back-off by the book: the bigram if there is one, else back-off weight plus unigram."""
    words = ["<s>", *(word if word in UNIGRAMS else "<unk>" for word in line.split()), "</s>"]
    return sum(BIGRAMS.get(pair, UNIGRAMS[pair[0]][1] + UNIGRAMS[pair[1]][0]) for pair in itertools.pairwise(words))


def slow_perplexity(lines: list[str]) -> float:
    return 10 ** (-sum(map(slow_log10, lines)) / sum(len(line.split()) + 1 for line in lines))


def test_perplexity_is_that_of_the_published_formula_line_by_line(arpa: Path) -> None:
    model = KenlmModel(arpa, None, True, "each", None)
    found = model.perplexity(pa.array(["Cat sat\n\n  CAFÉ cat dog ", "", " \n"], pa.large_string()))
    assert found[0] == pytest.approx(slow_perplexity(["cat sat", "cafe cat dog"]), rel=1e-5)
    assert np.isnan(found[1:]).all()


def test_joined_lines_are_one_sentence_as_in_cc_nets_program(arpa: Path) -> None:
    model = KenlmModel(arpa, None, True, "joined", None)
    assert model.perplexity(pa.array(["cat \nsat"], pa.large_string()))[0] == pytest.approx(slow_perplexity(["cat sat"]), rel=1e-5)
    assert sentences("cat\nsat", True, "joined", None) == ["catsat"]  # their normalisation deletes line feeds
    assert sentences("cat\nsat", False, "joined", None) == ["cat sat"]


def test_documents_fall_into_head_middle_and_tail_by_the_cutoffs(arpa: Path) -> None:
    recipe = KenlmRecipe(kind="kenlm", path=str(arpa), cutoffs=(5, 20))
    buckets = load_kenlm(recipe).buckets(np.array([1.0, 5.0, 19.9, 20.0, math.nan]))
    assert buckets.to_pylist() == ["head", "middle", "middle", "tail", None]


def test_a_model_that_is_not_there_or_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match="no such file"):
        kenlm_files(KenlmRecipe(kind="kenlm", path=str(tmp_path / "none.arpa")))
    with pytest.raises(CurateError, match="make them with `curate fit-kenlm`"):
        kenlm_files(KenlmRecipe(kind="kenlm", path=str(tmp_path)))
    pytest.importorskip("kenlm")
    (tmp_path / "bad.arpa").write_text("nothing")
    with pytest.raises(CurateError, match="KenLM cannot load it"):
        load_kenlm(KenlmRecipe(kind="kenlm", path=str(tmp_path / "bad.arpa")))

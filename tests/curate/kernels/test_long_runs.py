import re

from curate.kernels.long_runs import cut_runs, long_runs

RUNS = long_runs("ab", 4)


def test_runs_are_cut_in_pieces_where_they_are_too_long_and_nowhere_else():
    assert cut_runs("xx abab ab", RUNS) == ["xx abab ab"]
    assert cut_runs("xx ababa ab aaaaaaaab", RUNS) == ["xx abab", "a ab aaaa", "aaaa", "b"]
    assert cut_runs("", RUNS) == [""]


def test_the_pieces_make_up_the_text():
    for n in range(30):
        text = "x" + "ab" * n + "-" + "a" * n
        pieces = cut_runs(text, RUNS)
        assert "".join(pieces) == text
        assert max(len(run) for piece in pieces for run in [*re.findall("[ab]+", piece), ""]) <= 4

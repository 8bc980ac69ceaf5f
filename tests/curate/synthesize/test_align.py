"""Sentence alignment by length, and the joining of two documents sets."""

import json
import random

import pytest

from curate.errors import CurateError
from curate.synthesize.align import align_sets
from curate.synthesize.miners.gale_church import align
from shards.read import ShardSet
from tests.curate.synthesize.sets import write_documents


def beads(first: list[int], second: list[int]) -> list[tuple[int, int]]:
    return [(bead.first_stop - bead.first_start, bead.second_stop - bead.second_start) for bead in align(first, second)]


def test_equal_lengths_align_one_to_one_also_where_one_language_is_three_times_as_short():
    lengths = [40, 90, 20, 61, 33]
    assert beads(lengths, lengths) == [(1, 1)] * 5
    assert beads(lengths, [length // 3 for length in lengths]) == [(1, 1)] * 5


def test_a_sentence_that_was_split_joined_or_left_out_is_found():
    assert beads([80, 100, 60], [80, 50, 50, 60]) == [(1, 1), (1, 2), (1, 1)]
    assert beads([80, 50, 50, 60], [80, 100, 60]) == [(1, 1), (2, 1), (1, 1)]
    lengths = [80, 41, 120, 66, 200, 73, 90, 35, 110, 58] * 3
    assert beads(lengths, lengths[:14] + lengths[15:]) == [(1, 1)] * 14 + [(1, 0)] + [(1, 1)] * 15


def test_every_sentence_is_in_one_bead_in_order():
    draw = random.Random(3)
    for _ in range(20):
        first, second = ([draw.randint(1, 150) for _ in range(draw.randint(0, 9))] for _ in range(2))
        found = align(first, second)
        assert [place for bead in found for place in range(bead.first_start, bead.first_stop)] == list(range(len(first)))
        assert [place for bead in found for place in range(bead.second_start, bead.second_stop)] == list(range(len(second)))


def test_files_of_two_languages_are_joined_by_what_their_names_share(tmp_path):
    english = write_documents(tmp_path / "en", ["One.", "Two."], file="en/a.md")
    german = write_documents(tmp_path / "de", ["Eins."], file="de/a.md", language="de")
    counts = align_sets(english, german, r"[^/]+$", "", tmp_path / "out")
    rows = ShardSet(tmp_path / "out").to_table().to_pylist()
    assert counts == {"documents": 2, "aligned": 2}
    assert json.loads(rows[0]["metadata"])["translation"] == "Eins." and json.loads(rows[0]["metadata"])["translation_language"] == "de"


def test_names_that_share_nothing_are_told(tmp_path):
    english = write_documents(tmp_path / "en", ["One."], file="en/a.md")
    german = write_documents(tmp_path / "de", ["Eins."], file="de/b.md")
    with pytest.raises(CurateError, match=r"matches the same text in no two file names, e\.g\. en/a\.md and de/b\.md"):
        align_sets(english, german, r"[^/]+$", "", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(CurateError, match="not a valid pattern"):
        align_sets(english, german, "(", "", tmp_path / "out")

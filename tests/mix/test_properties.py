"""What holds for every mix, through `mix.build` and `mix.stream` alone: made-up sources, weights, row lengths and seeds."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mix.build import build, preview
from mix.errors import MixError
from mix.recipe import MixRecipe
from mix.stream import open_mix
from tests.mix.conftest import read_documents, write_tokens

few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Case:
    """Sources as lengths of their documents, with a weight and the most epochs of each."""

    lengths: list[list[int]]
    weights: list[int]
    max_epochs: list[float]
    row_tokens: int
    seed: int
    packing: str
    files: int = 1 << 20
    folders: dict[str, Path] = field(default_factory=dict)

    def write(self, folder: Path) -> "Case":
        for number, lengths in enumerate(self.lengths):
            self.folders[f"s{number}"] = write_tokens(folder / f"tokens{number}", lengths, seed=number, rows_per_file=self.files, batch=7)
        return self

    def recipe(self, out: Path, tokens: int, **changes) -> MixRecipe:
        sources = {name: {"tokens": [path], "max_epochs": cap} for (name, path), cap in zip(self.folders.items(), self.max_epochs, strict=True)}
        stage = {"tokens": tokens, "weights": dict(zip(self.folders, self.weights, strict=True))}
        given = {"name": "case", "seed": self.seed, "row_tokens": self.row_tokens, "packing": self.packing, "out": out, "sources": sources, "stages": [stage]}
        return MixRecipe.model_validate(given | changes)

    def largest(self, out: Path) -> int:
        """The largest total, as the refusal of a larger one states it."""
        with pytest.raises(MixError) as refusal:
            preview(self.recipe(out, 10**12))
        return int(re.search(r"request at most ([\d,]+) tokens in total", str(refusal.value))[1].replace(",", ""))


@st.composite
def cases(draw) -> Case:
    n = draw(st.integers(1, 3))
    some_lengths = st.lists(st.integers(0, 60), min_size=1, max_size=30).filter(lambda lengths: sum(lengths) >= 10)
    lists = [st.lists(kind, min_size=n, max_size=n) for kind in (some_lengths, st.integers(1, 9), st.sampled_from([1.0, 1.5, 2.0, 3.0]))]
    lengths, weights, max_epochs = map(draw, lists)
    packing = draw(st.sampled_from(["best_fit", "concat"]))
    return Case(lengths, weights, max_epochs, draw(st.integers(2, 40)), draw(st.integers(0, 99)), packing, draw(st.sampled_from([5, 1 << 20])))


def as_rows(batch) -> list[tuple]:
    """Everything a batch says of each of its rows."""
    columns = (batch.seg_lengths, batch.seg_sources, batch.seg_doc_ids, batch.seg_starts)
    segments = [tuple(column[low:high].tolist() for column in columns) for low, high in zip(batch.seg_offsets[:-1], batch.seg_offsets[1:], strict=True)]
    return list(zip(batch.row_numbers.tolist(), batch.input_ids.tolist(), batch.n_tokens.tolist(), segments, strict=True))


def tokens_by_place(mix, source: int) -> list[list[tuple[bytes, int, int]]]:
    """Row by row of one source, in the order of the run: (document, place in it, token) of every real token."""
    batch, found = mix.rows(0, mix.n_rows), []
    for row, (low, high) in enumerate(zip(batch.seg_offsets[:-1], batch.seg_offsets[1:], strict=True)):
        if batch.seg_sources[low] == source:
            ids, places = batch.input_ids[row].tolist(), []
            for segment in range(low, high):
                doc, start, length = batch.seg_doc_ids[segment].tobytes(), int(batch.seg_starts[segment]), int(batch.seg_lengths[segment])
                places += [(doc, start + place, ids[len(places) + place]) for place in range(length)]
            found.append(places)
    return found


@few
@given(case=cases())
def test_every_token_comes_exactly_once_in_every_epoch(tmp_path_factory, case):
    folder = tmp_path_factory.mktemp("mix")
    case.write(folder)
    plan, _ = build(case.recipe(folder / "out", case.largest(folder / "out")))
    mix = open_mix(folder / "out")
    for number, (name, source) in enumerate(zip(case.folders, plan.sources, strict=True)):
        documents = read_documents(case.folders[name])
        expected = sorted((doc, place, token) for doc, tokens in documents.items() for place, token in enumerate(tokens))
        rows = tokens_by_place(mix, number)
        for first in range(0, len(rows), source.n_rows):
            epoch = sorted(token for row in rows[first : first + source.n_rows] for token in row)
            if len(rows) - first >= source.n_rows:
                assert epoch == expected
            else:
                assert len(epoch) == len(set(epoch)) and set(epoch) <= set(expected)


@few
@given(case=cases(), part=st.floats(0.05, 1), batch_rows=st.integers(1, 9), world=st.integers(1, 6), start=st.floats(0, 1))
def test_any_number_of_ranks_from_any_row_sees_the_order_of_the_run(tmp_path_factory, case, part, batch_rows, world, start):
    folder = tmp_path_factory.mktemp("mix")
    case.write(folder)
    build(case.recipe(folder / "out", max(1, int(part * case.largest(folder / "out")))))
    mix = open_mix(folder / "out")
    straight = as_rows(mix.rows(0, mix.n_rows))
    first = int(start * mix.n_rows)
    ranks = [list(mix.stream(first, batch_rows, rank, world)) for rank in range(world)]
    assert len({len(batches) for batches in ranks}) == 1
    assert [row for step in zip(*ranks, strict=True) for row in sorted(row for batch in step for row in as_rows(batch))] == straight[first:]
    one_by_one = [row for number in range(first, mix.n_rows) for row in as_rows(mix.rows(number, number + 1))]
    assert one_by_one == straight[first:]


@few
@given(case=cases())
def test_the_stated_largest_total_is_feasible_and_one_row_more_is_not(tmp_path_factory, case):
    folder = tmp_path_factory.mktemp("mix")
    largest = case.write(folder).largest(folder / "out")
    plan, shown = build(case.recipe(folder / "out", largest))
    assert abs(plan.n_tokens - largest) <= case.row_tokens
    for source, cap in zip(shown["sources"], case.max_epochs, strict=True):
        assert source["tokens"] <= source["available_tokens"] * cap + case.row_tokens
    with pytest.raises(MixError, match=f"request at most {largest:,} tokens in total"):
        build(case.recipe(folder / "more", largest + case.row_tokens))
    assert not (folder / "more").exists()


@few
@given(case=cases(), part=st.floats(0.05, 1))
def test_no_source_is_ever_more_than_a_row_from_its_share(tmp_path_factory, case, part):
    folder = tmp_path_factory.mktemp("mix")
    case.write(folder)
    build(case.recipe(folder / "out", max(1, int(part * case.largest(folder / "out")))))
    mix = open_mix(folder / "out")
    given_tokens = np.stack([mix.tokens_before(row) for row in range(mix.n_rows + 1)])
    share = np.array(case.weights) / sum(case.weights)
    assert np.abs(given_tokens - given_tokens.sum(axis=1, keepdims=True) * share).max() <= case.row_tokens


@few
@given(case=cases(), part=st.floats(0.05, 1))
def test_the_preview_is_what_is_built_and_building_again_changes_nothing(tmp_path_factory, case, part):
    folder = tmp_path_factory.mktemp("mix")
    case.write(folder)
    recipe = case.recipe(folder / "out", max(1, int(part * case.largest(folder / "out"))))
    before = preview(recipe)
    plan, content = build(recipe)
    assert before == content
    assert build(recipe)[0].hash == plan.hash == build(case.recipe(folder / "other", recipe.stages[0].tokens))[0].hash

"""Stages whose rows have different lengths."""

import itertools

import numpy as np
import pytest

from mix.build import build, preview
from mix.errors import MixError
from mix.preview import read_preview, with_costs
from mix.recipe import MixRecipe
from mix.row_view import inspect_row
from mix.stream import RowStream, open_mix
from mix.stream.datasets import RowDataset
from shards.read import ShardSet
from shards.remote import Cache
from tests.mix.conftest import read_documents

STAGES = [
    {"name": "short", "tokens": 12_000, "row_tokens": 32, "weights": {"web": 3, "law": 1}},
    {"name": "middle", "tokens": 9000, "weights": {"web": 1, "law": 1}},
    {"name": "long", "tokens": 15_000, "row_tokens": 256, "weights": {"law": 1}},
    {"name": "short again", "tokens": 6000, "row_tokens": 32, "weights": {"web": 3, "law": {"from": 0.5, "to": 2}}},
]
LENGTHS = {"short": 32, "middle": 64, "long": 256, "short again": 32}


@pytest.fixture
def lengths(two_sources):
    def make(**changes) -> MixRecipe:
        return two_sources(**({"stages": STAGES} | changes))

    return make


@pytest.fixture
def mix(lengths, tmp_path):
    build(lengths())
    return open_mix(tmp_path / "out")


def stage_of(mix, row):
    return [stage for stage in mix.plan.stages if stage.first_row <= row][-1]


def test_every_stage_has_rows_of_its_own_length(mix):
    assert [(stage.name, stage.row_tokens) for stage in mix.plan.stages] == list(LENGTHS.items())
    assert [length.row_tokens for length in mix.lengths] == [32, 64, 256, 32] and mix.row_tokens == 256
    assert [length.first_row for length in mix.lengths] == [stage.first_row for stage in mix.plan.stages]
    for row in range(mix.n_rows):
        one = mix.take([row])
        assert one.input_ids.shape == (1, LENGTHS[stage_of(mix, row).name]) and 1 <= one.n_tokens[0] <= one.input_ids.shape[1]


def test_rows_hold_the_tokens_of_their_documents(mix, lengths):
    recipe = lengths()
    documents = {name: {} for name in recipe.sources}
    for name, source in recipe.sources.items():
        for folder in source.tokens:
            documents[name] |= read_documents(folder)
    for row in range(0, mix.n_rows, 3):
        one, first = mix.take([row]), 0
        for length, source, doc_id, start in zip(one.seg_lengths, one.seg_sources, one.seg_doc_ids, one.seg_starts, strict=True):
            assert one.input_ids[0, first : first + length].tolist() == documents[mix.sources[source]][doc_id.tobytes()][start : start + length]
            first += length
        assert first == one.n_tokens[0] and (one.input_ids[0, first:] == mix.pad_id).all()


def test_shares_are_within_a_row_at_every_prefix_of_every_stage(mix):
    """By the definition: within a stage, tokens given differ from tokens requested by at most one of its rows. A stage begins where the last row of the
    one before it ends, so `late` of its tokens are given already."""
    rows = mix.rows(0, mix.n_rows)
    by_row = np.zeros((mix.n_rows, 2))
    np.add.at(by_row, (np.repeat(np.arange(mix.n_rows), np.diff(rows.seg_offsets)), rows.seg_sources), rows.seg_lengths)
    firsts = [stage.first_row for stage in mix.plan.stages] + [mix.n_rows]
    planned = 0
    for stage, first, stop in zip(mix.plan.stages, firsts, firsts[1:], strict=False):
        late = by_row[:first].sum() - planned
        planned += stage.tokens
        begin, end = (
            np.array([sum(ends[n] for n, source in enumerate(mix.plan.sources) if source.name == name) for name in mix.sources])
            for ends in (stage.begin, stage.end)
        )

        def requested(tokens, begin=begin, end=end, total=stage.tokens):
            return np.outer(tokens, begin) + np.outer(tokens**2, end - begin) / (2 * total)

        given = np.cumsum(by_row[first:stop], axis=0)
        wanted = requested(late + given.sum(axis=1)) - requested(np.array([late]))
        assert np.abs(given - wanted).max() <= stage.row_tokens, stage.name
        assert 0 <= late <= 256 and abs(late + given[-1].sum() - stage.tokens) <= stage.row_tokens


def test_tokens_before_a_row_are_those_of_the_rows_before(mix):
    rows = mix.rows(0, mix.n_rows)
    for row in (0, 1, 100, mix.lengths[1].first_row, mix.lengths[2].first_row + 7, mix.lengths[3].first_row, mix.n_rows):
        inside = slice(0, rows.seg_offsets[row])
        assert mix.tokens_before(row).tolist() == np.bincount(rows.seg_sources[inside], rows.seg_lengths[inside], 2).astype(int).tolist()


def test_a_length_that_comes_again_goes_on_where_its_rows_stopped(mix):
    """No row of the short packing comes twice before all of its epoch came."""
    seen = {}
    for number in range(mix.n_rows):
        one = mix.take([number])
        if one.input_ids.shape[1] == 32:
            key = (int(one.seg_sources[0]), one.seg_doc_ids.tobytes(), one.seg_starts.tobytes())
            seen[key] = seen.get(key, 0) + 1
    web = [count for (source, *_), count in seen.items() if source == mix.sources.index("web")]
    assert set(web) == {1}


def test_any_rows_are_the_same_however_they_are_read(mix, tmp_path):
    whole = [mix.take([row]) for row in range(mix.n_rows)]
    ranks = [list(mix.stream(5, 7, rank, 3)) for rank in range(3)]
    for first, parts in zip(range(5, mix.n_rows, 7), zip(*ranks, strict=True), strict=True):
        assert len({part.input_ids.shape[1] for part in parts}) == 1  # padded to the longest, on every rank
        for rank, part in enumerate(parts):
            for index, row in enumerate(range(first + rank, min(first + 7, mix.n_rows), 3)):
                length = whole[row].input_ids.shape[1]
                assert (part.input_ids[index, :length] == whole[row].input_ids[0]).all() and (part.input_ids[index, length:] == mix.pad_id).all()
    resumed = RowStream(open_mix(tmp_path / "out"), 7)
    resumed.load_state_dict({"row": 12, "plan_hash": mix.plan_hash})
    assert (next(resumed).row_numbers == np.arange(12, 19)).all()
    resumed.close()


def test_a_remote_mix_gives_the_same_rows(mix, tmp_path):
    remote = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache"))
    for first in range(0, mix.n_rows, 50):
        here, there = (one.rows(first, min(first + 50, mix.n_rows)) for one in (mix, remote))
        assert all((a == b).all() for a, b in zip(here, there, strict=True))


def test_a_damaged_file_of_a_further_length_is_named(mix, tmp_path):
    path = next((tmp_path / "out" / "rows-256" / "law").glob("*.arrow"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Exception, match=str(path)):
        open_mix(tmp_path / "out").rows(0, mix.n_rows)


def test_sources_are_packed_once_for_each_length_that_draws_from_them(mix, tmp_path):
    out = tmp_path / "out"
    assert sorted(path.parent.relative_to(out).as_posix() for path in out.glob("rows*/*/manifest.json")) == [
        "rows-256/law", "rows-32/law", "rows-32/web", "rows/law", "rows/web",
    ]  # fmt: skip
    assert [parent.label for parent in ShardSet(out, "mix").manifest.parents] == ["web@32", "web", "law@32", "law", "law@256"]


def test_the_preview_counts_sources_over_all_lengths_and_is_that_of_the_built_mix(lengths, mix, tmp_path):
    shown = preview(lengths())
    assert shown == read_preview(tmp_path / "out") | {key: shown[key] for key in ("limiting",)}
    assert [stage["row_tokens"] for stage in shown["stages"]] == [32, 64, 256, 32] and [source["name"] for source in shown["sources"]] == ["web", "law"]
    given = mix.tokens_before(mix.n_rows)
    for source, tokens in zip(shown["sources"], given, strict=True):
        assert source["tokens"] == tokens and source["epochs"] == pytest.approx(tokens / source["available_tokens"])
        rows = mix.rows(0, mix.n_rows)
        documents = [doc_id.tobytes() for doc_id, number in zip(rows.seg_doc_ids, rows.seg_sources, strict=True) if mix.sources[number] == source["name"]]
        assert source["repeats"] >= 2 and len(documents) > 0


def test_steps_are_counted_as_training_takes_them(lengths, mix):
    firsts = [length.first_row for length in mix.lengths] + [mix.n_rows]
    assert with_costs(preview(lengths()), 7, None)["steps"] == sum(-(-(stop - first) // 7) for first, stop in itertools.pairwise(firsts))


def test_tokens_of_all_lengths_count_against_one_cap(lengths):
    sources = lengths().sources
    available = 400 * 150  # web holds about this
    with pytest.raises(MixError, match="source web blocks this mix"):
        preview(lengths(stages=[{"name": f"s{length}", "tokens": available, "row_tokens": length, "weights": {"web": 1}} for length in (32, 64)]))
    assert sources["web"].max_epochs == 1


def test_a_row_is_inspected_at_its_own_length(mix, tmp_path):
    row = mix.lengths[2].first_row
    view = inspect_row(tmp_path / "out", row, None)
    assert view["stage"] == "long" and view["source"] == "law" and view["tokens"] + view["padding"] == 256


def test_one_length_given_by_the_stages_is_the_same_run_as_by_the_mix(two_sources, tmp_path):
    plain = two_sources()
    build(plain)
    stages = [stage | {"row_tokens": 64} for stage in plain.model_dump(mode="json", exclude_unset=True)["stages"]]
    build(two_sources(stages=stages, out=tmp_path / "given", row_tokens=128))
    one, other = open_mix(tmp_path / "out"), open_mix(tmp_path / "given")
    assert one.n_rows == other.n_rows
    assert all((a == b).all() for a, b in zip(one.rows(0, one.n_rows), other.rows(0, one.n_rows), strict=True))


def test_a_dataset_of_single_rows_has_each_at_its_length(mix):
    dataset = RowDataset(mix)
    assert [len(dataset[length.first_row]["input_ids"]) for length in mix.lengths] == [32, 64, 256, 32]


@pytest.mark.parametrize("row_tokens", [1, 2_000_000])
def test_lengths_out_of_bounds_are_refused(lengths, row_tokens):
    with pytest.raises(ValueError, match=r"stages\.0\.row_tokens"):
        lengths(stages=[STAGES[0] | {"row_tokens": row_tokens}])


def test_a_mix_is_extended_by_rows_of_another_length(two_sources, tmp_path):
    build(two_sources())
    first = open_mix(tmp_path / "out")
    stages = [{"name": "long", "tokens": 8000, "row_tokens": 256, "weights": {"law": 1, "web": 1}}, {"name": "usual", "tokens": 3000, "weights": {"web": 1}}]
    sources = {name: {"tokens": source.tokens, "max_epochs": 9} for name, source in two_sources().sources.items()}
    build(two_sources(extends={"mix": tmp_path / "out", "rows": 300}, stages=stages, sources=sources, out=tmp_path / "more"))
    more = open_mix(tmp_path / "more")
    assert [length.row_tokens for length in more.lengths] == [64, 256, 64] and more.lengths[1].first_row == 300
    assert all((a == b).all() for a, b in zip(first.rows(0, 300), more.rows(0, 300), strict=True))
    assert first.plan.prefix_hash(300) == more.plan.prefix_hash(300)
    before = {(one.seg_doc_ids.tobytes(), one.seg_starts.tobytes()) for one in (first.take([row]) for row in range(300)) if one.seg_sources[0] == 0}
    after = [more.take([row]) for row in range(more.lengths[2].first_row, more.n_rows)]
    assert after and not before & {(one.seg_doc_ids.tobytes(), one.seg_starts.tobytes()) for one in after}  # rows of the first length go on

import subprocess
import sys

import numpy as np
import pytest

from mix.build import build
from mix.errors import MixError
from mix.stream import open_mix
from shards.errors import ShardError
from shards.record import sealed
from tests.mix.conftest import read_documents
from tests.records import content_of


@pytest.fixture
def mix(tmp_path, two_sources):
    build(two_sources())
    return open_mix(tmp_path / "out")


def as_rows(batch) -> list[tuple]:
    """Everything a batch says of each of its rows."""
    bounds = zip(batch.seg_offsets[:-1], batch.seg_offsets[1:], strict=True)
    columns = (batch.seg_lengths, batch.seg_sources, batch.seg_doc_ids, batch.seg_starts)
    segments = [tuple(column[low:high].tolist() for column in columns) for low, high in bounds]
    return list(zip(batch.row_numbers.tolist(), batch.input_ids.tolist(), batch.n_tokens.tolist(), segments, strict=True))


def test_every_segment_is_the_text_of_its_document(tmp_path, mix):
    documents = [read_documents(tmp_path / "tokens" / "web0") | read_documents(tmp_path / "tokens" / "web1"), read_documents(tmp_path / "tokens" / "law")]
    batch = mix.rows(0, mix.n_rows)
    assert batch.input_ids.dtype == mix.dtype == np.uint16
    for row in range(mix.n_rows):
        place = 0
        for segment in range(batch.seg_offsets[row], batch.seg_offsets[row + 1]):
            start, length = batch.seg_starts[segment], batch.seg_lengths[segment]
            document = documents[batch.seg_sources[segment]][batch.seg_doc_ids[segment].tobytes()]
            assert batch.input_ids[row, place : place + length].tolist() == document[start : start + length]
            place += length
        assert place == batch.n_tokens[row] and (batch.input_ids[row, place:] == mix.pad_id).all()


def test_a_stream_from_any_row_goes_on_as_the_straight_run(mix):
    straight = as_rows(mix.rows(0, mix.n_rows))
    for start in [0, 1, 17, 300, mix.n_rows - 1, mix.n_rows]:
        assert [row for batch in mix.stream(start, 37) for row in as_rows(batch)] == straight[start:]


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_any_number_of_ranks_sees_the_rows_of_the_run_in_order(mix, world):
    straight = as_rows(mix.rows(0, mix.n_rows))
    ranks = [list(mix.stream(0, 12, rank, world)) for rank in range(world)]
    assert len({len(batches) for batches in ranks}) == 1
    merged = [row for batches in zip(*ranks, strict=True) for row in sorted(row for batch in batches for row in as_rows(batch))]
    assert merged == straight
    assert all((batch.row_numbers % 12 % world == rank).all() for rank, batches in enumerate(ranks) for batch in batches)


def test_a_change_of_ranks_on_the_way_changes_nothing(mix):
    straight = as_rows(mix.rows(0, 240))
    before = [row for rank in range(3) for batch in mix.stream(0, 12, rank, 3) for row in as_rows(batch) if row[0] < 120]
    after = [row for rank in range(4) for batch in mix.stream(120, 24, rank, 4) for row in as_rows(batch) if row[0] < 240]
    assert sorted(before + after) == straight


def test_tokens_before_a_row_are_those_of_the_rows_before_it(mix):
    batch = mix.rows(0, mix.n_rows)
    row_sources = batch.seg_sources[batch.seg_offsets[:-1]]
    for row in [0, 1, 50, mix.n_rows]:
        expected = np.bincount(row_sources[:row], batch.n_tokens[:row], minlength=2)
        assert mix.tokens_before(row).tolist() == expected.tolist()


def test_an_empty_stretch_gives_an_empty_batch(mix):
    batch = mix.rows(5, 5)
    assert batch.input_ids.shape == (0, 64) and batch.seg_offsets.tolist() == [0] and len(batch.seg_lengths) == 0


@pytest.mark.parametrize("arguments, said", [((0, 10**9), "this mix has rows 0 to"), ((-1, 3), "rows -1 to 3"), ((0, 3, 2, 2), "rank 2 of 2")])
def test_rows_that_are_not_there_are_refused(mix, arguments, said):
    with pytest.raises(MixError, match=said):
        mix.rows(*arguments)


def test_resuming_on_another_plan_is_refused_with_both_hashes(tmp_path, mix, two_sources):
    assert open_mix(tmp_path / "out", mix.plan_hash).plan_hash == mix.plan_hash
    build(two_sources(seed=4))
    with pytest.raises(MixError, match=f"was started on plan {mix.plan_hash}"):
        open_mix(tmp_path / "out", mix.plan_hash)


def test_a_changed_plan_is_refused(tmp_path, mix):
    path = tmp_path / "out" / "plan.json"
    text, content = path.read_text(), content_of(path)
    first, *others = content["sources"]
    for changed, said in [
        ({"seed": 4}, "the mix was built with"),
        ({"version": 9}, "version 9"),
        ({"stages": None}, r"stages: .* \(got None\)"),
        ({"pieces": []}, "pieces: .*at least 1"),
        ({"n_tokens": content["n_rows"] * content["row_tokens"] + 1}, "n_tokens .* of the run"),
        ({"sources": [first | {"n_rows": -150}, *others]}, r"sources\.0\.n_rows: .*greater than or equal to 0 \(got -150\)"),
        ({"sources": [first | {"name": "../web"}, *others]}, r"sources\.0\.name: names are letters, digits"),
        ({"sources": [first, *others, first]}, "two have the same name"),
    ]:
        path.write_bytes(sealed(content | changed))
        with pytest.raises(MixError, match=rf"plan\.json: .*{said}.*rerun `mix build`"):
            open_mix(tmp_path / "out")
    path.write_text(text.replace('"seed": 3', '"seed": 4'))
    with pytest.raises(MixError, match=r"plan\.json: damaged or edited by hand"):
        open_mix(tmp_path / "out")
    path.write_text("{")
    with pytest.raises(MixError, match=r"plan\.json: not readable JSON"):
        open_mix(tmp_path / "out")


def test_rows_of_another_packing_are_refused(tmp_path, mix, two_sources, tokens):
    build(two_sources(out=tmp_path / "other", row_tokens=32))
    (tmp_path / "out" / "rows" / "law").rename(tmp_path / "gone")
    (tmp_path / "other" / "rows" / "law").rename(tmp_path / "out" / "rows" / "law")
    with pytest.raises(MixError, match="rows/law: these packed rows are not those of the mix's plan"):
        open_mix(tmp_path / "out")


def test_a_flipped_byte_in_packed_rows_is_found_when_the_file_is_read(tmp_path, mix):
    path = tmp_path / "out" / "rows" / "web" / "rows-00000-00000.arrow"
    damaged = bytearray(path.read_bytes())
    damaged[1000] ^= 1
    path.unlink()
    path.write_bytes(damaged)
    with pytest.raises(ShardError, match=r"rows-00000-00000\.arrow: checksum"):
        open_mix(tmp_path / "out").rows(0, 10)


def test_reading_needs_neither_numba_nor_polars_nor_yaml():
    code = "import sys; sys.modules.update(dict.fromkeys(['numba', 'polars', 'datatrove', 'yaml'])); import mix.stream"
    subprocess.run([sys.executable, "-c", code], check=True)

import re
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mix.errors import MixError
from mix.stream import RowStream, open_mix
from shards.errors import ShardError
from tests.mix.stream.conftest import as_rows

shared_mix = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rest_of(stream: RowStream) -> list[tuple]:
    return [row for batch in stream for row in as_rows(batch)]


phases = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 300), st.integers(1, 4), st.integers(1, 3)), max_size=4)
"""(ranks, rows a global batch, batches, batches read ahead)"""


@shared_mix
@given(start=st.integers(0, 300), phases=phases)
def test_a_run_resumed_with_other_ranks_equals_the_uninterrupted_run(mix, start, phases):
    straight, given_out = as_rows(mix.rows(0, mix.n_rows)), []
    state = {"row": start, "plan_hash": mix.plan_hash}
    for world, batch_rows, n_batches, depth in [*phases, (2, 256, mix.n_rows, 2)]:
        ranks = [RowStream(mix, batch_rows, rank=rank, world=world, depth=depth) for rank in range(world)]
        for stream in ranks:
            stream.load_state_dict(state)
        for batches in islice(zip(*ranks, strict=True), n_batches):
            given_out += sorted(row for batch in batches for row in as_rows(batch))
        (state,) = {stream.row: stream.state_dict() for stream in ranks}.values()
        for stream in ranks:
            stream.close()
    assert given_out == straight[start:]


def test_the_loop_on_the_page_on_mixing_reads_the_run(tmp_path, mix):
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "mix.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {"rank": 0, "world": 1}
    exec(code.replace('"out/mix"', repr(str(tmp_path / "out"))), names)
    assert names["stream"].row == names["mix"].n_rows == mix.n_rows


def test_rows_read_ahead_are_not_part_of_the_state(mix):
    stream = RowStream(mix, 10, depth=4)
    assert stream.state_dict() == {"row": 0, "plan_hash": mix.plan_hash, "prefix_hash": mix.plan.prefix_hash(0)}
    next(stream), next(stream)
    assert stream.state_dict()["row"] == 20
    again = RowStream(mix, 10)
    again.load_state_dict(stream.state_dict())
    assert as_rows(next(again)) == as_rows(next(stream))


def test_the_state_at_the_end_gives_nothing_more(mix):
    stream = RowStream(mix, 64)
    assert rest_of(stream) == as_rows(mix.rows(0, mix.n_rows))
    assert stream.state_dict()["row"] == mix.n_rows and rest_of(stream) == []


@pytest.mark.parametrize("state, said", [({"row": 3, "plan_hash": "other"}, "the state was taken on plan other"), ({"row": -1}, "the state has row -1")])
def test_a_state_of_another_plan_or_of_no_row_is_refused(mix, state, said):
    with pytest.raises(MixError, match=said):
        RowStream(mix, 8).load_state_dict({"plan_hash": mix.plan_hash} | state)


def test_an_error_while_reading_ahead_is_raised_where_its_batch_is_requested(tmp_path, mix):
    straight = as_rows(mix.rows(0, mix.n_rows))
    path = next((tmp_path / "out" / "rows" / "law").glob("*.arrow"))
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    stream, given_out = RowStream(open_mix(tmp_path / "out"), 4), []
    with pytest.raises(ShardError, match=r"rows/law/.*checksum"):
        for batch in stream:
            given_out += as_rows(batch)
    path.write_bytes(whole)
    assert given_out + rest_of(stream) == straight


def test_pinned_memory_without_a_cuda_device_is_refused_in_a_line(mix):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        assert torch.from_numpy(next(RowStream(mix, 8, pin=True)).input_ids).is_pinned()
    else:
        with pytest.raises(MixError, match="needs torch with a CUDA device"):
            next(RowStream(mix, 8, pin=True))

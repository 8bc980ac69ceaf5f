import pytest

from mix.build import build
from mix.stream import open_mix


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

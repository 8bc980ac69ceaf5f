import numpy as np

from tests.train.parts import ROW_TOKENS, pack, random_rows
from train.batch import Extent, make_batch, make_batches
from train.loss.head import IGNORED


def slow(rows, row_tokens):
    """Positions, targets and sources token by token; padding is one segment at the row's end."""
    positions, targets, sources, starts = [], [], [], []
    for number, row in enumerate(rows):
        place = 0
        for source, ids in row:
            starts.append(number * row_tokens + place)
            positions += range(len(ids))
            targets += [*ids[1:], IGNORED]
            sources += [source] * len(ids)
            place += len(ids)
        if place < row_tokens:
            starts.append(number * row_tokens + place)
        positions += range(row_tokens - place)
        targets += [IGNORED] * (row_tokens - place)
        sources += [0] * (row_tokens - place)
    return positions, targets, sources, starts


def test_targets_positions_and_sources_follow_documents():
    rows = random_rows(5, seed=4)
    batch = make_batch(pack(rows), 2)
    positions, targets, sources, starts = slow(rows, batch.input_ids.shape[1])
    assert batch.position_ids.flatten().tolist() == positions
    assert batch.targets.flatten().tolist() == targets
    assert batch.sources.flatten().tolist() == sources
    assert batch.cu_seqlens.tolist()[: len(starts)] == starts
    assert set(batch.cu_seqlens.tolist()[len(starts) :]) == {len(positions)}


def test_counts_are_those_of_the_documents():
    rows = [[(0, [5, 6, 7]), (1, [8])], [(1, [9, 9])]]
    batch = make_batch(pack(rows), 3)
    assert batch.targets_by_source.tolist() == [2, 1, 0]
    assert (batch.n_targets, batch.n_tokens) == (3, 6)
    assert batch.n_targets == int((batch.targets != IGNORED).sum())


def test_without_document_mask_rows_are_whole_but_targets_stay():
    rows = pack(random_rows(3, seed=2))
    masked, open_ = make_batch(rows, 2), make_batch(rows, 2, document_mask=False)
    row_tokens = masked.input_ids.shape[1]
    assert open_.position_ids.tolist() == [list(range(row_tokens))] * 3
    assert open_.cu_seqlens.tolist()[:4] == [0, row_tokens, 2 * row_tokens, 3 * row_tokens]
    assert open_.targets.equal(masked.targets)


def test_a_run_makes_batches_of_few_sizes():
    extent, sizes = None, set()
    for seed in range(40):
        batches, extent = make_batches([pack(random_rows(4, seed=2 * seed + piece)) for piece in range(2)], 2, extent)
        sizes |= {(len(batch.cu_seqlens), batch.longest) for batch in batches}
    assert len(sizes) <= 2


def test_sizes_grow_with_what_a_batch_needs_and_never_shrink():
    few, many, longer = [[(0, [2] * 10)] * 3], [[(0, [2])] * 40] * 4, [[(0, [2] * 40)]]
    extent, found = None, []
    for rows in (few, many, few, longer):
        (batch,), extent = make_batches([pack(rows)], 1, extent)
        assert int(batch.cu_seqlens.diff().max()) <= batch.longest <= ROW_TOKENS
        found.append((len(batch.cu_seqlens) - 1, batch.longest))
    assert found == [(8, 32), (208, 32), (208, 32), (208, ROW_TOKENS)]


def test_padding_counts_as_a_segment_and_may_be_the_longest():
    rows = pack([[(0, [2, 3, 4])], [(0, [5] * 48)], []])
    assert Extent().covering([rows]) == Extent(8, 64)
    batch = make_batch(rows, 1)
    assert batch.cu_seqlens.diff().tolist() == [3, 45, 48, 48, 0, 0, 0, 0]
    assert batch.longest == ROW_TOKENS


def test_without_document_mask_segments_are_rows():
    rows = pack([[(0, [2])] * 40] * 4)
    assert Extent().covering([rows], document_mask=False) == Extent(8, 64)


def test_a_full_row_has_no_padding_segment():
    ids = np.arange(2, 50).tolist()
    assert make_batch(pack([[(0, ids)]]), 1).cu_seqlens.tolist() == [0] + [48] * 8

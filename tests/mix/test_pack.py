import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.pack import Packer, concat, pack

ROW = 16
documents = st.lists(st.integers(0, 3 * ROW), max_size=60)


def slow_best_fit_decreasing(lengths, row_tokens):
    """Pieces (doc, start, length) by row, from the definition: longest first, into the fullest row with room, the last filled of equal ones."""
    pieces = [(doc, start, min(row_tokens, n - start)) for doc, n in enumerate(lengths) for start in range(0, n, row_tokens)]
    rows, filled_at = [], []
    for step, piece in enumerate(sorted(pieces, key=lambda piece: -piece[2])):
        rooms = [row_tokens - sum(length for _, _, length in row) for row in rows]
        fits = [index for index, room in enumerate(rooms) if room >= piece[2]]
        if fits:
            best = min(fits, key=lambda index: (rooms[index], -filled_at[index]))
            rows[best].append(piece)
            filled_at[best] = step
        else:
            rows.append([piece])
            filled_at.append(step)
    return sorted(sorted(row) for row in rows)


def as_rows(packing):
    pieces = list(zip(packing.doc.tolist(), packing.start.tolist(), packing.length.tolist(), strict=True))
    return [pieces[packing.row_offsets[row] : packing.row_offsets[row + 1]] for row in range(packing.n_rows)]


@settings(max_examples=300, deadline=None)
@given(documents)
def test_rows_are_those_of_best_fit_decreasing_numbered_by_their_first_piece(lengths):
    assert as_rows(pack(np.array(lengths, np.int64), ROW)) == slow_best_fit_decreasing(lengths, ROW)


@settings(max_examples=200, deadline=None)
@given(documents, st.integers(1, 40))
def test_every_document_is_covered_once_and_cut_only_if_longer_than_a_row(lengths, row_tokens):
    packing = pack(np.array(lengths, np.int64), row_tokens)
    by_doc: dict[int, list[tuple[int, int]]] = {}
    for doc, start, length in sorted(zip(packing.doc.tolist(), packing.start.tolist(), packing.length.tolist(), strict=True)):
        assert start == sum(n for _, n in by_doc.setdefault(doc, []))
        by_doc[doc].append((start, length))
    assert {doc: sum(n for _, n in pieces) for doc, pieces in by_doc.items()} == {doc: n for doc, n in enumerate(lengths) if n}
    assert all(len(pieces) == -(-lengths[doc] // row_tokens) for doc, pieces in by_doc.items())
    assert packing.row_lengths().tolist() == [sum(n for _, _, n in row) for row in as_rows(packing)]
    assert all(0 < n <= row_tokens for n in packing.row_lengths())


def test_web_like_lengths_leave_two_tokens_in_ten_thousand_empty():
    lengths = np.maximum(1, np.random.default_rng(0).lognormal(5.9, 1.1, 100_000)).astype(np.int64)
    packing = pack(lengths, 1024)
    assert 1 - lengths.sum() / (packing.n_rows * 1024) < 2e-4


def test_no_documents_give_no_rows():
    assert pack(np.array([], np.int64), ROW).n_rows == 0 == pack(np.array([0, 0]), ROW).n_rows
    assert pack(np.array([], np.int64), ROW).row_lengths().tolist() == []


def slow_concat(lengths, row_tokens):
    """Pieces by row, from the definition: token after token into the last row, a new one when it is full."""
    tokens = [(doc, place) for doc, n in enumerate(lengths) for place in range(n)]
    rows = [tokens[first : first + row_tokens] for first in range(0, len(tokens), row_tokens)]
    return [[(doc, min(p for d, p in row if d == doc), sum(d == doc for d, _ in row)) for doc in dict.fromkeys(d for d, _ in row)] for row in rows]


@settings(max_examples=200, deadline=None)
@given(documents, st.integers(1, 20))
def test_concat_cuts_where_rows_end_and_nowhere_else(lengths, row_tokens):
    assert as_rows(concat(np.array(lengths, np.int64), row_tokens)) == slow_concat(lengths, row_tokens)


@settings(max_examples=100, deadline=None)
@given(documents, st.integers(1, 70))
def test_windows_are_packed_separately_and_joined_in_order(lengths, window):
    parts = [(first, pack(np.array(lengths[first : first + window]), ROW)) for first in range(0, len(lengths), window)]
    expected = [[(doc + first, start, n) for doc, start, n in row] for first, part in parts for row in as_rows(part)]
    assert as_rows(Packer(ROW, window=window)(np.array(lengths, np.int64))) == expected


def test_documents_in_several_pieces_are_counted():
    assert Packer(ROW)(np.array([3, ROW + 1, 0, ROW])).n_split_documents() == 1
    assert Packer(ROW, "concat")(np.array([3, ROW, 4 * ROW])).n_split_documents() == 2


@pytest.mark.parametrize("method", ["best_fit", "concat"])
def test_no_documents_give_no_rows_by_either_method(method):
    for lengths in ([], [0, 0]):
        assert Packer(ROW, method, 4)(np.array(lengths, np.int64)).n_rows == 0


@pytest.mark.parametrize("lengths, row_tokens, said", [([3], 0, "row_tokens is 0"), ([3, -1], 4, "-1 tokens")])
def test_impossible_sizes_are_refused(lengths, row_tokens, said):
    with pytest.raises(ValueError, match=said):
        pack(np.array(lengths), row_tokens)

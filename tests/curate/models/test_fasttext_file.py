"""Model files written out field by field."""

import struct
from pathlib import Path

import numpy as np
import pytest

from curate.errors import CurateError
from curate.models.fasttext_file import SOFTMAX, read_fasttext

WORDS, LABELS = {"ship": 5, "</s>": 4, "船": 2}, {"__label__sea": 3, "__label__land": 1}
N_DIMS, N_BUCKETS = 4, 6
ROWS = np.arange((len(WORDS) + N_BUCKETS) * N_DIMS, dtype=np.float32).reshape(-1, N_DIMS)
OUTPUT = np.arange(len(LABELS) * N_DIMS, dtype=np.float32).reshape(-1, N_DIMS) / 8


def model_bytes(kind: int = 3, version: int = 12, pruned: dict[int, int] | None = None, input_matrix: bytes | None = None) -> bytes:
    """A supervised model: magic number, arguments, dictionary, input matrix, output matrix."""
    arguments = struct.pack("<12id", N_DIMS, 5, 5, 1, 5, 2, SOFTMAX, kind, N_BUCKETS, 2, 3, 100, 1e-4)
    entries = [(word, count, 0) for word, count in WORDS.items()] + [(label, count, 1) for label, count in LABELS.items()]
    dictionary = struct.pack("<iiiqq", len(entries), len(WORDS), len(LABELS), 11, -1 if pruned is None else len(pruned))
    dictionary += b"".join(text.encode() + b"\0" + struct.pack("<qb", count, kind) for text, count, kind in entries)
    dictionary += b"".join(struct.pack("<ii", *pair) for pair in (pruned or {}).items())
    rows = input_matrix or b"\0" + struct.pack("<qq", *ROWS.shape) + ROWS.tobytes()
    return struct.pack("<ii", 793712314, version) + arguments + dictionary + rows + b"\0" + struct.pack("<qq", *OUTPUT.shape) + OUTPUT.tobytes()


def written(folder: Path, content: bytes) -> Path:
    (folder / "model.bin").write_bytes(content)
    return folder / "model.bin"


def test_every_field_is_read(tmp_path: Path) -> None:
    model = read_fasttext(written(tmp_path, model_bytes()))
    assert model.labels == ["sea", "land"] and model.label_counts.tolist() == [3, 1]
    assert (model.loss, model.word_ngrams, model.min_chars, model.max_chars, model.n_buckets) == (SOFTMAX, 2, 2, 3, N_BUCKETS)
    assert [bytes(model.word_bytes[a:b]).decode() for a, b in zip(model.word_starts, model.word_ends, strict=True)] == list(WORDS)
    assert model.kept_buckets is None and (model.rows == ROWS).all() and (model.output == OUTPUT).all()


def test_pruned_buckets_have_no_row_and_old_models_no_character_ngrams(tmp_path: Path) -> None:
    kept = read_fasttext(written(tmp_path, model_bytes(pruned={4: 0, 1: 1}))).kept_buckets
    assert kept is not None and kept.tolist() == [-1, 1, -1, -1, 0, -1]
    assert read_fasttext(written(tmp_path, model_bytes(version=11))).max_chars == 0


def test_a_quantised_row_is_its_norm_times_its_centroids(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    n_rows, centroids, norms = len(ROWS), draw.normal(size=(256 * N_DIMS)).astype(np.float32), draw.normal(size=256).astype(np.float32)
    codes, norm_codes = draw.integers(256, size=(n_rows, 2), dtype=np.uint8), draw.integers(256, size=n_rows, dtype=np.uint8)
    matrix = b"\1" + struct.pack("<?qqi", True, n_rows, N_DIMS, codes.size) + codes.tobytes() + struct.pack("<iiii", N_DIMS, 2, 2, 2) + centroids.tobytes()
    matrix += norm_codes.tobytes() + struct.pack("<iiii", 1, 1, 1, 1) + norms.tobytes()
    first, second = centroids.reshape(2, 256, 2)
    expected = np.hstack([first[codes[:, 0]], second[codes[:, 1]]]) * norms[norm_codes][:, None]
    assert (read_fasttext(written(tmp_path, model_bytes(input_matrix=matrix))).rows == expected).all()


def test_a_damaged_file_is_one_clear_line(tmp_path: Path) -> None:
    whole = model_bytes()
    for damaged in (b"", b"no model" * 20, *(whole[:n_bytes] for n_bytes in (3, 60, 100, len(whole) // 2, len(whole) - 1))):
        with pytest.raises(CurateError, match=r"model\.bin: not a fastText model, or a damaged one"):
            read_fasttext(written(tmp_path, damaged))


def test_a_model_of_word_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match="without labels, so not a classifier; give a supervised model"):
        read_fasttext(written(tmp_path, model_bytes(kind=2)))

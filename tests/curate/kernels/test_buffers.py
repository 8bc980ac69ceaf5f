import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.kernels.buffers import text_buffers


def test_texts_must_be_strings():
    with pytest.raises(CurateError, match="int64"):
        text_buffers(pa.array([1, 2]))

import pytest

from tests.eval import synthetic


@pytest.fixture
def fields(tmp_path):
    return synthetic.write_inputs(tmp_path)

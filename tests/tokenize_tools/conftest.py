import pytest

from tokenize_tools.backends import build


@pytest.fixture
def fresh_backends():
    build.cache_clear()
    yield
    build.cache_clear()

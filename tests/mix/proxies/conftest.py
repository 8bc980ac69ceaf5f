from pathlib import Path

import pytest

from tests.mix.proxies.home import make_home


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `make_home`; made once for all tests, which don't change it."""
    return make_home(tmp_path_factory.mktemp("proxies"))

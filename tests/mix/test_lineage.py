import pytest

from mix.build import build
from mix.errors import MixError
from mix.row_view import inspect_row
from mix.stream import open_mix


@pytest.fixture
def mix(tmp_path, texts, two_sources):
    stages = [{"tokens": 1500, "weights": {"web": 1}}]
    build(two_sources(sources={"web": {"tokens": tmp_path / "tokens" / "web"}}, stages=stages, out=tmp_path / "mixes" / "one"))
    return open_mix(tmp_path / "mixes" / "one")


def test_documents_that_moved_are_found_in_the_given_folder(tmp_path, mix, texts):
    (tmp_path / "docs").rename(tmp_path / ".hidden")
    view = inspect_row(mix.folder, 0, None)
    assert all(not segment["read_from"] and segment["text"] is None for segment in view["segments"])
    assert len(view["not_found"]) == 1 and view["not_found"][0].startswith("documents set ")
    found = inspect_row(mix.folder, 0, None, [tmp_path / ".hidden" / "web"])
    assert all(segment["read_from"] for segment in found["segments"]) and not found["not_found"]
    with pytest.raises(MixError, match="a set of tokens, expected documents"):
        inspect_row(mix.folder, 0, None, [tmp_path / "tokens" / "web"])

import pytest

from mix.errors import MixError
from mix.runs.proxy import FILE, Proxy, read_proxy, write_proxy

PROXY = Proxy(name="law70-web30", kind="trained", shares={"law": 0.7, "web": 0.3}, tokens=1000, seed=3, lr=None, contents={"law": "0" * 32}, tokenizer="5")


def test_what_a_run_stands_for_is_read_as_it_was_written(tmp_path):
    write_proxy(tmp_path, PROXY)
    assert read_proxy(tmp_path) == PROXY


def test_an_edited_file_is_refused_and_a_missing_one_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_proxy(tmp_path)
    write_proxy(tmp_path, PROXY)
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text().replace("0.7", "0.8"))
    with pytest.raises(MixError, match=r"edited by hand.*rerun `mix proxies`"):
        read_proxy(tmp_path)

import builtins
import json

import numpy as np
import pytest

from eval.errors import EvalError
from eval.groups import cluster, length_bands, values_of
from eval.held_out import read_held_out
from eval.run import run
from shards.held_out import DomainRecipe, HeldOutSample
from tests.eval.conftest import save_documents


def sample(**columns) -> HeldOutSample:
    n = len(next(iter(columns.values())))
    return HeldOutSample([bytes([number] * 16) for number in range(n)], [f"text {number}" for number in range(n)], np.full(n, 9), "a", columns)


def test_documents_with_one_value_are_a_cluster_and_those_without_are_alone():
    found = cluster(sample(url=["https://a.org/1", "http://a.org:80/2", "https://b.org/", "", None]), "url_host", "domain d")
    assert found.labels.tolist() == [0, 0, 2, 3, 4] and (found.by, found.alone) == ("url_host", 2)
    assert cluster(sample(source=["x", "y", "x"]), "source", "d").labels.tolist() == [0, 1, 0]
    assert cluster(sample(source=["x", "x"]), "none", "d").labels.tolist() == [0, 1]


def test_metadata_is_read_by_key_or_by_a_path_of_keys_whatever_its_type():
    metadata = [json.dumps(value) for value in ({"a": {"b": 1}, "c.d": "x"}, {"a": {"b": 1}}, {"a": 3}, [1])] + ["", "not json"]
    assert values_of(sample(metadata=metadata), "metadata.a.b", "d") == ["1", "1", None, None, None, None]
    assert values_of(sample(metadata=metadata), "metadata.c.d", "d")[0] == "x"
    assert values_of(sample(metadata=metadata), "metadata.a", "d")[:3] == ['{"b": 1}', '{"b": 1}', "3"]
    with pytest.raises(EvalError, match=r"domain d: no document has a value of metadata\.year; their metadata has a, c.d"):
        values_of(sample(metadata=metadata), "metadata.year", "domain d")


def test_years_are_found_in_dates():
    dates = [{"date": "2021-03-04"}, {"published": "20190102T00:00"}, {"year": 1987}, {"date": "12 May 2020"}, {"date": "123456"}, {}]
    assert values_of(sample(metadata=[json.dumps(date) for date in dates]), "year", "d") == ["2021", "2019", "1987", "2020", None, None]


def test_length_bands_are_quartiles_or_as_stated():
    n_bytes = np.arange(1, 101) * 10
    bands = length_bands(n_bytes, [])
    assert [bands.count(band) for band in dict.fromkeys(bands)] == [25, 25, 25, 25]
    assert list(dict.fromkeys(length_bands(n_bytes, [50, 500]))) == ["to 50 bytes", "51 to 500 bytes", "over 500 bytes"]
    assert set(length_bands(np.array([7, 7, 7]), [])) == {"to 7 bytes"}


def test_a_column_that_is_not_there_is_named(tmp_path):
    folder = save_documents(tmp_path / "d", ["one text", "another text"])
    with pytest.raises(EvalError, match=r"domain law: clusters: site: no column site in .*, which has id, text, source, .*row"):
        read_held_out("law", DomainRecipe(documents=folder, clusters="site"))
    with pytest.raises(EvalError, match=r"domain law: slices: topic: no column topic"):
        read_held_out("law", DomainRecipe(documents=folder), ["topic"])


def test_near_duplicates_are_clusters_by_default(recipe, tmp_path):
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghij"), 7)) for _ in range(400)]  # numbers all count as the same
    texts = [" ".join(words[40 * number : 40 * number + 40]) for number in range(10)]
    texts += [f"{text} end" for text in texts[:4]]
    summary = run(recipe(domains={"law": {"documents": save_documents(tmp_path / "law", texts)}}))
    law = summary["domains"]["law"]
    assert (law["clustered_by"], law["documents"], law["clusters"]) == ("near_duplicates", 14, 10)
    assert summary["differences"][0]["clusters"] == 10 and summary["differences"][0]["verdict"] == "too few"


def test_without_the_extra_that_finds_near_duplicates_documents_count_alone_and_the_summary_says_so(monkeypatch):
    load = builtins.__import__

    def without(name, *rest):
        if name == "eval.contamination.clusters":
            raise ModuleNotFoundError("No module named 'polars'", name="polars")
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    found = cluster(sample(source=["a", "b"]), "near_duplicates", "d")
    assert found.labels.tolist() == [0, 1] and found.by == "none"
    assert found.note == "near-duplicates were not looked for, because polars is not installed; install cptkit[curate], or set clusters"

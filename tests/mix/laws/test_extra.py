import importlib.util

import pytest

from mix.errors import MixError
from mix.laws import extra


def test_the_missing_packages_and_the_line_that_installs_them_are_named(monkeypatch):
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "sklearn" else importlib.util.find_spec(name))
    with pytest.raises(MixError) as problem:
        extra.need_laws_extra("mix fit")
    assert str(problem.value) == "`mix fit` needs scikit-learn: pip install 'cptkit[laws]'"


def test_nothing_is_refused_where_the_extra_is_installed():
    extra.need_laws_extra("mix fit")

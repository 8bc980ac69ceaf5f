import pytest

from mix.build import build
from mix.errors import MixError
from mix.stream import open_mix
from shards.record import sealed
from shards.remote import Cache
from tests.records import content_of, edit


@pytest.fixture
def mix(tmp_path, two_sources):
    build(two_sources())
    return open_mix(tmp_path / "out")


def test_a_changed_plan_is_refused(tmp_path, mix):
    path = tmp_path / "out" / "plan.json"
    text, content = path.read_text(), content_of(path)
    first, *others = content["sources"]
    for changed, said in [
        ({"seed": 4}, "the mix was built with"),
        ({"version": 9}, "version 9"),
        ({"stages": None}, r"stages: .* \(got None\)"),
        ({"pieces": []}, "pieces: .*at least 1"),
        ({"n_tokens": content["n_rows"] * content["row_tokens"] + 1}, "n_tokens .* of the run"),
        ({"sources": [first | {"n_rows": -150}, *others]}, r"sources\.0\.n_rows: .*greater than or equal to 0 \(got -150\)"),
        ({"sources": [first | {"name": "../web"}, *others]}, r"sources\.0\.name: names are letters, digits"),
        ({"sources": [first, *others, first]}, "two have the same name"),
    ]:
        path.write_bytes(sealed(content | changed))
        with pytest.raises(MixError, match=rf"plan\.json: .*{said}.*rerun `mix build`"):
            open_mix(tmp_path / "out")
    path.write_text(text.replace('"seed": 3', '"seed": 4'))
    with pytest.raises(MixError, match=r"plan\.json: damaged or edited by hand"):
        open_mix(tmp_path / "out")
    path.write_text("{")
    with pytest.raises(MixError, match=r"plan\.json: not readable JSON"):
        open_mix(tmp_path / "out")


@pytest.mark.parametrize("name", ["../../../../home", "/home", "..", "web/../../../../../home"])
def test_a_plan_cannot_name_a_folder_outside_of_the_mix(tmp_path, mix, name):
    edit(tmp_path / "out" / "plan.json", lambda content: content["sources"][0].update(name=name))
    for place in (tmp_path / "out", f"file://{tmp_path}/out"):
        with pytest.raises(MixError, match=r"plan\.json: sources\.0\.name: names are letters, digits"):
            open_mix(place, cache=Cache(tmp_path / "cache"))
    assert not (tmp_path / "home").exists()

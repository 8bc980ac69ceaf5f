import pytest

from mix.build import build
from mix.difference import difference, first_different_row, show_difference
from mix.errors import MixError
from mix.stream import open_mix
from tests.mix.stream.conftest import as_rows
from tests.records import edit


@pytest.fixture
def built(tmp_path, two_sources):
    """built(name, **changes) builds a mix into a folder of that name and returns the folder."""

    def make(name, **changes):
        build(two_sources(out=tmp_path / name, **changes))
        return tmp_path / name

    return make


def stages(first, second):
    return [{"name": "first", "tokens": 30_000, "weights": first}, {"name": "second", "tokens": 20_000, "weights": second}]


WEB = {"web": 1}
CHANGES = {
    "a second stage": {"stages": stages({"web": 9, "law": 1}, {"web": 1, "law": 1})},
    "all weights": {"stages": stages({"web": 3, "law": 1}, {"web": 1, "law": 1})},
    "a seed": {"seed": 4},
    "a longer run": {"stages": [*stages({"web": 9, "law": 1}, {"web": 1, "law": {"from": 0.5, "to": 2}}), {"name": "more", "tokens": 640, "weights": WEB}]},
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_first_different_row_is_that_of_the_rows_themselves(built, change):
    a, b = (open_mix(folder) for folder in (built("a"), built("b", **CHANGES[change])))
    rows_a, rows_b = (as_rows(mix.rows(0, mix.n_rows)) for mix in (a, b))
    expected = next((row for row, pair in enumerate(zip(rows_a, rows_b, strict=False)) if pair[0] != pair[1]), min(a.n_rows, b.n_rows))
    assert first_different_row(a.plan, b.plan) == (expected, expected)
    if expected > 5:
        assert first_different_row(a.plan, b.plan, 5) == (None, 5)


def test_a_mix_does_not_differ_from_itself_built_again(built):
    found = difference(built("a"), built("b"))
    assert found["first_different_row"] is None and found["on_resume"] == [] and found["recipe"] == []
    assert all(not item["changed"] for item in [*found["sources"], *found["stages"]])


def test_changes_are_reported_by_key_source_and_stage(built, capsys):
    found = difference(built("a"), built("b", **CHANGES["all weights"]))
    show_difference(found)
    shown = capsys.readouterr().out
    assert "stages.0.weights.web" in shown and "first different row" in shown and "refuses to resume a run of the first" in shown
    assert {"key": "stages.0.weights.web", "values": [9.0, 3.0]} in found["recipe"]
    web = next(source for source in found["sources"] if source["name"] == "web")
    assert {"asked", "got", "tokens", "epochs"} <= {change["key"] for change in web["changed"]}
    assert [stage["name"] for stage in found["stages"] if stage["changed"]] == ["first", "second"]
    assert found["on_resume"][0] == "the plans differ: the second mix refuses to resume a run of the first"


def test_another_row_length_and_another_source_are_reported_as_obstacles_to_resuming(built, tokens):
    folder = built("a")
    found = difference(folder, built("b", row_tokens=32))
    assert any("rows have 32 tokens, not 64" in fault for fault in found["on_resume"])
    assert any("packed rows of web, law differ" in fault for fault in found["on_resume"]) and found["first_different_row"] == 0
    news = {"news": {"tokens": tokens("news", [64] * 400)}}
    other = built("c", sources=news, stages=[{"tokens": 10_000, "weights": {"news": 1}}])
    assert any("sources are numbered news, not web, law" in fault for fault in difference(folder, other)["on_resume"])


def test_a_mix_without_its_preview_is_refused(built):
    folder = built("a")
    (folder / "preview.json").unlink()
    with pytest.raises(MixError, match=r"preview\.json: missing; rerun `mix build`"):
        difference(folder, folder)


@pytest.mark.parametrize(
    "change", [lambda told: told["sources"][0].update(name="x"), lambda told: told["stages"][0].update(name="x"), lambda told: told.update(row_tokens=2)]
)
def test_the_preview_of_another_mix_is_refused(built, change):
    folder = built("a")
    edit(folder / "preview.json", change)
    with pytest.raises(MixError, match=r"preview\.json: .*the mix's plan has .*rerun `mix build`"):
        difference(folder, folder)

import pytest

from mix.build import build, preview
from mix.errors import MixError
from mix.preview import with_costs
from mix.stream import open_mix
from tests.records import content_of


def test_a_preview_is_what_the_build_will_be_and_writes_nothing(tmp_path, two_sources):
    shown = preview(two_sources())
    assert not (tmp_path / "out").exists()
    _, built = build(two_sources())
    assert shown == built == content_of(tmp_path / "out" / "preview.json")


def test_the_keys_of_the_preview_are_fixed(two_sources):
    shown = preview(two_sources())
    assert list(shown) == ["row_tokens", "rows", "tokens", "synthetic", "stages", "sources", "limiting", "max_synthetic"]
    assert {*shown["stages"][0]} == {"name", "row_tokens", "rows", "tokens", "asked", "got", "curve_error"}
    assert {*shown["sources"][0]} == {
        *("name", "available_tokens", "documents", "rows", "tokens", "epochs", "repeats", "padding", "split_documents", "asked", "got", "synthetic"),
    }


def test_previewed_figures_are_those_of_the_streamed_rows(tmp_path, two_sources):
    _, shown = build(two_sources())
    mix = open_mix(tmp_path / "out")
    batch = mix.rows(0, mix.n_rows)
    row_sources = batch.seg_sources[batch.seg_offsets[:-1]]
    first = shown["stages"][0]["rows"]
    for index, source in enumerate(shown["sources"]):
        mine = row_sources == index
        assert source["rows"] == mine.sum() and source["tokens"] == batch.n_tokens[mine].sum()
        assert source["padding"] == 1 - batch.n_tokens[mine].sum() / (mine.sum() * 64)
        assert source["got"] == batch.n_tokens[mine].sum() / batch.n_tokens.sum()
        assert shown["stages"][1]["got"][source["name"]] == batch.n_tokens[first:][mine[first:]].sum() / batch.n_tokens[first:].sum()
        assert source["epochs"] == source["tokens"] / source["available_tokens"]
        assert source["repeats"] >= source["epochs"]
    assert batch.n_tokens[: first - 1].sum() < 30_000 <= batch.n_tokens[:first].sum()


def test_asked_shares_are_those_of_the_weights(two_sources):
    shown = preview(two_sources())
    assert shown["stages"][0]["asked"] == pytest.approx({"web": 0.9, "law": 0.1})
    assert shown["stages"][1]["asked"] == pytest.approx({"web": 0.5, "law": 0.5})  # 2/3 to 1/3, and 1/3 to 2/3
    assert [source["asked"] for source in shown["sources"]] == pytest.approx([0.74, 0.26])
    for stage in shown["stages"]:
        assert stage["got"] == pytest.approx(stage["asked"], abs=64 / 20_000)


def test_a_row_that_begins_where_a_stage_ends_belongs_to_the_next(two_sources, tokens):
    stages = [{"name": name, "tokens": 640, "weights": {"web": 1}} for name in ("first", "second")]
    shown = preview(two_sources(sources={"web": {"tokens": tokens("full", [64] * 20)}}, stages=stages))
    assert [stage["rows"] for stage in shown["stages"]] == [10, 10]
    assert shown["sources"][0]["epochs"] == shown["sources"][0]["repeats"] == 1


def test_steps_and_hours_are_those_of_the_rows_and_tokens(two_sources):
    shown = preview(two_sources())
    costed = with_costs(shown, 32, 1000.0)
    assert costed["steps"] == -(-shown["rows"] // 32) and costed["hours"] == shown["tokens"] / 3_600_000
    assert sum(stage["steps"] for stage in costed["stages"]) == pytest.approx(shown["rows"] / 32)
    assert sum(stage["hours"] for stage in costed["stages"]) == pytest.approx(costed["hours"])
    assert with_costs(shown, None, None) == shown
    with pytest.raises(MixError, match=r"batch_rows 0, .* both must be above 0"):
        with_costs(shown, 0, None)


def test_the_stated_largest_total_is_feasible_and_a_little_more_is_not(two_sources, tokens):
    def recipe(amount):
        sources = {"web": {"tokens": tokens("a", [60] * 500)}, "law": {"tokens": tokens("b", [60] * 100), "max_epochs": 2}}
        return two_sources(sources=sources, stages=[{"tokens": amount, "weights": {"web": 0.7, "law": 0.3}}])

    limiting = preview(recipe(1000))["limiting"]
    assert limiting == {"source": "law", "largest_tokens": 40_000}
    assert preview(recipe(40_000))["limiting"]["largest_tokens"] == 40_000
    with pytest.raises(MixError, match="source law blocks this mix"):
        preview(recipe(40_100))

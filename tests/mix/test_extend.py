import numpy as np
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mix.build import build, preview
from mix.difference import difference
from mix.errors import MixError
from mix.extend import join_row
from mix.order import rows_at
from mix.plan import shared_rows
from mix.stream import RowStream, open_mix
from shards.manifest import read_manifest
from shards.record import sealed
from shards.stages import Stage
from tests.mix.test_properties import as_rows, cases
from tests.records import edit

few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def keys(mix, stop: int) -> str:
    """xxh3-128 of everything that the first `stop` rows hold and where they come from."""
    digest = xxhash.xxh3_128()
    refs, batch = rows_at(mix.plan, 0, stop), mix.rows(0, stop)
    digest.update(" ".join(mix.sources[number] for number in refs.source))
    for part in (refs.epoch, refs.row, batch.input_ids, batch.n_tokens, batch.seg_lengths, batch.seg_doc_ids):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def listed(recipe):
    """The sources of a recipe as plain values."""
    return {name: source.model_dump() | {"tokens": source.tokens, "documents": source.documents} for name, source in recipe.sources.items()}


@pytest.fixture
def extend(tmp_path, two_sources):
    """extend(rows, **changes): build the recipe of two sources that keeps rows of `out` into `new`; `mix` and `out` may be changed."""

    def make(rows, **changes):
        stages = [{"name": "third", "tokens": 20_000, "weights": {"web": 1, "law": 2}}]
        return two_sources(**{"out": tmp_path / "new", "stages": stages, "extends": {"mix": changes.pop("mix", tmp_path / "out"), "rows": rows}} | changes)

    return make


def test_kept_rows_are_the_same_and_later_ones_follow_the_new_weights(tmp_path, two_sources, extend):
    old, _ = build(two_sources())
    shown = build(extend(200))[1]
    before, after = open_mix(tmp_path / "out"), open_mix(tmp_path / "new")
    plan = after.plan
    assert keys(before, 200) == keys(after, 200) != keys(after, 201)
    assert [plan.prefix_hash(row) == old.prefix_hash(row) for row in (1, 200, 201)] == [True, True, False]
    assert shared_rows(old, plan) == shared_rows(plan, old) == 200
    given_tokens = np.stack([after.tokens_before(row) for row in range(200, after.n_rows + 1)]) - after.tokens_before(200)
    debts = plan.schedule.state(200).given - before.plan.schedule.shares.begin[0] * plan.schedule.state(200).position
    assert np.abs(given_tokens - given_tokens.sum(axis=1, keepdims=True) * [1 / 3, 2 / 3] + debts).max() <= 64
    assert [stage.name for stage in plan.stages] == ["first", "third"] and plan.stages[1].first_row == 200
    assert plan.n_tokens == pytest.approx(before.tokens_before(200).sum() + 20_000, abs=64) == shown["tokens"]
    assert [stage["rows"] for stage in shown["stages"]] == [200, plan.n_rows - 200]
    assert preview(extend(200)) == shown


def test_an_extension_by_the_weights_that_follow_anyway_gives_the_same_rows(tmp_path, two_sources, extend):
    old, _ = build(two_sources())
    left = 30_000 - int(open_mix(tmp_path / "out").tokens_before(300).sum())
    first, second = two_sources().model_dump(by_alias=True)["stages"]
    plan, _ = build(extend(300, stages=[first | {"tokens": left}, second]))
    assert plan.n_rows == old.n_rows and plan.hash != old.hash
    assert keys(open_mix(tmp_path / "new"), old.n_rows) == keys(open_mix(tmp_path / "out"), old.n_rows)
    assert [stage.name for stage in plan.stages] == ["first", "first from row 300", "second"]
    assert [stage.first_row for stage in plan.stages] == [0, 300, old.stages[1].first_row]


def test_tokens_given_before_count_against_caps(two_sources, extend):
    build(two_sources(stages=[{"tokens": "30K", "weights": {"web": 1, "law": 1}}]))
    stages = [{"name": "rest", "tokens": "30K", "weights": {"law": 1}}]
    law = preview(two_sources(stages=[{"tokens": 100, "weights": {"law": 1}}]))["sources"][1]
    room = 3 * law["available_tokens"] - 15_000
    assert 0 < room < 30_000
    with pytest.raises(MixError, match=r"source law blocks .* of which 14,9\d\d were given before; request at most [\d,]+ tokens after row 4\d\d"):
        preview(extend(469, stages=stages))
    shown = preview(extend(469, stages=[stages[0] | {"tokens": room - 64}]))
    assert shown["sources"][1]["epochs"] == pytest.approx(3, abs=0.02)
    spilled = preview(extend(469, stages=[stages[0] | {"weights": {"law": 9, "web": 1}}], cap="spill"))
    assert spilled["sources"][1]["epochs"] == pytest.approx(3, abs=0.02) and spilled["limiting"]["largest_tokens"] >= spilled["tokens"] - 64
    capped = listed(two_sources())
    with pytest.raises(MixError, match=r"its max_tokens is 16,000, of which 14,9\d\d were given before; .* or set sources.law.max_tokens to 19\d\d\d"):
        preview(extend(469, sources=capped | {"law": capped["law"] | {"max_tokens": 16_000}}, stages=[{"tokens": 5000, "weights": {"law": 1}}]))


def test_sources_are_added_and_dropped_and_mixes_extended_again(tmp_path, two_sources, extend, tokens):
    build(two_sources())
    sources = {"code": {"tokens": tokens("code", [40] * 900, seed=8)}} | listed(two_sources())
    plan, shown = build(extend(250, sources=sources, stages=[{"name": "code", "tokens": 20_000, "weights": {"code": 3, "web": 1}}]))
    assert [source.name for source in plan.sources] == ["web", "law", "code"]
    refs = rows_at(open_mix(tmp_path / "new").plan, 250, plan.n_rows)
    assert set(refs.source.tolist()) == {0, 2}
    assert {source["name"]: source["got"] > 0 for source in shown["sources"]} == {"web": True, "law": True, "code": True}
    again, _ = build(extend(400, sources=sources, out=tmp_path / "again", mix=tmp_path / "new"))
    mixes = [open_mix(tmp_path / name) for name in ("out", "new", "again")]
    assert keys(mixes[0], 250) == keys(mixes[1], 250) and keys(mixes[1], 400) == keys(mixes[2], 400)
    assert [shared_rows(mixes[0].plan, mix.plan) for mix in mixes[1:]] == [250, 250] and shared_rows(mixes[1].plan, mixes[2].plan) == 400
    assert mixes[2].plan == again
    again = mixes[2].plan
    assert [stage.name for stage in again.stages] == ["first", "code", "third"]
    sibling, _ = build(extend(300, out=tmp_path / "sibling"))
    assert shared_rows(again, sibling) == 250
    for source in range(3):  # every epoch gives every row once, across both joins
        refs = rows_at(again, 0, again.n_rows)
        mine = refs.source == source
        assert (np.diff(refs.epoch[mine]) >= 0).all() and len({*zip(refs.epoch[mine].tolist(), refs.row[mine].tolist(), strict=True)}) == mine.sum()


def test_a_plan_holds_the_history_of_weights_once(tmp_path, two_sources, extend):
    history = [{"rule": "by hand"}]
    build(two_sources(history=history))
    build(extend(100, history=[*history, {"rule": "again"}]))
    plan = open_mix(tmp_path / "new").plan
    assert len(plan.history) == 2 and plan.extends.plan.history == ()


def test_a_finished_mix_is_extended_at_its_end(tmp_path, two_sources, extend):
    old, _ = build(two_sources())
    plan, _ = build(extend(old.n_rows))
    assert keys(open_mix(tmp_path / "new"), old.n_rows) == keys(open_mix(tmp_path / "out"), old.n_rows)
    assert plan.n_tokens == pytest.approx(old.n_tokens + 20_000, abs=64)


def test_extending_packs_nothing_again(two_sources, extend, monkeypatch):
    build(two_sources())
    monkeypatch.setattr(Stage, "commit", lambda *args, **options: pytest.fail("packed again"))
    build(extend(100))


def test_the_manifest_names_the_extended_mix(tmp_path, two_sources, extend):
    old, _ = build(two_sources())
    build(extend(100))
    manifest = read_manifest(tmp_path / "new")
    assert manifest.info["extends"] == {"manifest_hash": read_manifest(tmp_path / "out").hash, "plan_hash": old.hash, "rows": 100}
    assert str(tmp_path) not in (tmp_path / "new" / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 4}, "seed: 4, but the extended mix .* has 3"),
        ({"row_tokens": 32}, "row_tokens: 32, but the extended mix .* has 64"),
        ({"packing": "concat"}, "source web: .*rows of other tokens, or in another packing"),
        ({"out": "out"}, "is the mix that this one extends; give another output folder"),
        ({"rows": 5000}, r"extends\.rows: 5,000, but .* has 78\d rows"),
        ({"sources": {"web": {}}, "stages": [{"tokens": 100, "weights": {"web": 1}}]}, "law of the extended mix .* missing; list every source"),
        ({"sources": {"web": {}, "law": {"order": {"by": "n_tokens", "pacing": "groups"}}}}, "source law: .*rows of other tokens, or in another packing"),
    ],
)
def test_an_extension_that_would_change_kept_rows_is_refused(tmp_path, two_sources, extend, changes, message):
    build(two_sources())
    sources = listed(two_sources())
    if "sources" in changes:
        changes = changes | {"sources": {name: sources[name] | change for name, change in changes["sources"].items()}}
    if "out" in changes:
        changes = changes | {"out": tmp_path / "out"}
    with pytest.raises(MixError, match=message):
        build(extend(changes.pop("rows", 100), **changes))
    assert not (tmp_path / "new").exists()


def test_a_changed_order_of_a_source_is_refused(tmp_path, two_sources, extend, tokens):
    def ordered(pacing):
        return {"web": {"tokens": tokens("w", [64] * 300), "order": {"by": "n_tokens", "pacing": pacing}}}

    build(two_sources(sources=ordered("groups"), stages=[{"tokens": "10K", "weights": {"web": 1}}]))
    with pytest.raises(MixError, match="source web: its order differs from the extended mix"):
        build(extend(100, sources=ordered("linear"), stages=[{"tokens": 1000, "weights": {"web": 1}}]))


def test_a_plan_whose_extended_plan_was_changed_is_refused(tmp_path, two_sources, extend):
    build(two_sources())
    build(extend(100))
    path = tmp_path / "new" / "plan.json"
    for change, said in [
        (lambda content: content["extends"].update(rows=9000), "extends: its first 9000 rows, but it has"),
        (lambda content: content["extends"]["plan"].update(seed=9), "extends: a plan of another version, seed or row length"),
        (lambda content: content["extends"]["plan"]["pieces"].clear(), r"extends\.plan\.pieces: .*at least 1"),
        (lambda content: content["extends"].update(rows=99), "the mix was built with"),
    ]:
        whole = path.read_bytes()
        edit(path, change)
        with pytest.raises(MixError, match=rf"plan\.json: .*{said}"):
            open_mix(tmp_path / "new")
        path.write_bytes(whole)


def test_a_reader_continues_on_the_extension_with_any_ranks(tmp_path, two_sources, extend):
    build(two_sources())
    build(extend(160))
    old, new = open_mix(tmp_path / "out"), open_mix(tmp_path / "new")
    stream = RowStream(old, 40)
    for _ in range(4):
        next(stream)
    state = stream.state_dict()
    ranks = []
    for rank in range(3):
        continued = RowStream(new, 40, rank=rank, world=3)
        continued.load_state_dict(state)
        ranks.append([row for batch in continued for row in as_rows(batch)])
    assert sorted(row for rows in ranks for row in rows) == as_rows(new.rows(160, new.n_rows))
    next(stream)
    with pytest.raises(MixError, match="at row 200, and their rows before it differ; open the mix of that run, or one that extends it"):
        RowStream(new, 40).load_state_dict(stream.state_dict())
    stream.close()


def test_a_difference_says_from_where_a_run_continues(tmp_path, two_sources, extend):
    build(two_sources())
    build(extend(160))
    assert difference(tmp_path / "out", tmp_path / "new")["on_resume"] == [
        "both plans begin with the same 160 rows: a run of the first continues on the second from a checkpoint at row 160 or before"
    ]


def test_the_rows_to_keep_are_given_in_one_way(tmp_path):
    (tmp_path / "facts.json").write_bytes(sealed({"step": 3, "next_row": 24}))
    assert join_row(7, None, None, None) == 7 and join_row(None, 3, 8, None) == 24 == join_row(None, None, None, tmp_path)
    for options in [(None, None, None, None), (7, 3, 8, None)]:
        with pytest.raises(MixError, match="give one of --at ROW"):
            join_row(*options)
    with pytest.raises(MixError, match="--at-step and --batch-rows: give both"):
        join_row(None, 3, None, None)
    with pytest.raises(MixError, match=r"facts\.json: missing; give a checkpoint"):
        join_row(None, None, None, tmp_path / "none")


@few
@given(case=cases(), part=st.floats(0.05, 0.9), at=st.floats(0, 1), more=st.floats(0.05, 1), seed=st.integers(0, 1 << 20))
def test_any_extension_keeps_its_prefix_and_gives_shares_without_repeats(tmp_path_factory, case, part, at, more, seed):
    folder = tmp_path_factory.mktemp("mix")
    case.write(folder)
    build(case.recipe(folder / "out", max(1, int(part * case.largest(folder / "out")))))
    old = open_mix(folder / "out")
    row = max(1, int(at * old.n_rows))
    weights = np.random.default_rng(seed).integers(1, 10, len(case.lengths)).tolist()
    options = {"extends": {"mix": folder / "out", "rows": row}, "cap": "spill"}
    stages = [{"tokens": max(1, int(more * old.n_tokens)), "weights": dict(zip(case.folders, weights, strict=True))}]
    try:
        shown = build(case.recipe(folder / "new", 1, stages=stages, **options))[1]
    except MixError as error:
        assert "no source to spill to" in str(error)
        return
    new = open_mix(folder / "new")
    plan = new.plan
    assert keys(old, row) == keys(new, row)
    refs = rows_at(plan, 0, plan.n_rows)
    taken = [*zip(refs.source.tolist(), refs.epoch.tolist(), refs.row.tolist(), strict=True)]
    assert len(set(taken)) == len(taken)
    for number, source in enumerate(plan.sources):
        assert refs.epoch[refs.source == number].tolist() == [draw // source.n_rows for draw in range((refs.source == number).sum())]
        assert shown["sources"][number]["tokens"] <= source.n_tokens * case.max_epochs[number] + case.row_tokens
    flow_before, shares = old.plan.schedule.state(row).given, plan.schedule.shares
    given_tokens = np.stack([new.tokens_before(number) for number in range(row, new.n_rows + 1)])
    asked = shares.cumulative[-2] + np.clip(given_tokens.sum(axis=1, keepdims=True) - shares.bounds[-2], 0, None) * shares.begin[-1]
    assert (given_tokens[0] == flow_before).all() and np.abs(given_tokens - asked)[:-1].max(initial=0) <= case.row_tokens + 1e-3

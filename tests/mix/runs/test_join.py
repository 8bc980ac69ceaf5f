import numpy as np
import pytest
from pydantic import ValidationError

from mix.errors import MixError
from mix.runs.evidence import evidence_of
from mix.runs.join import read_all
from mix.runs.recipe import RunsRecipe
from tests.mix.runs.tables import csv_file


def joined(folder, *texts, current=None, **settings):
    paths = [csv_file(folder / f"t{number}.csv", text) for number, text in enumerate(texts)]
    runs, notes = read_all(RunsRecipe(runs=paths, **settings), current)
    return runs, [note.replace(f"{folder}/", "") for note in notes]


def test_tables_are_joined_by_name_and_what_one_lacks_is_told(tmp_path):
    first = "run,share.a,share.b,bits.a\nx,0.5,0.5,1"
    second = "run,share.b,share.c,bits.a,bits.c\ny,0.25,0.75,2,3"
    runs, notes = joined(tmp_path, first, second)
    assert runs.sources == ("a", "b", "c") and runs.shares.tolist() == [[0.5, 0.5, 0], [0, 0.25, 0.75]]
    assert runs.domains == ("a", "c") and np.isnan(runs.losses[0, 1]) and runs.losses[1].tolist() == [2, 3]
    assert "domain c: in t1.csv only; its loss is unknown in t0.csv; if it has another name there, set rename" in notes
    assert "source a: in t0.csv only; its share is 0 in t1.csv; if it has another name there, set rename" in notes


def test_the_base_model_may_be_in_both_tables(tmp_path):
    base = "base,0,,,1.5"
    runs, notes = joined(tmp_path, f"run,step,share.a,share.b,bits.a\n{base}\nx,1,0.5,0.5,1", f"run,step,share.a,share.b,bits.a\n{base}\ny,1,0.1,0.9,1")
    assert runs.run == ("base", "x", "y") and notes == ["t0.csv, t1.csv: 1 duplicate row dropped"]


def test_renamed_sources_and_domains_are_one(tmp_path):
    first, second = "run,share.web,share.py,bits.py\nx,0.5,0.5,1", "run,share.web,share.python,bits.python\ny,0.25,0.75,2"
    runs, notes = joined(tmp_path, first, second, rename={"py": "python"})
    assert runs.sources == ("web", "python") and runs.domains == ("python",) and not notes
    merged, _ = joined(tmp_path, first, second, rename={"py": "all", "python": "all", "web": "all"})
    assert merged.sources == ("all",) and merged.shares.tolist() == [[1], [1]]
    with pytest.raises(MixError, match=r"rename\.pyy: no source or domain of that name; did you mean py\?"):
        joined(tmp_path, first, second, rename={"pyy": "python"})
    with pytest.raises(MixError, match="rename: two domains would have the name z"):
        joined(tmp_path, "run,share.web,bits.a,bits.b\nx,1,1,1", rename={"a": "z", "b": "z"})


def test_a_source_with_the_same_tokens_and_another_name_is_the_same_source(tmp_path):
    first, second = "run,share.old,share.b,bits.b,content.old\nx,0.5,0.5,1,ff", "run,share.new,share.b,bits.b,content.new\ny,0.25,0.75,2,ff"
    runs, notes = joined(tmp_path, first, second)
    assert runs.sources == ("new", "b") and runs.shares.tolist() == [[0.5, 0.5], [0.25, 0.75]]
    assert notes == ["source old has the same tokens as new and counts as the same source"]
    current, notes = joined(tmp_path, first, current={"newest": "ff"})
    assert current.sources == ("newest", "b") and len(notes) == 1


CHANGED = ["run,share.a,share.b,bits.b,content.a\nx,0.5,0.5,1,aa\nw,0,1,3,aa", "run,share.a,share.b,bits.b,content.a\ny,0.25,0.75,2,bb\nz,0.75,0.25,2,"]


def test_runs_on_older_content_of_a_source_are_left_out_and_told(tmp_path):
    runs, notes = joined(tmp_path, *CHANGED)
    assert runs.run == ("w", "y", "z")  # w used none of the changed source
    assert notes == ["source a: its tokens have changed since 1 run, left out; set content: ignore to use them"]
    runs, notes = joined(tmp_path, *CHANGED, content="ignore")
    assert runs.run == ("x", "w", "y", "z")
    assert notes == ["source a: its tokens have changed since 1 run, used all the same (content: ignore)"]


def test_what_a_source_holds_now_decides_where_it_is_known(tmp_path):
    assert joined(tmp_path, *CHANGED, current={"a": "aa"})[0].run == ("x", "w", "z")
    with pytest.raises(MixError, match="every run was trained on older content of a source"):
        joined(tmp_path, CHANGED[0].replace("\nw,0,1,3,aa", ""), current={"a": "cc"})


def test_merged_experts_are_used_only_if_asked_for(tmp_path):
    text = "run,kind,share.a,bits.a\nx,trained,1,1\ny,merged,1,2\nz,confirmation,1,3"
    runs, notes = joined(tmp_path, text)
    assert runs.run == ("x", "z") and notes == ["1 row of kind merged left out; set kinds to use them"]
    assert joined(tmp_path, text, kinds=["merged"])[0].run == ("y",)
    with pytest.raises(MixError, match=r"no run of kind trained or confirmation; set kinds: \[merged\]"):
        joined(tmp_path, "run,kind,share.a,bits.a\ny,merged,1,2")
    with pytest.raises(ValidationError):
        RunsRecipe(runs=[tmp_path], kinds=["grown"])


def test_one_domain_in_two_units_is_refused(tmp_path):
    with pytest.raises(MixError, match=r"a: losses in nats a token in .*t0\.csv, in bits per byte in .*t1\.csv"):
        joined(tmp_path, "run,share.a,loss.a\nx,1,1", "run,share.a,bits.a\ny,1,1")


def test_runs_of_one_name_with_other_losses_in_two_tables_are_refused(tmp_path):
    with pytest.raises(MixError, match="run x has two rows"):
        joined(tmp_path, "run,share.a,bits.a\nx,1,1", "run,share.a,bits.a\nx,1,2")


def test_evidence_comes_from_all_tables(tmp_path):
    runs, _ = joined(tmp_path, "run,seed,share.a,bits.a\nx,1,1,1", "run,seed,share.a,bits.a\ny,2,1,1.2")
    assert evidence_of(runs, "a").noise_freedom == 1


def test_a_confirmation_that_was_run_before_is_one_run(tmp_path):
    runs, notes = joined(tmp_path, "run,kind,share.a,bits.a\nx,trained,1,1", "run,kind,share.a,bits.a\nx,confirmation,1,1")
    assert runs.kind == ("trained",) and notes == ["t0.csv, t1.csv: 1 duplicate row dropped"]
    with pytest.raises(MixError, match="differ in kind"):
        joined(tmp_path, "run,kind,share.a,bits.a\nx,trained,1,1", "run,kind,share.a,bits.a\nx,merged,1,1", kinds=["trained", "merged"])

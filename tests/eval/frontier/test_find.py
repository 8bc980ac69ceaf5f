import pytest

from eval.errors import EvalError
from eval.frontier.find import find
from tests.eval.frontier.outputs import write_evaluation, write_run, write_suggestion
from tests.records import edit


def test_everything_below_a_folder_is_found_once_in_order_with_short_names(tmp_path):
    write_evaluation(tmp_path / "sweep" / "b" / "scores", {"base": {"law": 0}, "b": {"law": -1}})
    write_evaluation(tmp_path / "sweep" / "a" / "scores", {"base": {"law": 0}, "a": {"law": -1}})
    write_run(tmp_path / "sweep" / "a" / "train", "a")
    write_evaluation(tmp_path / "sweep" / "a" / "work" / "hidden", {"base": {"law": 0}})
    write_suggestion(tmp_path / "suggest", -0.1, 0.0)
    (tmp_path / "sweep" / "runs.csv").write_text("run,kind,bits.law\nbase,base,1.8\nr,trained,1.5\n")
    found = find([tmp_path / "sweep", tmp_path / "suggest", tmp_path / "sweep" / "a"])
    assert [evaluation.label for evaluation in found.evaluations] == ["a", "b"]
    assert [run.label for run in found.runs] == ["a"] and list(found.suggestions) == ["suggest"]
    assert [run.name for run in found.tables[0].runs] == ["r"] and not found.problems


def test_what_cannot_be_read_is_refused_if_it_was_named_and_else_noted(tmp_path):
    folder = write_evaluation(tmp_path / "top" / "bad", {"base": {"law": 0}})
    write_evaluation(tmp_path / "top" / "good", {"base": {"law": 0}})
    edit(folder / "summary.json", lambda summary: summary.pop("scores"))
    found = find([tmp_path / "top"])
    assert len(found.evaluations) == 1 and len(found.problems) == 1 and "bad/summary.json: scores: missing" in found.problems[0]
    with pytest.raises(EvalError, match=r"scores: missing"):
        find([folder])


@pytest.mark.parametrize(
    "name, words",
    [
        ("none", "no such folder"),
        ("empty", "holds no output of ours"),
        ("tasks", r"holds tasks \(.*tasks.json\), but no scores of `evaluate run`"),
        ("started", r"holds an evaluation that is not finished \(.*work without summary.json\); run its command again"),
    ],
)
def test_folders_without_outputs_are_refused(tmp_path, name, words):
    for folder in ("empty", "tasks/work", "started/work"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tasks" / "tasks.json").write_text("{}")
    with pytest.raises(EvalError, match=words):
        find([tmp_path / name])


@pytest.mark.parametrize(
    "text, words",
    [
        ("a,b\n1,2\n", "no table of runs with columns run and bits.DOMAIN"),
        ("run,kind,bits.law\nr,trained,1.5\n", "no row of the base model"),
        ("run,kind,bits.law\nbase,base,1.8\nr,trained,nan\n", "row 3: bits.law is 'nan', no finite number"),
        ("run,kind,bits.law\nbase,base,1.8\nr,trained,x\n", "row 3: bits.law is 'x'"),
    ],
)
def test_tables_that_are_none_of_runs_are_refused(tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(EvalError) as refusal:
        find([tmp_path / "t.csv"])
    assert words in str(refusal.value)

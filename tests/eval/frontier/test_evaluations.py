import pytest

from eval.errors import EvalError
from eval.frontier.evaluations import Joined, read_evaluation
from tests.eval.frontier.outputs import write_evaluation
from tests.records import edit


def read(folder):
    return read_evaluation(folder, folder.name)


def both(tmp_path, second=None, **settings):
    one = write_evaluation(tmp_path / "one", {"base": {"law": 0, "web": 0}, "new": {"law": -0.3, "web": 0.02}})
    other = write_evaluation(tmp_path / "other", second or {"base": {"law": 0, "web": 0}, "late": {"law": -0.4, "web": 0.1}}, **settings)
    return [read(one), read(other)]


def test_models_that_several_scored_count_once_and_scores_pair_by_document(tmp_path):
    joined = Joined(both(tmp_path))
    assert list(joined.members) == ["base", "new", "late"] and joined.baseline == "base"
    values, clusters = joined.paired(["new", "late"], "law")
    assert clusters is not None and len(set(clusters)) == 60 and values["new"].shape == values["late"].shape == (60, 2)
    assert joined.roles == {"law": "gain", "web": "retain"}


def test_one_name_of_two_models_gets_its_evaluation_in_front(tmp_path):
    evaluations = both(tmp_path, {"base": {"law": 0, "web": 0}, "new": {"law": -0.4, "web": 0.1}})
    edit(evaluations[1].folder / "summary.json", lambda summary: summary["models"]["new"].update(checksum="f" * 32))
    joined = Joined([evaluations[0], read(evaluations[1].folder)])
    assert list(joined.members) == ["base", "one: new", "other: new"]


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"first_id": 7}, "domain law: .*one and .*other differ in documents, so"),
        ({"context_tokens": 256}, r"differ in context_tokens \(512 and 256\)"),
        ({"stride_tokens": 256}, r"differ in stride_tokens \(512 and 256\)"),
        ({"dtype": "bfloat16"}, "differ in dtype"),
        ({"bos_every_window": True}, "differ in bos_every_window"),
    ],
)
def test_evaluations_that_measured_differently_are_refused_by_name(tmp_path, settings, words):
    with pytest.raises(EvalError, match=words):
        Joined(both(tmp_path, **settings))


def test_a_stride_that_is_the_context_is_no_difference(tmp_path):
    Joined(both(tmp_path, stride_tokens=512))


def test_a_policy_that_differs_and_documents_that_differ_behind_one_hash_are_refused(tmp_path):
    evaluations = both(tmp_path)
    edit(evaluations[1].folder / "summary.json", lambda summary: summary.update(policy="other"))
    with pytest.raises(EvalError, match=r"differ in policy, so"):
        Joined([evaluations[0], read(evaluations[1].folder)])
    write_evaluation(tmp_path / "third", {"base": {"law": 0, "web": 0}, "late": {"law": 0, "web": 0}}, first_id=9)
    edit(tmp_path / "third" / "summary.json", lambda summary: [facts.update(manifest_hash=f"{0:032x}") for facts in summary["domains"].values()])
    joined = Joined([evaluations[0], read(tmp_path / "third")])
    with pytest.raises(EvalError, match=r"domain law: late and new were scored on different documents \(18 differ\)"):
        joined.paired(["new", "late"], "law")


def test_of_two_groupings_of_the_documents_the_coarser_one_counts(tmp_path):
    evaluations = both(tmp_path)
    documents = evaluations[1].documents
    coarse = {key: one._replace(clusters=one.clusters // 6) for key, one in documents.items()}
    evaluations[1].__dict__["documents"] = coarse
    assert len(set(Joined(evaluations).paired(["new", "late"], "law")[1])) == 10

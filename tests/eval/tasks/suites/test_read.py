"""Ready suites read from files as published."""

import bz2
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.errors import EvalError
from eval.tasks.suites.read import read_suite
from tests.eval.tasks.suites import published as p


def one(suite, path, **options):
    (task,) = read_suite("t", suite, path, **options)
    return task


def test_arc_reads_the_same_from_its_authors_from_the_hub_and_from_llm_adapters(tmp_path):
    p.jsonl(tmp_path / "ai2" / "ARC-Easy" / "ARC-Easy-Test.jsonl", [p.ARC_AI2])
    (tmp_path / "hub" / "ARC-Easy").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([p.ARC]), tmp_path / "hub" / "ARC-Easy" / "test-00000-of-00001.parquet")
    (tmp_path / "adapters" / "ARC-Easy").mkdir(parents=True)
    (tmp_path / "adapters" / "ARC-Easy" / "test.json").write_text(json.dumps([p.ARC_ADAPTERS]))
    tasks = [one("arc_easy", tmp_path / name) for name in ("ai2", "hub", "adapters")]
    asked = {(item.context, item.choices, item.gold) for task in tasks for item in task.items}
    assert asked == {("Question: Which of these floats on water?\nAnswer:", ("a cork", "a nail", "a coin"), 0)}


def test_a_folder_of_two_difficulties_gives_each_suite_its_own(tmp_path):
    for name in ("Easy", "Challenge"):
        p.jsonl(tmp_path / f"ARC-{name}" / f"ARC-{name}-Test.jsonl", [p.ARC_AI2 | {"id": name}])
    assert [one(suite, tmp_path).items[0].id for suite in ("arc_easy", "arc_challenge")] == ["Easy", "Challenge"]


def test_piqa_takes_the_answers_from_the_file_beside(tmp_path):
    row = {key: value for key, value in p.PIQA.items() if key != "label"}
    p.jsonl(tmp_path / "valid.jsonl", [row, row | {"goal": "To warm soup,"}])
    (tmp_path / "valid-labels.lst").write_text("0\n1\n")
    task = one("piqa", tmp_path)
    assert [item.gold for item in task.items] == [0, 1] and task.items[0].group != task.items[1].group
    (tmp_path / "valid-labels.lst").write_text("0\n")
    with pytest.raises(EvalError, match=r"valid\.jsonl, line 2: 2 rows, but .*valid-labels\.lst has 1 labels"):
        one("piqa", tmp_path)


def test_hellaswag_reads_columns_and_six_lines_an_item(tmp_path):
    lines = "Baking bread: A woman kneads dough. She\n1\nfirst\nsecond [step] end\nthird\nfourth\n" * 2
    (tmp_path / "hellaswag_val_full.txt.bz2").write_bytes(bz2.compress(lines.encode()))
    task = one("hellaswag", tmp_path)
    assert len(task.items) == 2 and task.items[0].choices[1] == "second end" and task.items[0].gold == 1 and task.accuracy == "acc_norm"
    (tmp_path / "hellaswag_val_full.txt.bz2").write_bytes(bz2.compress(lines.rpartition("third")[0].encode()))
    with pytest.raises(EvalError, match=r"hellaswag_val_full.txt.bz2, line 7: 2 endings, expected 4"):
        one("hellaswag", tmp_path)


def test_mmlu_has_examples_of_the_same_subject_in_the_order_of_dev(tmp_path):
    for subject in ("anatomy", "virology"):
        rows = [[f"{subject} question {number}", "w", "x", "y", "z", "ABCD"[number % 4]] for number in range(6)]
        p.table(tmp_path / "dev" / f"{subject}_dev.csv", rows[:2])
        p.table(tmp_path / "test" / f"{subject}_test.csv", rows[2:])
    task = one("mmlu", tmp_path, shots=2)
    assert len(task.items) == 8 and {item.subtask for item in task.items} == {"anatomy", "virology"} and task.shots == 2
    context = next(item for item in task.items if item.subtask == "virology").context
    assert context.startswith("The following are multiple choice questions (with answers) about virology.\n\nvirology question 0\nA. w")
    assert "Answer: A\n\nvirology question 1" in context and "anatomy" not in context and context.endswith("Answer:")
    limited = one("mmlu", tmp_path, limit=4)
    assert sorted(item.subtask for item in limited.items) == ["anatomy"] * 2 + ["virology"] * 2
    assert [item.subtask for item in one("mmlu", tmp_path, only=["virology"]).items] == ["virology"] * 4
    with pytest.raises(EvalError, match="suite mmlu: nothing is called botany; its files have anatomy, virology"):
        one("mmlu", tmp_path, only=["botany"])


def test_blimp_and_xcopa_name_paradigm_and_language(tmp_path):
    pair = {"sentence_good": "He sleeps.", "sentence_bad": "He sleep."}
    p.jsonl(tmp_path / "blimp" / "agreement.jsonl", [pair, pair])
    p.jsonl(tmp_path / "blimp" / "islands.jsonl", [pair])
    task = one("blimp", tmp_path / "blimp")
    assert [(item.id, item.subtask, item.gold) for item in task.items] == [
        ("agreement-0", "agreement", 0),
        ("agreement-1", "agreement", 0),
        ("islands-0", "islands", 0),
    ]
    for language in ("et", "zh"):
        p.jsonl(tmp_path / "xcopa" / language / f"test.{language}.jsonl", [p.XCOPA])
    items = one("xcopa", tmp_path / "xcopa").items
    assert {item.subtask for item in items} == {"et", "zh"} and len({item.group for item in items}) == 1


def test_pubmedqa_scores_the_questions_of_its_test_and_checks_their_answers(tmp_path):
    questions = {str(number): p.PUBMEDQA | {"final_decision": decision} for number, decision in enumerate(("yes", "no", "maybe"))}
    (tmp_path / "ori_pqal.json").write_text(json.dumps(questions))
    (tmp_path / "test_ground_truth.json").write_text(json.dumps({"1": "no"}))
    assert [item.id for item in one("pubmedqa", tmp_path).items] == ["1"]
    (tmp_path / "test_ground_truth.json").write_text(json.dumps({"1": "yes"}))
    with pytest.raises(EvalError, match=r"test_ground_truth\.json, entry 1: 'yes' is not the answer in"):
        one("pubmedqa", tmp_path)


def test_gsm8k_and_mgsm_have_worked_examples_that_are_not_scored(tmp_path):
    solved = [{"question": f"How many is {number}?", "answer": f"It is {number}.\n#### {number}"} for number in range(9)]
    p.jsonl(tmp_path / "gsm8k" / "test.jsonl", solved[:2])
    p.jsonl(tmp_path / "gsm8k" / "train.jsonl", solved)
    task = one("gsm8k", tmp_path / "gsm8k")
    assert task.kind == "generate" and task.shots == 5 and all(item.context.count("Question:") == 6 for item in task.items)
    assert all("How many is 0?" not in item.context.rpartition("Question:")[0] and "#### 1\n" not in item.context for item in task.items)
    p.table(tmp_path / "mgsm" / "mgsm_de.tsv", [["Wie viele?", "1,200"]], "\t")
    examples = {"de": {"1": {"q": "Frage: Zwei plus eins?", "a": "Antwort: Drei."}}}
    (tmp_path / "mgsm" / "exemplars.py").write_text(f"MGSM_EXEMPLARS = {examples!r}\nEXEMPLAR_NUMBER_ANSWERS = [3]\nraise SystemExit('not to be run')\n")
    (task,) = read_suite("t", "mgsm", tmp_path / "mgsm", shots=1)
    assert task.name == "t.de" and task.items[0].context == "Frage: Zwei plus eins?\nAntwort:3\n\nFrage: Wie viele?\nAntwort:"


def test_humaneval_scores_the_published_solution_and_runs_nothing(tmp_path):
    row = {"task_id": "X/0", "prompt": "def f():\n", "canonical_solution": "    return 1\n", "test": "raise SystemExit"}
    task = one("humaneval", p.jsonl(tmp_path / "HumanEval.jsonl.gz", [row]))
    assert task.kind == "continuation" and task.items[0].choices == ("    return 1\n",) and task.delimiter == ""


def test_legalbench_scores_training_rows_without_examples_and_test_rows_with_them(tmp_path):
    folder = tmp_path / "rights"
    p.table(folder / "train.tsv", [["index", "text", "answer"], ["0", "You may leave.", "Yes"], ["1", "It rains.", "No"]], "\t")
    prompt = "Does it give a right?\n\nText: You may sit.\nAnswer: Yes\n\nText: {{text}}\nAnswer:"
    (folder / "base_prompt.txt").write_text(prompt)
    items = one("legalbench", tmp_path).items
    assert [item.context for item in items] == [f"Does it give a right?\n\nText: {text}\nAnswer:" for text in ("You may leave.", "It rains.")]
    assert [item.choices[item.gold] for item in items] == ["Yes", "No"] and items[0].choices == ("No", "Yes")
    p.table(folder / "test.tsv", [["index", "text", "answer"], ["0", "You may go.", "Yes"]], "\t")
    tested = one("legalbench", tmp_path)
    assert "You may sit." in tested.items[0].context and len(tested.items) == 1 and tested.shots == 2


FAULTS = {
    "no gold": ("arc_easy", [{key: value for key, value in p.ARC.items() if key != "answerKey"}], "line 1: has no answerKey; it has id, question, choices"),
    "gold hidden": ("arc_easy", [p.ARC | {"answerKey": ""}], "answerKey is hidden; the answers of this split are not published"),
    "gold not among the choices": ("arc_easy", [p.ARC | {"answerKey": "E"}], "line 1: answerKey is 'E', the choices are labelled A, B, C"),
    "gold out of range": ("piqa", [p.PIQA, p.PIQA | {"label": 2}], "line 2: label is 2, expected a number from 0 to 1"),
    "gold hidden as -1": ("piqa", [p.PIQA | {"label": -1}], "label is hidden"),
    "no text": ("boolq", [p.BOOLQ | {"question": 7}], "line 1: question is 7, expected text"),
    "no blank": ("winogrande", [p.WINOGRANDE | {"sentence": "No gap."}], r"its sentence has no blank \(_\)"),
    "no number": ("gsm8k", [p.GSM8K | {"answer": "five"}], "its answer has no final number"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_that_cannot_be_scored_is_named(tmp_path, fault):
    suite, rows, message = FAULTS[fault]
    path = p.jsonl(tmp_path / "test.jsonl", rows)
    with pytest.raises(EvalError, match=message) as error:
        read_suite("t", suite, path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


DAMAGE = {
    "empty": (b"", "empty; download the file again"),
    "cut short": (b'{"goal": "x", "sol1"', "line 1: not readable JSON"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS, not the data"),
    "a web page": (b"<!DOCTYPE html><html>sign in</html>", "a web page, not the data"),
    "not UTF-8": (b'{"goal": "x"}\n{"goal": "\xe9"}', r"line 2: not UTF-8 \(byte 0xe9\)"),
    "a list": (b"[1, 2]\n", "line 1: holds list, expected an object"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, damage):
    data, message = DAMAGE[damage]
    path = tmp_path / "valid.jsonl"
    path.write_bytes(data)
    with pytest.raises(EvalError, match=message):
        read_suite("t", "piqa", path)


def test_a_suite_that_is_not_there_says_how_to_get_it(tmp_path):
    with pytest.raises(EvalError, match=r"suite mmlu: nothing at .*gone; to get its files: hf download --repo-type dataset cais/mmlu"):
        read_suite("t", "mmlu", tmp_path / "gone")
    (tmp_path / "notes.md").write_text("no data")
    with pytest.raises(EvalError, match=r"suite piqa: .* holds none of its files \(valid\.jsonl .*to get them: hf download"):
        read_suite("t", "piqa", tmp_path)
    with pytest.raises(EvalError, match="no suite is called hellaswgg; did you mean hellaswag"):
        read_suite("t", "hellaswgg", tmp_path)

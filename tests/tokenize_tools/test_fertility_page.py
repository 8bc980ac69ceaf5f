from tests.tokenize_tools.samples import byte_level, documents_set, prose
from tokenize_tools.fertility_page import render
from tokenize_tools.fertility_report import compare, write


def interval(value: float) -> dict:
    return {"low": value * 0.9, "estimate": value, "high": value * 1.1}


def figures(labels: list[str]) -> dict:
    rows = [
        {"tokenizer": label, "source": source, "language": "en", "n_documents": 7, "n_bytes": 5000, "n_tokens": 1000}
        | {"bytes_per_token": interval(4 + number), "relative_tokens": interval(1 + number), "tokens_per_word": None}
        | {"split_words": interval(0.25), "byte_tokens": interval(0.0), "renyi_efficiency": interval(0.5)}
        for source in ("all", "web", "law")
        for number, label in enumerate(labels)
    ]
    return {"tokenizers": [{"label": label, "sha256": "a" * 64, "n_vocab": 512} for label in labels], "rows": rows, "parity": []}


def test_one_tokenizer_has_one_table_of_all_measures_without_its_ratio_to_itself():
    page = render(figures(["bpe"]))
    assert page.count("<table") == 2 and "against the first" not in page and "1.000" not in page
    assert all(f">{title}</th>" in page for title in ("Bytes per token", "Continued words", "Rényi efficiency"))
    assert "Tokens per word" not in page  # no row has it
    assert "cheapest" not in page and "@media print" in page


def test_several_tokenizers_are_compared_measure_by_measure_and_the_first_with_the_others():
    page = render(figures(["bpe", "unigram"]))
    assert page.count("<h2>") == 5 and "cheapest tokenizer" in page
    section = page.split("<h2>Tokens against the first tokenizer</h2>")[1].split("<h2>")[0]
    assert ">unigram</th>" in section and ">bpe</th>" not in section and "2.000" in section and ">1.000<" not in section


def test_names_of_sources_cannot_break_the_page(tmp_path):
    documents = documents_set(tmp_path / "web", prose(0, 5), source="<script>alert(1)</script>")
    write(compare([documents], [byte_level(tmp_path / "bpe")], 1 << 20, seed=0), tmp_path / "page.html")
    assert "<script" not in (tmp_path / "page.html").read_text()

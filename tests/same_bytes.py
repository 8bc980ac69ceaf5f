"""Run recipes of three kinds with two versions of the code and compare every byte of what they write.

    python -m tests.same_bytes BEFORE [AFTER] [--recipe RECIPE.yaml]… [--keep FOLDER]

BEFORE and AFTER are commits; without AFTER, the files of this checkout as they are. The recipes, on text made here: web pages with every rule
set, rewriting and kind of deduplication; Markdown in six languages; exercises mined from both by rules. Each `--recipe` adds one of
`curate run` of your own, on real text for example. Compared are documents, held_out, verdicts, signals, report.json, and the names of the
folders in `work/`, which are the keys of what was computed. Exit code 1, with the list of files, if anything differs.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.curate.corpus import document, html, warc
from tests.curate.web_like import documents as odd_documents

ROOT = Path(__file__).parents[1]
COMPARED = ("documents", "held_out", "verdicts", "signals", "report.json")

_SENTENCES = {
    "en": [
        "The river board is an office that measures the water of all wells.",
        "Why do wells run dry in a wet year?",
        "Because the town grew, the board built a weir.",
    ],
    "de": [
        "Das Amt ist eine Behörde, die das Wasser aller Brunnen misst.",
        "Warum versiegen Brunnen in einem nassen Jahr?",
        "Weil die Stadt wuchs, baute das Amt ein Wehr.",
    ],
    "fr": [
        "Le bureau est un service qui mesure l'eau de tous les puits.",
        "Pourquoi les puits tarissent-ils pendant une année humide ?",
        "Parce que la ville grandit, il construit un barrage.",
    ],
    "es": [
        "La oficina es un servicio que mide el agua de todos los pozos.",
        "¿Por qué se secan los pozos en un año húmedo?",
        "Como la ciudad creció, la oficina construyó una presa.",
    ],
    "zh": ["水务局是测量所有水井水位的机构。", "为什么在多雨的年份水井会干涸？", "因为城市扩大了，所以水务局修建了一座水坝。"],
    "ru": [
        "Управление — это служба, которая измеряет воду всех колодцев.",
        "Почему колодцы пересыхают в дождливый год?",
        "Поскольку город вырос, управление построило плотину.",
    ],
}

_SIGNALS = "from curate.signals.lines import sum_by_document\n\n\n"
_SIGNALS += (
    "def long_lines(block):\n    return {'n_long_lines': sum_by_document(block.lines.n_chars > 80, block.lines.doc_offsets)}\n\n\nSIGNALS = (long_lines,)\n"
)


def write_pages(folder: Path) -> dict[str, object]:
    """Pages in archives and tables, and the recipe that does everything to them."""
    draw = random.Random(3)
    odd = odd_documents(300, seed=5)
    plain = [document(seed, n_sentences=draw.randint(2, 40)) for seed in range(260)]
    personal = [f"{document(seed)}\nWrite to office{seed}@example.com or call +1 202-555-01{seed:02d}, 8.8.4.{seed}." for seed in range(1000, 1040)]
    texts = [*odd, *plain, *personal, *plain[::7], *(text + "\nOne more sentence stands at the end of this page." for text in plain[::5])]
    draw.shuffle(texts)
    pages = [("response", f"http://site{index % 9}.example.org/page/{index}", html(text)) for index, text in enumerate(texts)]
    folder.mkdir()
    (folder / "a.warc.gz").write_bytes(warc(pages[:300]))
    (folder / "b.warc.gz").write_bytes(warc(pages[300:]))
    rows = [{"text": text, "url": f"http://table.example.org/{index}", "topic": "wells"} for index, text in enumerate(texts[::2])]
    (folder / "c.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    (folder / "lists").mkdir()
    (folder / "lists/domains.txt").write_text("site3.example.org\n")
    (folder / "lists/en.txt").write_text("golden bridge\nquiet\n")
    (folder / "lists/eval.jsonl").write_text("".join(json.dumps({"question": plain[index][:300]}) + "\n" for index in range(0, 260, 31)))
    (folder / "lists/own.py").write_text(_SIGNALS)
    vectors = np.random.default_rng(1).normal(size=(len(texts), 8)).astype(np.float32)
    vectors[1::9] = vectors[::9][: len(vectors[1::9])]
    urls = [page[1] for page in pages] + [str(row["url"]) for row in rows]
    columns = {"url": urls, "embedding": list(np.resize(vectors, (len(urls), 8)))}
    pq.write_table(pa.table(columns), folder / "lists/vectors.parquet")
    rule_sets = sorted({path.stem for path in (ROOT / "curate/rules").glob("*.yaml")} - {"fineweb2", "c4"})
    return {
        "name": "pages",
        "inputs": ["pages/*.warc.gz", {"path": "pages/c.jsonl", "source": "table"}],
        "rewrite": {"c4": {"filter_no_terminal_punct": False}, "pii": {}},
        "rules": rule_sets,
        "signals": ["difficulty", "pages/lists/own.py"],
        "lists": {"urls": {"lists": [{"path": "pages/lists/domains.txt"}]}, "bad_words": {"path": "pages/lists/en.txt", "language": "en"}},
        "decontaminate": {"evals": ["pages/lists/eval.jsonl"], "min_words": 5},
        "dedup": {
            "minhash": {"verify": 0.7},
            "lines": {"min_words": 5},
            "substring": {"min_words": 5},
            "bloom": {"scope": "paragraph", "min_words": 5},
            "semantic": {"embeddings": "pages/lists/vectors.parquet", "key": "url"},
            "before_rules": True,
        },
        "held_out": {"share": 0.1},
        "keep_columns": ["topic"],
    }


def write_markdown(folder: Path) -> dict[str, object]:
    """Markdown files in six languages, and a recipe that decides by language."""
    draw = random.Random(4)
    for language, sentences in _SENTENCES.items():
        (folder / language).mkdir(parents=True)
        for index in range(60):
            paragraphs = [" ".join(draw.choices(sentences, k=draw.randint(2, 9))) for _ in range(draw.randint(1, 12))]
            body = f"# {sentences[1]}\n\n" + "\n\n".join(paragraphs) + "\n\n- " + "\n- ".join(draw.choices(sentences, k=3)) + "\n"
            (folder / language / f"{index:03d}.md").write_text(f"---\ntitle: {index}\n---\n{body}", encoding="utf-8")
    return {
        "name": "markdown",
        "inputs": ["markdown"],
        "words": "auto",
        "unicode": "normalize",
        "language": {"candidates": 0.01, "min_confidence": {"default": 0.1}},
        "rules": ["gopher_quality", "prose", {"name": "fineweb2", "skip": []}],
        "dedup": {"minhash": {"hash": "datatrove", "ngram": 3}, "lines": {"scope": "line", "copies": 3, "min_words": 1}},
        "held_out": {"share": 0.2, "max_documents": 9},
    }


def write_inputs(home: Path) -> list[tuple[str, str, Path]]:
    """All inputs and recipes under `home`: (command, name, recipe) in the order they run."""
    recipes: dict[str, dict[str, object]] = {"pages": write_pages(home / "pages"), "markdown": write_markdown(home / "markdown")}
    recipes["all"] = {"name": "all", "inputs": ["markdown", "pages/c.jsonl"], "rules": [], "dedup": {"exact": True}}
    for task in ("reading_questions", "questions"):
        recipes[f"mined_{task}"] = {"name": task, "inputs": ["out/all"], "task": task}
    runs = []
    for name, recipe in recipes.items():
        path = home / f"{name}.yaml"
        path.write_text(yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True), encoding="utf-8")
        runs.append(("synthesize" if "task" in recipe else "run", name, path))
    return runs


def run_all(tree: Path, home: Path, runs: list[tuple[str, str, Path]]) -> dict[str, str]:
    """Run the recipes with the code in `tree`. Returns the checksum of each compared file; names of folders in `work/` have an empty one."""
    out = home / "out"
    for command, name, recipe in runs:
        program = "import sys; sys.argv[0] = 'curate'; from curate.cli import main; main()"
        arguments = [sys.executable, "-c", program, command, str(recipe), "--out", f"out/{name}", "--workers", "2"]
        environment = os.environ | {"PYTHONPATH": str(tree)}
        done = subprocess.run(arguments, cwd=home, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{tree}: {command} {recipe}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    sums = {}
    for path in sorted(out.rglob("*")):
        parts = path.relative_to(out).parts
        if len(parts) == 3 and parts[1] == "work":
            sums["/".join(parts)] = ""
        elif len(parts) > 1 and parts[1] in COMPARED and path.is_file():
            sums["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return sums


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("before")
    parser.add_argument("after", nargs="?")
    parser.add_argument("--recipe", type=Path, action="append", default=[])
    parser.add_argument("--keep", type=Path, help="keep both outputs in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="same_bytes_") as temporary:
        home = Path(temporary)
        runs = write_inputs(home) + [("run", f"{recipe.stem}_{number}", recipe.resolve()) for number, recipe in enumerate(options.recipe)]
        sums = []
        for name, revision in (("before", options.before), ("after", options.after)):
            tree = ROOT if revision is None else home / "tree"
            if revision:
                subprocess.run(["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", tree, revision], check=True)
            sums.append(run_all(tree, home, runs))
            shutil.move(home / "out", (options.keep or home) / name)
            if revision:
                subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=True)
    before, after = sums
    different = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    print("\n".join(different) or f"{len(before)} files and work folders of {len(runs)} runs: the same")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()

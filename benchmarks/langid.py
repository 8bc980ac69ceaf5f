"""Language identifiers on labelled text: accuracy and speed of our default, cld2, lingua, py3langid and fastText models.

    python -m benchmarks.langid --input FOLDER [--input KIND=FOLDER …] [--posts KIND=FOLDER …] [--fasttext lid.176.ftz]
        [--peers cld2,lingua,lingua-low,py3langid] [--max-bytes 256,1024]

FOLDER holds one folder per language, named by its code, with text files in it, or text files named by codes, as in `udhr_swh.txt` or `swh.xml`.
KIND names the kind of text in the results. For `--posts` technical posts are made of the folder's sentences, with code, addresses and checksums.
`model alone` is the default without its care for those, and without limits to its confidence. Each identifier sees whole documents and snippets
of 200 and 50 characters. `shared` averages accuracy over the languages of the folder that all identifiers know, `all` over every language, where
one that an identifier does not know counts as wrong. Macro averages: each language counts the same. One thread.
"""

import argparse
import importlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ["RAYON_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

import numpy as np
import pyarrow as pa

from benchmarks.harness import timed
from benchmarks.labelled import labelled_texts, same
from benchmarks.technical import technical_posts
from curate.languages.default_model import MAX_BYTES, DefaultModel
from curate.languages.fasttext_model import FastTextModel
from curate.languages.sample import sample_texts

SNIPPET_CHARS = {"documents": None, "snippets of 200": 200, "snippets of 50": 50}


class Identifier(NamedTuple):
    """One contender: `codes` it may answer, and `identify`, texts to codes."""

    codes: set[str]
    identify: Callable[[list[str]], list[str]]


def main() -> None:
    """Compare and print; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--posts", action="append", default=[])
    parser.add_argument("--per-language", type=int, default=40, help="texts of each kind and language")
    parser.add_argument("--max-bytes", default="", help="also the default and each fastText model with so many bytes of a text, as in 256,512")
    parser.add_argument("--fasttext", action="append", default=[])
    parser.add_argument("--peers", default="cld2,lingua,lingua-low,py3langid")
    arguments = parser.parse_args()
    contenders: dict[str, Callable[[], Identifier]] = {"default": _default, "model alone": _alone}
    contenders |= {name: _PEERS[name] for name in arguments.peers.split(",") if name in _PEERS}
    contenders |= {Path(path).name: lambda path=path: _fasttext(path) for path in arguments.fasttext}
    for size in map(int, filter(None, arguments.max_bytes.split(","))):
        contenders[f"default {size}"] = lambda size=size: _default(size)
        contenders |= {f"{Path(path).name} {size}": lambda path=path, size=size: _fasttext(path, size) for path in arguments.fasttext}
    identifiers = {name: make() for name, make in contenders.items()}
    kinds = dict(map(_named, arguments.input)) | {kind: technical_posts(texts, arguments.per_language) for kind, texts in map(_named, arguments.posts)}
    results = {kind: _compare(kind, texts, identifiers, arguments.per_language) for kind, texts in kinds.items()}
    print(json.dumps(_verdict(results)))


def _named(asked: str) -> tuple[str, dict[str, list[str]]]:
    kind, _, folder = asked.rpartition("=")
    return kind or Path(folder).name, labelled_texts(Path(folder))


def _compare(
    kind_of_text: str, labelled: dict[str, list[str]], identifiers: dict[str, Identifier], per_language: int
) -> dict[str, dict[str, dict[str, float]]]:
    shared = {label for label in labelled if all(label in identifier.codes for identifier in identifiers.values())}
    results: dict[str, dict[str, dict[str, float]]] = {}
    for kind, n_chars in SNIPPET_CHARS.items():
        samples = [(label, text) for label, texts in labelled.items() for text in _sample(texts, n_chars, per_language)]
        answers = {name: _timed(identifier, [text for _, text in samples]) for name, identifier in identifiers.items()}
        ours = np.array(answers["default"][0])
        results[kind] = {}
        for name, (codes, mb_per_second) in answers.items():
            right = np.array([code == label for code, (label, _) in zip(codes, samples, strict=True)])
            labels = np.array([label for label, _ in samples])
            figures = {
                "shared": _macro(right, labels, shared),
                "all": _macro(right, labels, set(labelled)),
                "MB/s": mb_per_second,
                "same as default": float(np.mean(ours == np.array(codes))),
            }
            results[kind][name] = figures
            shown = "  ".join(f"{key} {value:7.3f}" for key, value in figures.items())
            print(f"{kind_of_text:8} {kind:16} {name:14} {shown}  ({len(shared)} shared of {len(labelled)} languages, {len(samples)} texts)", flush=True)
    return results


def _sample(texts: list[str], n_chars: int | None, n: int) -> list[str]:
    """`n` texts, or pieces of `n_chars` that start at a blank, evenly spread over what there is."""
    if n_chars is not None:
        texts = [piece for text in texts for piece in _pieces(" ".join(text.split()), n_chars)]
    chosen = np.unique(np.linspace(0, len(texts) - 1, min(n, len(texts))).astype(int)) if texts else []
    return [texts[index] for index in chosen]


def _pieces(text: str, n_chars: int) -> list[str]:
    return [
        text[start : start + n_chars].partition(" ")[2][: n_chars - 10] or text[start : start + n_chars] for start in range(0, len(text) - n_chars, n_chars)
    ]


def _timed(identifier: Identifier, texts: list[str]) -> tuple[list[str], float]:
    identifier.identify(texts[:2])
    codes, seconds = timed(lambda: identifier.identify(texts))
    return [same(code) for code in codes], sum(len(text.encode()) for text in texts) / 1e6 / seconds


def _macro(right: np.ndarray, labels: np.ndarray, chosen: set[str]) -> float:
    return float(np.mean([right[labels == label].mean() for label in sorted(chosen) if (labels == label).any()] or [np.nan]))


def _verdict(results: dict[str, dict[str, dict[str, dict[str, float]]]]) -> dict[str, object]:
    """Ours against cld2, its nearest peer in speed, where both were run; else against the last one."""
    first = next(iter(results.values()))["documents"]
    peer = "cld2" if "cld2" in first else list(first)[-1]
    twin = first.get("py3langid", first["default"])
    ratio = first["default"]["MB/s"] / first[peer]["MB/s"]
    return {"ours": first["default"], "peer": {"name": peer, **first[peer]}, "ratio": ratio, "agreement": twin["same as default"], "all": results}


def _default(max_bytes: int | None = None) -> Identifier:
    model = DefaultModel(max_bytes)
    return Identifier({same(code) for code in model.codes}, lambda texts: model.identify(pa.array(texts, pa.large_string())).code.to_pylist())


def _alone() -> Identifier:
    model = DefaultModel()

    def identify(texts: list[str]) -> list[str]:
        probability, _ = model.classify(sample_texts(pa.array(texts, pa.large_string()), MAX_BYTES))
        return [str(model.codes[label]) for label in probability.argmax(axis=1)]

    return Identifier({same(code) for code in model.codes}, identify)


def _fasttext(path: str, max_bytes: int | None = None) -> Identifier:
    model = FastTextModel(path, max_bytes)
    codes = {same(code) for code in model.codes.tolist()}
    return Identifier(codes, lambda texts: model.identify(pa.array(texts, pa.large_string())).code.to_pylist())


def _cld2() -> Identifier:
    cld2 = importlib.import_module("pycld2")
    known = {same(code) for name, code in cld2.LANGUAGES if name in cld2.DETECTED_LANGUAGES}

    def one(text: str) -> str:
        try:
            return cld2.detect(text, isPlainText=True, bestEffort=True)[2][0][1]
        except cld2.error:  # it refuses some control characters
            return "un"

    return Identifier(known, lambda texts: [one(text) for text in texts])


def _lingua(low: bool) -> Identifier:
    lingua = importlib.import_module("lingua")
    builder = lingua.LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models()
    detector = (builder.with_low_accuracy_mode() if low else builder).build()
    known = {language.iso_code_639_1.name.lower() for language in lingua.Language.all()}

    def identify(texts: Sequence[str]) -> list[str]:
        found = (detector.detect_language_of(text) for text in texts)
        return [language.iso_code_639_1.name.lower() if language else "und" for language in found]

    return Identifier({same(code) for code in known}, identify)


def _py3langid() -> Identifier:
    langid = importlib.import_module("py3langid.langid")
    model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    return Identifier({same(code) for code in model.labels}, lambda texts: [model.classify(text)[0] for text in texts])


_PEERS: dict[str, Callable[[], Identifier]] = {
    "cld2": _cld2,
    "lingua": lambda: _lingua(low=False),
    "lingua-low": lambda: _lingua(low=True),
    "py3langid": _py3langid,
}

if __name__ == "__main__":
    main()

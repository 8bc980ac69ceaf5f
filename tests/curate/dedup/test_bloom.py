import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.dedup.bloom import BloomFilter, bits_needed, false_positive_rate, hashes_needed
from curate.dedup.bloom_stream import find_shingles, judge
from curate.errors import CurateError
from curate.kernels.buffers import text_buffers
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.words.spacy_words import WordSplitter
from shards.errors import RecipeError
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl
from tests.curate.corpus import recipe as recipe_text

SPLITTER = WordSplitter()
MEANING: dict[str, object] = {"ngram": 3}


def keys(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 1 << 63, n, dtype=np.uint64)


@pytest.mark.parametrize("rate", [0.1, 0.01, 0.0001])
def test_a_filter_errs_as_often_as_asked_and_never_forgets(rate: float) -> None:
    bloom = BloomFilter.sized(50_000, rate, 1 << 30, MEANING)
    bloom.add(keys(50_000, 1))
    assert bloom.holds(keys(50_000, 1)).all()
    wrong = bloom.holds(keys(400_000, 2)).sum()
    expected = 400_000 * rate
    assert abs(wrong - expected) < 5 * expected**0.5 + 0.05 * expected
    assert bloom.fill == pytest.approx(1 - np.exp(-bloom.n_hashes * 50_000 / bits_needed(50_000, rate)), abs=0.01)


def test_sizes_follow_the_textbook() -> None:
    assert (bits_needed(1_000_000, 0.01), hashes_needed(1_000_000, 9_585_088)) == (9_585_088, 7)
    assert false_positive_rate(1_000_000, 9_585_088, 7) == pytest.approx(0.01004, abs=1e-5)


def test_a_filter_that_is_too_large_is_refused_with_what_is_possible() -> None:
    with pytest.raises(CurateError, match=r"10,000,000 n-grams need .* GiB .* raise max_gib, or accept false_positive: 0\.6"):
        BloomFilter.sized(10_000_000, 0.001, 1_250_000, MEANING)


def test_a_saved_filter_is_the_same_and_one_of_other_keys_is_refused(tmp_path: Path) -> None:
    bloom = BloomFilter.sized(1000, 0.01, 1 << 20, MEANING)
    bloom.add(keys(1000, 1))
    bloom.save(tmp_path / "f.bloom")
    again = BloomFilter.load(tmp_path / "f.bloom", MEANING)
    assert (again.holds(keys(5000, 2)) == bloom.holds(keys(5000, 2))).all()
    again.add(keys(1000, 3))
    assert not BloomFilter.load(tmp_path / "f.bloom", MEANING).holds(keys(1000, 3)).all()
    with pytest.raises(CurateError, match="use the same ngram"):
        BloomFilter.load(tmp_path / "f.bloom", {"ngram": 4})
    (tmp_path / "g.bloom").write_bytes((tmp_path / "f.bloom").read_bytes()[:-8])
    for name in ("g.bloom", "absent.bloom"):
        with pytest.raises(CurateError, match="Bloom filter of ours"):
            BloomFilter.load(tmp_path / name, MEANING)


def words_of(text: str) -> list[str]:
    return text.lower().replace(".", " ").split()


def slow(texts: list[str], passed: list[bool], n: int, threshold: float, min_words: int, by_line: bool) -> list[str | None]:
    """bff with a set in place of a filter: None for documents that go, else what is left."""
    seen: set[tuple[str, ...]] = set()
    left: list[str | None] = []
    for text, candidate in zip(texts, passed, strict=True):
        parts = text.split("\n") if by_line else [text]
        grams = [[tuple(words_of(part)[i : i + n]) for i in range(len(words_of(part)) - n + 1)] for part in parts]
        known = [sum(gram in seen for gram in some) for some in grams]
        is_old = [old > 0 and old >= threshold * len(some) for old, some in zip(known, grams, strict=True)]
        kept = [part for part, old in zip(parts, is_old, strict=True) if not old]
        is_copy = sum(known) > 0 and sum(known) >= threshold * sum(map(len, grams))
        too_short = any(is_old) and sum(len(words_of(part)) for part in kept) < min_words
        stays = candidate and not is_copy and not too_short
        left.append("\n".join(kept) if stays else None)
        if stays:
            seen.update(gram for some, old in zip(grams, is_old, strict=True) if not old for gram in some)
    return left


@pytest.mark.parametrize("scope", ["document", "line"])
@pytest.mark.parametrize("threshold", [0.4, 0.8, 1.0])
def test_documents_and_lines_go_as_with_a_set_of_all_ngrams(scope: str, threshold: float) -> None:
    draw = random.Random(3)
    pool = [document(seed, 1) for seed in range(25)]
    texts = ["\n".join(draw.sample(pool, draw.randint(1, 6))) for _ in range(80)]
    passed = [draw.random() < 0.9 for _ in texts]
    shingles = find_shingles(*text_buffers(pa.array(texts, pa.large_string())), SPLITTER, 5, scope)  # type: ignore[arg-type]
    bloom = BloomFilter.sized(10_000, 1e-9, 1 << 20, MEANING)
    judged = judge(shingles, np.array(passed), np.array([len(text) for text in texts]), bloom, threshold, 20, True)
    cuts = list(zip(*(column.tolist() for column in judged.cuts[:3]), strict=True))
    found: list[str | None] = []
    for doc, text in enumerate(texts):
        for _, start, end in reversed([cut for cut in cuts if cut[0] == doc]):
            text = text[:start] + text[end:]
        found.append(text if judged.stays[doc] else None)
    expected = slow(texts, passed, 5, threshold, 20, scope == "line")
    assert found == expected
    assert None in expected and any(text is not None for text in expected[40:])


def curated(folder: Path, name: str, texts: list[str], **bloom: object) -> tuple[dict[str, object], list[int]]:
    """The report of a run and the rows it kept."""
    (folder / f"{name}.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    keys = {
        "name": "t",
        "inputs": [{"path": str(folder / f"{name}.jsonl")}],
        "language": None,
        "rules": [],
        "dedup": {"exact": False, "minhash": None, "bloom": bloom},
    }
    report = run(CurateRecipe.model_validate(keys), folder / name, 1).report
    return report, [row["row"] for row in ShardSet(folder / name / "documents").to_table().to_pylist()]


def test_a_later_run_is_compared_with_what_an_earlier_one_saved(tmp_path: Path) -> None:
    saved = str(tmp_path / "seen.bloom")
    old = [document(seed) for seed in range(8)]
    report, kept = curated(tmp_path, "first", [*old, old[2] + "\nOne more line."], save=saved)
    assert kept == list(range(8))
    assert report["removed"]["bloom"]["dropped"] == 1  # type: ignore[index]
    new = [document(100), old[3], document(101), document(101)]
    assert curated(tmp_path, "second", new, load=saved)[1] == [0, 2]
    assert curated(tmp_path, "third", new, load=saved, read_only=True)[1] == [0, 2, 3]


def test_faults_of_the_recipe_are_found_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match=r"dedup\.bloom\.load: .*no such file"):
        curated(tmp_path, "x", ["a"], load=str(tmp_path / "none"))
    for bloom, message in (({"read_only": True}, "nothing to compare with"), ({"load": "a", "save": "a"}, "under another name")):
        (tmp_path / "r.yaml").write_text(recipe_text(tmp_path, dedup={"bloom": bloom}))
        with pytest.raises(RecipeError, match=message):
            load_recipe(tmp_path / "r.yaml", CurateRecipe)

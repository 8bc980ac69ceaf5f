"""Every kind of model that fastText can train must give the library's probabilities."""

import random
import subprocess
import sys
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest

from curate.models.fasttext_kernel import FastTextKernel

WORDS = ["harbour", "ship", "Hafen", "Schiff", "für", "école", "ö", "船", "港口很大", "a", "I", "1900", "—", "x" * 40, "ab"]

# Arguments of train_supervised, then of quantize; None leaves the model as it is.
KINDS: dict[str, tuple[dict[str, object], dict[str, object] | None]] = {
    "softmax": ({"loss": "softmax"}, None),
    "word runs": ({"loss": "softmax", "wordNgrams": 3, "bucket": 500}, None),
    "character runs": ({"loss": "softmax", "minn": 2, "maxn": 4, "bucket": 500}, None),
    "runs from one character": ({"loss": "softmax", "minn": 1, "maxn": 3, "wordNgrams": 2, "bucket": 500}, None),
    "hierarchical": ({"loss": "hs", "minn": 2, "maxn": 3, "bucket": 500}, None),
    "one against all": ({"loss": "ova", "wordNgrams": 2, "bucket": 500}, None),
    "negative sampling": ({"loss": "ns"}, None),
    "frequent words only": ({"loss": "softmax", "minCount": 1600}, None),
    "quantised": ({"loss": "softmax", "minn": 2, "maxn": 4, "bucket": 500, "dim": 7}, {}),
    "quantised and pruned": ({"loss": "softmax", "minn": 2, "maxn": 4, "wordNgrams": 2, "bucket": 500}, {"cutoff": 300, "qnorm": True}),
    "quantised through and through": ({"loss": "softmax", "minn": 2, "maxn": 4, "bucket": 500, "dim": 7}, {"qnorm": True, "qout": True}),
}

_TRAIN = """
import sys, fasttext
folder, trainings = sys.argv[1], eval(sys.argv[2])
for number, (train, quantise) in enumerate(trainings):
    model = fasttext.train_supervised(folder + "/train.txt", epoch=3, thread=1, verbose=0, **{"dim": 8, **train})
    if quantise is not None:
        model.quantize(input=folder + "/train.txt", verbose=0, **quantise)
    model.save_model(f"{folder}/{number}.model")
"""


def sentences(n: int, n_words: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choice(WORDS) + draw.choice(["", "", "s", "e", str(draw.randrange(99))]) for _ in range(n_words)) for _ in range(n)]


# fastText can end the whole process while training, so it trains in another.
@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fasttext")
    # 300 labels, because a quantised output matrix needs as many rows as it has centroids.
    lines = [f"__label__{number % 300} {text} ship ship" for number, text in enumerate(sentences(1500, 8, 0))]
    (folder / "train.txt").write_text("\n".join(lines) + "\n")
    subprocess.run([sys.executable, "-c", _TRAIN, str(folder), repr(list(KINDS.values()))], check=True)
    return folder


STRANGE = ["", " \n\t", "\x0b\x00\x0c", "a </s> ship", "__label__1 ship", "__label__unheard ship", "ship\r\nHafen  \n", "x" * 5000, "é", "\U0001f6a2 船" * 40]


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_the_library(models: Path, kind: str) -> None:
    path = str(models / f"{list(KINDS).index(kind)}.model")
    ours, library = FastTextKernel(path), fasttext.load_model(path)
    texts = sentences(40, 12, 1) + STRANGE
    found = ours.probabilities(pa.array(texts))
    expected = np.zeros_like(found)
    for row, text in enumerate(texts):
        for score, label in library.f.predict(text.replace("\n", " ") + "\n", -1, -1.0, "strict"):
            expected[row, ours.labels.index(label.removeprefix("__label__"))] = min(score, 1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(ours.labels) == 300 and (found > 0.002).any()


def test_top_labels_are_the_most_probable_ones_in_order(models: Path) -> None:
    model = FastTextKernel(models / "0.model")
    texts = pa.array(sentences(2000, 5, 2))
    everything, top = model.probabilities(texts), model.top(texts, 3)
    assert (top.label == np.argsort(-everything, axis=1, kind="stable")[:, :3]).all()
    np.testing.assert_array_equal(top.score, np.take_along_axis(everything, top.label.astype(np.int64), axis=1))
    np.testing.assert_array_equal(model.probability(texts, "3"), everything[:, model.labels.index("3")])
    assert model.top(texts).score.tolist() == everything.max(axis=1, keepdims=True).tolist()


def test_a_text_of_which_the_model_knows_nothing_has_no_label(models: Path) -> None:
    model = FastTextKernel(models / "7.model")  # the end of the line, too, is too rare a word for it
    top = model.top(pa.array(["", "\u1234"]), 2)
    assert set(top.label.ravel()) == {-1} and not top.score.any() and model.top(pa.array([], pa.string())).label.shape == (0, 1)


def test_values_do_not_depend_on_what_was_seen_before(models: Path) -> None:
    texts = pa.array(sentences(300, 30, 3))
    model = FastTextKernel(models / "3.model")
    together = model.probabilities(texts)
    fresh = FastTextKernel(models / "3.model")
    backwards = np.stack([fresh.probabilities(texts.slice(row, 1))[0] for row in range(299, -1, -1)])[::-1]
    np.testing.assert_array_equal(together, backwards)

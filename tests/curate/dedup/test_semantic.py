import numpy as np
import pytest

from curate.dedup.semantic import Twins, Vectors, find_twins, normalized


def groups(seed: int) -> np.ndarray:
    """300 vectors in 16 dimensions: 60 directions with five noisy copies each, in random order."""
    draw = np.random.default_rng(seed)
    rows = np.repeat(draw.normal(size=(60, 16)), 5, axis=0) + 0.12 * draw.normal(size=(300, 16))
    return normalized(rows[draw.permutation(300)])


def twins(rows: np.ndarray, docs: np.ndarray, n_clusters: int, keep: str, threshold: float = 0.95) -> Twins:
    return find_twins(Vectors(docs, lambda some: rows[some]), np.arange(len(rows))[::-1].copy(), threshold, n_clusters, keep, 1)  # type: ignore[arg-type]


def slow(rows: np.ndarray, docs: np.ndarray, order: np.ndarray, threshold: float) -> dict[int, int]:
    """One cluster: each document in order goes if one that stayed is similar enough; its twin is the most similar."""
    kept: list[int] = []
    dropped: dict[int, int] = {}
    for doc in docs[order]:
        similar = [(float(rows[doc] @ rows[one]), one) for one in kept]
        if similar and max(similar)[0] >= threshold:
            dropped[int(doc)] = int(max(similar)[1])
        else:
            kept.append(doc)
    return dropped


@pytest.mark.parametrize("keep", ["farthest", "closest", "longest"])
def test_each_dropped_document_has_its_most_similar_twin_among_those_that_stay(keep: str) -> None:
    rows, docs = groups(1), np.arange(10, 260)
    centre = normalized(rows[docs].sum(axis=0, keepdims=True))[0]
    order = np.argsort({"farthest": rows[docs] @ centre, "closest": -(rows[docs] @ centre), "longest": docs}[keep], kind="stable")
    found = twins(rows, docs, 1, keep)
    assert dict(zip(found.dropped.tolist(), found.twin.tolist(), strict=True)) == slow(rows, docs, order, 0.95)
    assert 60 < len(found.dropped) < 240
    assert found.similarity == pytest.approx([rows[a] @ rows[b] for a, b in zip(found.dropped, found.twin, strict=True)], abs=1e-6)


def test_clusters_lose_few_copies_and_add_none() -> None:
    rows, docs = groups(2), np.arange(300)
    whole, parts = twins(rows, docs, 1, "longest"), twins(rows, docs, 12, "longest")
    assert len(whole.dropped) * 0.8 < len(parts.dropped) <= len(whole.dropped) + 5
    assert not set(parts.twin.tolist()) & set(parts.dropped.tolist())
    again = twins(rows, docs, 12, "longest")
    assert (again.dropped == parts.dropped).all() and (again.twin == parts.twin).all()


def test_no_documents_give_no_twins() -> None:
    assert len(twins(groups(1), np.empty(0, np.int64), 4, "closest").dropped) == 0

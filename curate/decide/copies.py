"""What exact and near copies have in common: which one of a cluster stays, and what it then stands for."""

import numpy as np

from curate.decide.collection import Collection
from curate.dedup.keep import Policy, choose


def settle(collection: Collection, docs: np.ndarray, labels: np.ndarray, policy: Policy) -> tuple[np.ndarray, np.ndarray]:
    """Choose the survivors of clusters `labels (n,) int64` of `docs (n,)`: labels are the smallest place in `docs` of a cluster's members.

    Returns the documents to drop and the twin that stays for each, (n_dropped,) int64; the survivors' `cluster_size` grows.
    """
    kept = choose(labels, collection.n_bytes[docs], policy)
    survivor = np.empty(len(docs), np.int64)
    survivor[labels[kept]] = docs[kept]
    twin = survivor[labels]
    collection.stand_for(docs[~kept], twin[~kept])
    return docs[~kept], twin[~kept]

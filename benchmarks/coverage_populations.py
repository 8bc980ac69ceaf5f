"""Populations of documents for `benchmarks.coverage`: lengths, differences between two models, and the true difference, which is known."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]

NOISE = 0.1
"""Standard deviation of the difference per byte between documents of the same length."""


class Lengths(NamedTuple):
    """Bytes of documents to draw from; `values` is a large fixed sample that stands for the whole population."""

    name: str
    values: Array

    @property
    def kish_share(self) -> float:
        """Effective documents per document: Kish's number over the count."""
        return float(self.values.sum() ** 2 / (self.values**2).sum() / len(self.values))


def lognormal_lengths(name: str, *parts: tuple[float, float, float]) -> Lengths:
    """Lengths from lognormal `parts`: share of the documents, median bytes, standard deviation of the logarithm. Evenly spaced quantiles, no randomness."""
    levels = (np.arange(20_000) + 0.5) / 20_000
    values = [np.exp(math.log(median) + deviation * ndtri(levels[: round(share * 20_000)] / share)) for share, median, deviation in parts]
    return Lengths(name, np.concatenate(values))


LENGTHS = (
    lognormal_lengths("pages", (1, 4e3, 0.6)),
    lognormal_lengths("contracts", (1, 4e4, 0.9)),
    lognormal_lengths("statutes and contracts", (0.5, 2e3, 0.9), (0.5, 4e4, 0.9)),
    lognormal_lengths("books", (1, 2e5, 1.4)),
)


def read_lengths(path: Path) -> Lengths:
    """Sizes in bytes of the files of a folder, or the numbers in a text file, one a line. Raises SystemExit for fewer than 50."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    sizes = [file.stat().st_size for file in files] if path.is_dir() else [int(line) for line in path.read_text().split()]
    values = np.array([size for size in sizes if size > 0], float)
    if len(values) < 50:
        raise SystemExit(f"{path}: {len(values)} lengths; at least 50 are needed to stand for a population")
    return Lengths(path.name, values)


@dataclass(frozen=True)
class Population:
    """How documents differ between two models. Differences per byte: slope · (log length - its mean) + noise, in clusters if `cluster_documents` > 1."""

    lengths: Lengths
    kind: str
    slope: float = 0.0
    cluster_documents: int = 1
    correlation: float = 0.0
    """Share of the noise's variance that documents of a cluster have in common."""
    uneven: bool = False
    """Clusters hold 1 to 2 · `cluster_documents` - 1 documents instead of as many each; the largest is as likely as the smallest."""

    @property
    def name(self) -> str:
        """Lengths and kind, as one phrase."""
        return f"{self.lengths.name}, {self.kind}"

    @property
    def truth(self) -> float:
        """The difference over all text of the population, per byte."""
        logarithms = np.log(self.lengths.values)
        return self.slope * float(((logarithms - logarithms.mean()) * self.lengths.values).sum() / self.lengths.values.sum())

    def clusters_for(self, effective: float) -> int:
        """Number of clusters that are worth `effective` equal ones on average, by the moments of a cluster's bytes."""
        share = self.lengths.kish_share
        if self.cluster_documents == 1:
            return round(effective / share)
        sizes = np.arange(1, 2 * self.cluster_documents) if self.uneven else np.array([self.cluster_documents])
        mean, square = sizes.mean(), (sizes**2).mean()
        return round(effective * (square + mean * (1 / share - 1)) / mean**2)

    def draw(self, n_clusters: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
        """One sample: `(n_docs, 2) float64` difference and bytes, and the cluster of each document."""
        most = 2 * self.cluster_documents
        sizes = random.integers(1, most, n_clusters) if self.uneven else np.full(n_clusters, self.cluster_documents)
        labels = np.repeat(np.arange(n_clusters), sizes)
        n_bytes = random.choice(self.lengths.values, len(labels))
        own, shared = self.noise(len(labels), random), self.noise(n_clusters, random)
        noise = math.sqrt(1 - self.correlation) * own + math.sqrt(self.correlation) * shared[labels]
        per_byte = NOISE * noise + self.slope * (np.log(n_bytes) - np.log(self.lengths.values).mean())
        return np.column_stack([per_byte * n_bytes, n_bytes]), labels

    def noise(self, n: int, random: np.random.Generator) -> Array:
        """`(n,)` draws with mean 0 and variance 1: normal, t with 3 degrees of freedom, or lognormal."""
        if self.kind == "heavy tails":
            return random.standard_t(3, n) / math.sqrt(3)
        if self.kind == "skewed":
            deviation = 0.7
            mean, spread = math.exp(deviation**2 / 2), math.exp(deviation**2 / 2) * math.sqrt(math.expm1(deviation**2))
            return (np.exp(deviation * random.standard_normal(n)) - mean) / spread
        return random.standard_normal(n)


def populations(lengths: tuple[Lengths, ...]) -> list[Population]:
    """Five kinds of differences for each of the `lengths`, and clusters of ten documents with the second of them."""
    kinds = [("even", 0.0), ("heavy tails", 0.0), ("skewed", 0.0), ("grows with length", 0.05), ("grows strongly", 0.1)]
    single = [Population(lengths_of, kind, slope) for lengths_of in lengths for kind, slope in kinds]
    of_clusters = lengths[min(1, len(lengths) - 1)]
    clustered = [
        Population(of_clusters, f"clusters of {'1 to 19' if uneven else '10'}, correlation {correlation}", 0.0, 10, correlation, uneven)
        for correlation in (0.1, 0.3)
        for uneven in (False, True)
    ]
    return single + clustered

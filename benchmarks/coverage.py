"""Honesty of intervals and verdicts where the truth is known: coverage, false verdicts of a whole report, false verdicts by seeds, power.

    python -m benchmarks.coverage [--repetitions N] [--seed N] [--lengths FILE_OR_FOLDER ...]

Populations are of documents with skewed lengths whose difference between two models is known (`benchmarks/coverage_populations.py`); `--lengths` adds the
sizes of real files. Each repetition draws a sample and asks for the interval as `evaluate run` does, with 1,000 resamples instead of 10,000. Peers on the
same samples: the percentile bootstrap over documents, and the clustered standard error with Student's t and as many degrees as clusters less
one, as inspect_ai computes it. The default takes about five minutes on one core. Results do not depend on the machine.
"""

import argparse
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import trim_mean

from benchmarks.coverage_populations import LENGTHS, NOISE, Array, Population, populations, read_lengths
from benchmarks.harness import print_result, use_one_core
from eval.statistics.bootstrap import resampled_sums
from eval.statistics.differences import ratio_difference, ratio_interval
from eval.statistics.interval import LEVEL, MIN_EFFECTIVE_CLUSTERS, student_quantile
from eval.statistics.multiple import holm
from eval.statistics.recipes import recipe_difference

EFFECTIVE = (MIN_EFFECTIVE_CLUSTERS, 30.0, 100.0, 500.0)
N_RESAMPLES = 1000
N_MODELS, N_DOMAINS = 20, 12
SEEDS = ((3, 3), (2, 2), (1, 3), (5, 5))
NOISES = (0.3, 1.0, 3.0)
"""Standard deviation between seeds, in standard errors of the documents."""
_MAX_CLUSTERS = 1500


class Cell(NamedTuple):
    """One population at one effective number of clusters."""

    name: str
    effective: float
    n_clusters: int
    repetitions: int
    ours: float
    percentile: float
    clustered: float
    width: float
    """Median width of our interval over that of the clustered one."""
    power: float

    @property
    def error(self) -> float:
        """Standard error of `ours` from the number of repetitions."""
        return math.sqrt(self.ours * (1 - self.ours) / self.repetitions)


def main() -> None:
    """Run all parts, print a table, and the JSON line with the four figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=3000, help="samples of each population; a third of it for the largest samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lengths", type=Path, nargs="+", default=[], help="folders of documents, or files with a length in bytes on each line")
    options = parser.parse_args()
    use_one_core()
    cells = _coverage(options.lengths, options.repetitions, options.seed)
    enough = [cell for cell in cells if cell.effective > MIN_EFFECTIVE_CLUSTERS]
    least = min(enough, key=lambda cell: cell.ours)
    families = _families(("even", "heavy tails", "skewed"), 0.0, max(options.repetitions // 10, 20), options.seed)
    growing = _families(("grows with length",), 0.05, max(options.repetitions // 20, 20), options.seed)
    seeds = {names: _seeds(*names, max(options.repetitions // 3, 20), options.seed) for names in SEEDS}
    powers = [cell.power for cell in enough] + [power for _, _, power in seeds[3, 3]]
    print(f"\nleast coverage {least.ours:.3f} ± {least.error:.3f}: {least.name}, {least.effective:g} effective clusters")
    ours = {
        "least_coverage": least.ours,
        "least_coverage_error": least.error,
        "mean_coverage": float(np.mean([cell.ours for cell in enough])),
        "familywise_error": families["holm"],
        "familywise_error_growing": growing["holm"],
        "seed_false_verdicts": max(false for false, _, _ in seeds[3, 3]),
        "seed_false_verdicts_2": max(false for false, _, _ in seeds[2, 2]),
        "power": float(np.mean(powers)),
        "least_power": min(powers),
        "most_power": max(powers),
    }
    peer = {
        "name": "percentile bootstrap over documents; clustered t",
        "least_coverage": min(cell.percentile for cell in enough),
        "least_coverage_clustered": min(cell.clustered for cell in enough),
        "familywise_error": families["raw"],
        "seed_false_verdicts": max(single for _, single, _ in seeds[3, 3]),
    }
    met = _requirements(ours)
    print("\n".join(f"{'met' if value else 'NOT MET'}: {words}" for words, value in met.items()))
    print_result({"ours": ours, "peer": peer, "ratio": ours["least_coverage"] / peer["least_coverage"], "agreement": sum(met.values()) / len(met)})


def _requirements(ours: dict[str, float]) -> dict[str, bool]:
    return {
        "intervals hold the truth in at least 92%": ours["least_coverage"] >= 0.92,
        "a report of 240 verdicts has any false one in at most 5%": ours["familywise_error"] <= 0.05,
        "equal recipes of three seeds differ in at most 7%": ours["seed_false_verdicts"] <= 0.07,
        "power at the minimum detectable effect is 75 to 85%": ours["least_power"] >= 0.75 and ours["most_power"] <= 0.85,
    }


def _coverage(paths: list[Path], repetitions: int, seed: int) -> list[Cell]:
    print("coverage of the truth in %, nominal 95 | population, effective clusters, clusters: ours ± error, percentile, clustered t; width, power")
    cells = []
    for number, population in enumerate(populations((*LENGTHS, *map(read_lengths, paths)))):
        for effective in EFFECTIVE:
            n_clusters = population.clusters_for(effective)
            if n_clusters * population.cluster_documents > _MAX_CLUSTERS and effective > 100:
                continue
            large = effective > 100 or n_clusters * population.cluster_documents > 1000
            cell = _cell(population, effective, n_clusters, max(repetitions // (3 if large else 1), 2), np.random.default_rng([seed, number, int(effective)]))
            cells.append(cell)
            shares = f"{cell.ours:.1%} ± {cell.error:.1%}, {cell.percentile:.1%}, {cell.clustered:.1%}"
            print(f"{cell.name}, {effective:g}, {n_clusters}: {shares}; {cell.width:.2f}, {cell.power:.2f}", flush=True)
    return cells


def _cell(population: Population, effective: float, n_clusters: int, repetitions: int, random: np.random.Generator) -> Cell:
    rows = np.array([_repetition(*population.draw(n_clusters, random)) for _ in range(repetitions)])
    truth = population.truth
    held = [(rows[:, low] <= truth) & (truth <= rows[:, low + 1]) for low in (0, 3, 5)]
    power = _power(rows[:, 0] - truth, rows[:, 1] - truth, rows[:, 2])
    width = np.median(rows[:, 1] - rows[:, 0]) / np.median(rows[:, 6] - rows[:, 5])
    return Cell(population.name, effective, n_clusters, repetitions, *(float(share.mean()) for share in held), float(width), power)


def _repetition(values: Array, labels: np.ndarray) -> tuple[float, ...]:
    """Bounds and minimum detectable effect of ours, bounds of the percentile interval, bounds of the clustered one."""
    found = ratio_interval(values, clusters=labels, scale=1.0, n_resamples=N_RESAMPLES, seed=0)
    sums = resampled_sums(values, N_RESAMPLES, 0) if len(values) < 500 else resampled_sums(values, N_RESAMPLES // 2, 0)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [LEVEL / 2, 1 - LEVEL / 2])
    return found.low, found.high, found.minimum_detectable, low, high, *_clustered(values, labels)


def _clustered(values: Array, labels: np.ndarray) -> tuple[float, float]:
    """√(C / (C - 1) · Σ (Σ residuals of a cluster)²) / Σ weights, with t of C - 1 degrees."""
    estimate = values[:, 0].sum() / values[:, 1].sum()
    sums = np.bincount(labels, values[:, 0] - estimate * values[:, 1])
    half = student_quantile(len(sums) - 1) * math.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / values[:, 1].sum()
    return estimate - half, estimate + half


def _power(low: Array, high: Array, detectable: Array) -> float:
    """Share of samples that find an effect, to either side, as large as the one that samples state on average, without the 1% that state the most and least."""
    effect = trim_mean(detectable, 0.01)
    return float(((low + effect > 0).mean() + (high - effect < 0).mean()) / 2)


def _families(kinds: tuple[str, ...], slope: float, repetitions: int, seed: int) -> dict[str, float]:
    """Share of reports with any false verdict, of 20 models against one base on 12 domains, none of which differs from it on average."""
    random = np.random.default_rng([seed, len(kinds)])
    domains = [Population(LENGTHS[number % 3], kinds[number % len(kinds)], slope) for number in range(N_DOMAINS)]
    any_false = {"holm": 0, "raw": 0}
    for _ in range(repetitions):
        p_values = [p for domain in domains for p in _against_one_base(domain, random)]
        any_false["holm"] += min(holm(p_values)) < LEVEL
        any_false["raw"] += min(p_values) < LEVEL
    shares = {name: count / repetitions for name, count in any_false.items()}
    error = math.sqrt(max(shares["holm"] * (1 - shares["holm"]), 0.01) / repetitions)
    n = N_MODELS * N_DOMAINS
    named = f"{repetitions} reports of {n} verdicts on domains {', '.join(kinds)}"
    print(f"\nany false verdict in {named}: {shares['holm']:.1%} ± {error:.1%} with Holm, {shares['raw']:.1%} without", flush=True)
    return shares


def _against_one_base(domain: Population, random: np.random.Generator) -> list[float]:
    """p-values of models that are equal to their common base on average; half of each difference's variance is the base's."""
    base, labels = domain.draw(domain.clusters_for(60), random)
    base[:, 0] -= domain.truth * base[:, 1]
    found = []
    for _ in range(N_MODELS):
        noise = domain.noise(len(base), random) * NOISE * base[:, 1]
        new = np.column_stack([noise, base[:, 1]])
        found.append(ratio_difference(base, new, clusters=labels, scale=1.0, n_resamples=N_RESAMPLES).p_value)
    return found


def _seeds(n_base: int, n_new: int, repetitions: int, seed: int) -> list[tuple[float, float, float]]:
    """For each noise between seeds: false verdicts of equal recipes, of single checkpoints, and power at the minimum detectable effect."""
    results = []
    for noise in NOISES:
        random = np.random.default_rng([seed, n_base, n_new, int(noise * 10)])
        rows = np.array([_equal_recipes(n_base, n_new, noise, random) for _ in range(repetitions)])
        results.append((float((rows[:, 3] < LEVEL).mean()), float((rows[:, 4] < LEVEL).mean()), _power(*rows[:, :3].T)))
    print(f"\nequal recipes, {n_base} against {n_new} seeds; noise between seeds in standard errors of documents: recipes, single checkpoints, power")
    print("\n".join(f"{noise:g}: {false:.1%}, {single:.1%}, {power:.2f}" for noise, (false, single, power) in zip(NOISES, results, strict=True)))
    return results


def _equal_recipes(n_base: int, n_new: int, noise: float, random: np.random.Generator) -> tuple[float, ...]:
    """Bounds, minimum detectable effect and p-value of two recipes, and the p-value of their first runs. 100 documents as long as contracts."""
    n_bytes = random.choice(LENGTHS[1].values, 100)
    document_error = NOISE * math.sqrt(float((n_bytes**2).sum())) / n_bytes.sum()

    def runs(n: int) -> list[Array]:
        shared = NOISE / math.sqrt(2) * random.standard_normal(100)
        return [
            np.column_stack([(shared + 0.02 * random.standard_normal(100) + noise * document_error * random.standard_normal()) * n_bytes, n_bytes])
            for _ in range(n)
        ]

    base, new = runs(n_base), runs(n_new)
    found = recipe_difference(base, new, scale=1.0, n_resamples=N_RESAMPLES)
    single = ratio_difference(base[0], new[0], scale=1.0, n_resamples=N_RESAMPLES)
    return found.low, found.high, found.minimum_detectable, found.p_value, single.p_value


if __name__ == "__main__":
    main()

import numpy as np
import pytest

from benchmarks.coverage_populations import LENGTHS, Population, populations, read_lengths
from eval.statistics.clusters import effective_number, group


@pytest.mark.parametrize("population", populations(LENGTHS), ids=lambda population: population.name)
def test_the_truth_and_the_effective_number_are_those_of_large_samples(population):
    values, labels = population.draw(150_000 // population.cluster_documents, np.random.default_rng(0))
    assert values[:, 0].sum() / values[:, 1].sum() == pytest.approx(population.truth, abs=0.008)
    n_clusters = population.clusters_for(200)
    found = []
    for seed in range(20):
        values, labels = population.draw(n_clusters, np.random.default_rng(seed))
        found.append(1 / effective_number(group(labels, len(labels)).totals(values[:, 1:])[:, 0]))
    assert 1 / np.mean(found) == pytest.approx(200, rel=0.2)


def test_documents_of_a_cluster_have_as_much_in_common_as_said():
    population = Population(LENGTHS[0], "clusters", 0.0, 2, 0.3)
    values, _ = population.draw(20_000, np.random.default_rng(1))
    per_byte = (values[:, 0] / values[:, 1]).reshape(-1, 2)
    assert np.corrcoef(per_byte.T)[0, 1] == pytest.approx(0.3, abs=0.02) and per_byte.std() == pytest.approx(0.1, rel=0.02)


def test_lengths_are_read_from_files_and_from_lists(tmp_path):
    (tmp_path / "documents").mkdir()
    for number in range(60):
        (tmp_path / "documents" / f"{number}.txt").write_text("a" * (number + 1))
    listed = tmp_path / "lengths.txt"
    listed.write_text("\n".join(str(number + 1) for number in range(60)))
    assert sorted(read_lengths(tmp_path / "documents").values) == sorted(read_lengths(listed).values) == list(range(1, 61))
    listed.write_text("1\n2")
    with pytest.raises(SystemExit, match="2 lengths; at least 50"):
        read_lengths(listed)

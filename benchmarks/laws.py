"""Mixing laws against published numbers: what each law gives on published data, beside what its paper gives.

    python -m benchmarks.laws [--regmix DIR] [--ct FILE] [--sizes FILE]

`--regmix`: a folder with RegMix's `train_*_1m.csv` and `test_*_{1m,60m,1B}.csv`. `--ct`: a table of continual pre-training runs on `pile` and `python`
with the base model's losses. `--sizes`: a table of mixtures at several model sizes and numbers of tokens. Tables are those that `mix runs` writes.
Figures whose files are not given are left out. The last line is one JSON object: `ours` and `peer` (published) by figure, and the share of
figures within their required range as `agreement`.
"""

import argparse
import time
from pathlib import Path

from benchmarks.harness import print_result, use_one_core
from benchmarks.laws_figures import Figure, show


def main() -> None:
    """Print the measurements; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--regmix", type=Path, help="folder with RegMix's CSV files")
    parser.add_argument("--ct", type=Path, help="table of runs: continual pre-training at five ratios of pile and python")
    parser.add_argument("--sizes", type=Path, help="table of runs: mixtures at several model sizes")
    options = parser.parse_args()
    use_one_core()
    figures: list[Figure] = []
    for name, part in PARTS.items():
        start = time.perf_counter()
        new = part(options)
        show(new)
        figures += new
        print(f"{name}: {time.perf_counter() - start:.1f} s\n")
    ours = {figure.key: figure.ours for figure in figures}
    peer = {figure.key: figure.published for figure in figures if figure.published is not None}
    agreement = sum(figure.met for figure in figures) / max(len(figures), 1)
    ratio = {figure.key: figure.ours / figure.published for figure in figures if isinstance(figure.ours, float) and isinstance(figure.published, float)}
    print_result({"ours": ours, "peer": peer, "ratio": ratio, "agreement": agreement})


def regmix(options: argparse.Namespace) -> list[Figure]:
    """Spearman correlations on RegMix's test runs."""
    from benchmarks.laws_regmix import measure

    return measure(options.regmix) if options.regmix else []


def sizes(options: argparse.Namespace) -> list[Figure]:
    """Losses of larger models from smaller ones."""
    from benchmarks.laws_sizes import measure

    return measure(options.sizes) if options.sizes else []


def critical_share(options: argparse.Namespace) -> list[Figure]:
    """The critical share and held-out errors on open curves of continual pre-training."""
    from benchmarks.laws_ct import measure

    return measure(options.ct) if options.ct else []


def learning_rates(options: argparse.Namespace) -> list[Figure]:
    """The law of learning rates on a schedule that was not fitted."""
    from benchmarks.laws_rates import measure

    return measure()


def published(options: argparse.Namespace) -> list[Figure]:
    """Critical mixture ratios and the D-CPT law on published tables, which need no files."""
    from benchmarks.laws_published import measure

    return measure()


PARTS = {
    "regmix": regmix,
    "critical share": critical_share,
    "sizes": sizes,
    "learning rates": learning_rates,
    "published tables": published,
}
"""Each part takes the options and gives its figures; it imports its own module."""


if __name__ == "__main__":
    main()

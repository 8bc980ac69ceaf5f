"""Names of runs, which say what a run is, and seeds that depend on nothing else."""

from collections.abc import Mapping

import xxhash

from shards.record import canonical_json

_MOST_BYTES = 80
_SEEDS = 1 << 31


def ratio_name(shares: Mapping[str, float]) -> str:
    """Sources with their shares in percent: `law70-web30`; a hash where that is longer than 80 bytes."""
    drawn = {name: share for name, share in shares.items() if share > 0}
    name = "-".join(f"{source}{100 * share:.6g}" for source, share in drawn.items())
    return name if len(name.encode()) <= _MOST_BYTES else f"ratio-{xxhash.xxh3_64_hexdigest(canonical_json(drawn))}"


def run_name(shares: Mapping[str, float], *, kind: str = "trained", repeat: int = 0, lr: float | None = None) -> str:
    """Name of a run and its folder: `law70-web30`, `law70-web30-seed2` for a repeat, `merged-law70-web30`."""
    prefix = "" if kind == "trained" else f"{'confirm' if kind == 'confirmation' else kind}-"
    return prefix + ratio_name(shares) + ("" if lr is None else f"-lr{lr:g}") + (f"-seed{repeat + 1}" if repeat else "")


def run_seed(seed: int, name: str) -> int:
    """A seed of 31 bits for a run: runs have independent noise, and a longer design leaves those of the shorter one as they are."""
    return (seed + xxhash.xxh3_64_intdigest(name)) % _SEEDS

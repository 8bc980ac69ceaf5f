"""The recipe's part on engines. None of it enters the recipe's hash: it says how fast, not what."""

from typing import Annotated, Literal

from pydantic import Field

from shards.recipe import Recipe

Kind = Literal["local", "slurm", "ray"]


class EngineRecipe(Recipe):
    """Where tasks run. Slurm and Ray need the extra `cluster` and folders that all nodes see under the same path."""

    kind: Kind = "local"
    """`local`: processes of this machine. `slurm`, `ray`: datatrove's executors, as launchers."""
    jobs: Annotated[int, Field(ge=1)] = 100
    """Slurm, Ray: jobs per stage at most; each runs its share of the stage's tasks one after another."""
    concurrent: Annotated[int, Field(ge=-1)] = -1
    """Slurm, Ray: jobs at the same time; -1: no limit."""
    cpus_per_job: Annotated[int, Field(ge=1)] = 1
    """Slurm, Ray: a task uses one core; more buys memory."""
    memory_per_cpu_gb: Annotated[int, Field(ge=1)] = 4
    """Slurm, Ray: gigabytes."""
    partition: str = ""
    """Slurm: partition; must be given."""
    time: str = "24:00:00"
    """Slurm: time limit of a job."""
    environment: str = ""
    """Slurm: shell command that makes Python and this package available on a node. Default: the `bin` folder of this Python comes first in PATH."""
    sbatch: dict[str, str] = {}
    """Slurm: further options of sbatch, e.g. {account: lab, qos: long}."""
    address: str = ""
    """Ray: address of the cluster, e.g. `auto` or `ray://head:10001`. Default: a cluster of this machine alone, for the length of the run."""
    poll_seconds: Annotated[float, Field(gt=0)] = 5.0
    """Slurm, Ray: seconds between two looks at what is done."""

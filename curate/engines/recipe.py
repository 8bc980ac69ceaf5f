"""The section of the recipe on engines. It does not enter the recipe's hash, because it changes how fast a result is made, not the result."""

from typing import Annotated, Literal

from pydantic import Field

from shards.recipe import Recipe

Kind = Literal["local", "slurm", "ray"]


class EngineRecipe(Recipe):
    """Where tasks run. Slurm and Ray need the extra `cluster`, and folders that all nodes see under the same path."""

    kind: Kind = "local"
    """`local`: processes of this machine. `slurm`, `ray`: launched by datatrove's executors."""
    jobs: Annotated[int, Field(ge=1)] = 100
    """Slurm, Ray: upper limit of jobs per stage; each runs its share of the stage's tasks one after another."""
    concurrent: Annotated[int, Field(ge=-1)] = -1
    """Slurm, Ray: upper limit of jobs at the same time; -1: no limit."""
    cpus_per_job: Annotated[int, Field(ge=1)] = 1
    """Slurm, Ray: cores of a job. A task uses one core; more cores give it more memory."""
    memory_per_cpu_gb: Annotated[int, Field(ge=1)] = 4
    """Slurm, Ray: memory of each core, in gigabytes."""
    partition: str = ""
    """Slurm: partition; required there."""
    time: str = "24:00:00"
    """Slurm: time limit of a job, HH:MM:SS."""
    environment: str = ""
    """Slurm: shell command that makes Python and this package available on a node. Empty: the `bin` folder of this Python is put first in PATH."""
    sbatch: dict[str, str] = {}
    """Slurm: more options of sbatch, e.g. `{account: lab, qos: long}`."""
    address: str = ""
    """Ray: address of the cluster, e.g. `auto` or `ray://head:10001`. Empty: a cluster of this machine alone, for the duration of the run."""
    poll_seconds: Annotated[float, Field(gt=0)] = 5.0
    """Slurm, Ray: seconds between two checks of which tasks are done."""

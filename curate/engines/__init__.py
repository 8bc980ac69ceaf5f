"""Who runs the tasks of a stage: this machine, Slurm, or Ray. What they write does not depend on it."""

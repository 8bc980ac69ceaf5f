"""Engines run the tasks of a stage: on this machine, Slurm or Ray. The output does not depend on the engine."""

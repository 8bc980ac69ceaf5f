"""Imported by the fork server alone, and first: so that it ends with the command, also while it still loads what workers need."""

from shards.processes import killed_with_parent

killed_with_parent()

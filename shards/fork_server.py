"""Preloaded by the fork server alone, before all else, so that the server ends with the command even while it still imports modules.

A module of its own, because the import is what takes effect.
"""

from shards.processes import killed_with_parent

killed_with_parent()

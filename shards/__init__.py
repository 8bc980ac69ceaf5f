"""The on-disk format that every room uses, checksummed Arrow shard sets with lineage, and what all commands share."""

from shards.environment import settle_environment

settle_environment()

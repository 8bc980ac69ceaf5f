"""The on-disk format every room speaks: checksummed Arrow shard sets with lineage, and what all commands share."""

from shards.environment import settle_environment

settle_environment()

"""How well models use long context: nats per token by position, and retrieval of a needle from a haystack."""

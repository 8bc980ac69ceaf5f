"""Rotary position embeddings (RoPE): how a model's context is extended, and which frequencies each document gets."""

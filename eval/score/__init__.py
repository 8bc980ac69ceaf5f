"""Nats of documents under a model."""

"""Merges several trained models of one architecture, tensor by tensor."""

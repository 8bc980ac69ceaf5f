"""Puts several trained models of one architecture together, tensor by tensor."""

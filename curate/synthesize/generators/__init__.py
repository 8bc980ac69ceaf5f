"""Generators: requests in, answers out. `base.py` is the interface, one file for each kind."""

"""Selects what is trained: the whole model, some parameters in stages, new blocks, or adapters beside frozen weights."""

"""What of a model is trained: all, some parameters by stages, new blocks, or adapters beside frozen weights."""

"""Numba kernels and bit operations that everything else is built on: buffers, lines, hashing, character classes."""

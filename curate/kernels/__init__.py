"""Numba kernels and bit operations below everything else: buffers, lines, hashing, character classes."""

"""Questions about a finished run: why, sample, redecide, rehydrate, percentiles, and the rules."""

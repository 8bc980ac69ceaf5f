"""Questions to a finished run: why, sample, decide again, rehydrate, percentiles, and the rules themselves."""

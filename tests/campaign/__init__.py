"""Commands ended at seeded moments, in every way that a process ends, run again, and compared with runs that nothing disturbed."""

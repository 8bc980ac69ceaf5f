"""Ready suites: benchmarks read from files as published, and tasks made from one's own held-out text."""

"""Algorithms for duplicates: exact, near-duplicates, clusters, which document to keep, and repeated text inside documents."""

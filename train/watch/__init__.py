"""What a run tells while it runs: metrics, trackers, the display, evaluation on held-out documents, advice when memory runs out."""

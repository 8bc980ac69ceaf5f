"""Everything a run reports while it trains: metrics, trackers, the display, scores on held-out documents, advice when memory runs out."""

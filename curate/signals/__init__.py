"""What is measured: words, lines and statistics of texts, as arrays. No thresholds and no decisions."""
